"""The chart for the README, as SVG: CPU time against plain aiohttp, in light and in dark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.contest import CONTENDERS

__all__ = ["chart"]

_TITLES: Final = {
    "get": "get one domain",
    "create-64": "create, 64 at a time",
    "list-1000": "list 1,000 domains",
    "decode-1000": "decode 1,000 domains",
}
_LABELS: Final = {
    "plain": "aiohttp by hand",
    "floor": "aiohttp, the least",
    "ours": "unmta-async",
    "ours-bulk": "unmta-async, in bulk",
    "httpx-pydantic": "httpx + pydantic",
    "generated": "openapi-python-client",
    "openai-generic": "openai's generic client",
}
_XMLNS: Final = "http://www.w3.org/2000/svg"
_WIDTH: Final = 760
_LEFT: Final = 190
_RIGHT: Final = 60
_BAR: Final = 14
_STEP: Final = 20
_LEGEND: Final = "CPU time against aiohttp by hand (dashed); less is better."

_STYLE: Final = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.note { fill: #57606a }
.bar { fill: #8c959f }
.ours { fill: #0969da }
.plain { stroke: #57606a; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .note { fill: #9198a1 }
  .bar { fill: #6e7681 }
  .ours { fill: #4493f8 }
  .plain { stroke: #9198a1 }
}
"""

Ratios = Mapping[str, Mapping[str, float]]
"""For each scenario what each contender takes, plain aiohttp being 1."""


def chart(ratios: Ratios, note: str) -> str:
    """Return the chart.

    Args:
        ratios: What to show; scenarios without a title are left out.
        note: Where the figures are from.
    """
    body: list[str] = []
    top = 24
    for scenario, title in _TITLES.items():
        if scenario in ratios:
            body += _panel(title, ratios[scenario], top)
            top += 24 + _STEP * len(ratios[scenario]) + 16
    body.append(f'<text class="note" x="8" y="{top}">{_LEGEND}</text>')
    top += _STEP
    body.append(f'<text class="note" x="8" y="{top}">{escape(note)}</text>')
    return "\n".join(
        (
            f'<svg xmlns="{_XMLNS}" viewBox="0 0 {_WIDTH} {top + 12}" role="img">',
            "<title>CPU time against aiohttp by hand; less is better</title>",
            f"<style>{_STYLE}</style>",
            *body,
            "</svg>\n",
        )
    )


def _panel(title: str, ratios: Mapping[str, float], top: int) -> Iterator[str]:
    scale = (_WIDTH - _LEFT - _RIGHT) / max(ratios.values())
    shown = [each.name for each in CONTENDERS if each.name in ratios]
    yield f'<text class="title" x="8" y="{top}">{title}</text>'
    for row, name in enumerate(shown):
        yield from _bar(name, ratios[name], top + 10 + row * _STEP, scale)
    yield _plain_line(_LEFT + scale, top + 8, shown)


def _bar(name: str, ratio: float, y: int, scale: float) -> Iterator[str]:
    kind = "bar ours" if name.startswith("ours") else "bar"
    width = ratio * scale
    yield f'<text x="{_LEFT - 8}" y="{y + 11}" text-anchor="end">{_LABELS[name]}</text>'
    yield f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}"/>'
    beyond = _LEFT + max(width, scale) + 6  # the line at 1 crosses no figure
    yield f'<text x="{beyond:.1f}" y="{y + 11}">{ratio:.2f}</text>'


def _plain_line(x: float, y: int, shown: Sequence[str]) -> str:
    return f'<path class="plain" d="M{x:.1f} {y}v{_STEP * len(shown)}"/>'
