"""The contest runs, and its judges can tell the contenders apart."""

from __future__ import annotations

from .__main__ import compete
from .plain import CONTENDERS, LAWS, table


async def test_the_contest_tells_who_broke_what() -> None:
    """On a few cases: a create whose answer is lost, and that is made again, is taken then."""
    scores, number = await compete(["POST credential", "reset-after-applying"])
    assert scores.keys() == CONTENDERS.keys()
    assert scores["unmta_async"].held == number > 0
    assert scores["aiohttp + retries"].held < number
    assert scores["aiohttp + retries"].breaches["says what is so"] > 0
    shown = table(scores, number)
    assert all(law in shown for law in LAWS)
