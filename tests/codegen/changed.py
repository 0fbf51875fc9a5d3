"""Changed contracts: what each is, how it is generated, and how it is called.

A change is a YAML overlay on openapi/unmta.yaml. What it generates becomes a package of its own,
`apis.api_<name>`, beside those of the others, which takes the core from `unmta_async`.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import json
import re
import subprocess
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codegen_support import ROOT
from scripted import Scripted

from codegen import models
from codegen.__main__ import generate
from codegen.document import ContractError
from codegen.loader import load, read

Answer = tuple[int, str, bytes]


@dataclass(frozen=True)
class Example:
    """A call as a user writes it, what has to go over the wire, and what has to come of it.

    Attributes:
        call: An expression, with `client`, `models` and what USER_CODE imports.
        request: "GET /clusters/a1/things?tags=x" below the base URL; then "Name: value" of headers
            ("Name:" alone: it must not be there); then a blank line and the body, as JSON if it is
            any. Without a blank line there must be no body. "" if nothing may be sent.
        answer: Status, content type and body; "" is no content type.
        value: An expression over `result` and `models` that has to be true. If it does not name
            `result`, the call's value is not kept.
        typed: The type that checkers have to see in `result`, such as "Sequence[models.Thing]".
        error: The name of the error class that the call ends with instead.
        more: Further requests and answers, as for a call that walks pages.
    """

    call: str
    request: str = ""
    answer: Answer = (204, "", b"")
    value: str = "True"
    typed: str = ""
    error: str = ""
    more: tuple[tuple[str, Answer], ...] = ()


@dataclass(frozen=True)
class Change:
    """A change of the contract, and what has to come of it.

    Attributes:
        name: In kebab case.
        overlay: YAML that is merged into the contract, mappings deeply; null deletes.
        files: Other files beside the contract, by name.
        examples: Calls that work.
        wrong: Calls that type checkers have to refuse, such as "client.things.list(1)".
        contains: Text that has to be in a generated module: (module, text).
        warnings: Regular expressions of what the generator says on the way.
        refused: A regular expression of the message, if the contract is to be refused.
    """

    name: str
    overlay: str
    files: Mapping[str, str] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    wrong: tuple[str, ...] = ()
    contains: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    refused: str | None = None

    @property
    def package(self) -> str:
        """The name of the package that it becomes."""
        return f"api_{self.name.replace('-', '_')}"


@dataclass(frozen=True)
class Made:
    """What the generator made of a change: modules, or the message that refuses it."""

    modules: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""
    said: str = ""


def body(data: object, status: int = 200) -> Answer:
    """Return a JSON answer."""
    return status, "application/json", json.dumps(data).encode()


# Generating.


def make(change: Change, folder: Path) -> Made:
    """Generate from a changed contract, which is written into a folder of its own."""
    contract = write(change, folder)
    models.subprocess = _InProcess  # type: ignore[assignment,attr-defined]
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            return Made(generate(contract), said=said.getvalue())
        except ContractError as error:
            return Made(refusal=str(error))
        except Exception:  # noqa: BLE001 - a crash is this change's alone
            return Made(refusal=traceback.format_exc())


def write(change: Change, folder: Path) -> Path:
    """Write a changed contract, and the files beside it, into a folder of its own."""
    folder.mkdir(parents=True)
    merged = _merged(_base(), read(change.overlay, file=change.name).data)
    contract = folder / "api.yaml"
    # JSON is YAML, and leaves every scalar what it is.
    contract.write_text(json.dumps(merged, indent=1, ensure_ascii=False), encoding="utf-8")
    for name, text in change.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return contract


@functools.cache
def _base() -> Any:
    return load(ROOT / "openapi" / "unmta.yaml").data


def _merged(old: Any, new: Any) -> Any:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    merged = {**old, **{key: _merged(old.get(key), value) for key, value in new.items()}}
    return {key: value for key, value in merged.items() if key not in new or new[key] is not None}


class _InProcess:
    """In place of the module `subprocess`: the model generator without its slow start-up."""

    @staticmethod
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        from datamodel_code_generator.__main__ import main

        with contextlib.redirect_stderr(io.StringIO()) as said:
            code = int(main(command[3:]))
        return subprocess.CompletedProcess(command, code, "", said.getvalue())


# As user code.

USER_CODE = """\
# pyright: reportDeprecated=false
from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal, assert_type

from unmta_async import UNSET, Page, Secret, from_dict, to_dict
from unmta_async._generated import Resources as _Real

from . import Resources, models

_Unused = (
    AsyncIterator, Mapping, Sequence, UTC, date, datetime, Any, Literal, assert_type, UNSET, Page,
    Secret, from_dict, to_dict, models, _Real,
)
"""


def install(change: Change, made: Made, folder: Path) -> None:
    """Write a package of what was made, with the calls of the examples in its `user_code`."""
    package = folder / change.package
    package.mkdir(parents=True)
    for name, text in made.modules.items():
        absolute = re.sub(r"^(\s*)from \.\.", r"\1from unmta_async.", text, flags=re.MULTILINE)
        (package / name).write_text(absolute, encoding="utf-8")
    (package / "user_code.py").write_text(_user_code(change), encoding="utf-8")


def _user_code(change: Change) -> str:
    functions = [_function(f"example_{at}", each) for at, each in enumerate(change.examples)]
    functions += [
        f"async def wrong_{at}(client: Resources) -> None:\n    {call}  # type: ignore\n"
        for at, call in enumerate(change.wrong)
    ]
    return "\n\n".join([USER_CODE, *functions])


def _function(name: str, example: Example) -> str:
    if not re.search(r"\bresult\b", example.value) and not example.typed:
        lines = [example.call, f"return {example.value}"]
    else:
        typed = [f"assert_type(result, {example.typed})"] if example.typed else []
        lines = [f"result = {example.call}", *typed, f"return bool({example.value})"]
    return f"async def {name}(client: Resources) -> bool:\n    " + "\n    ".join(lines) + "\n"


# Calling.


async def call(change: Change, at: int) -> tuple[bool, Sequence[bytes]]:
    """Make the call of an example; return whether its value is right, and what was sent."""
    example = change.examples[at]
    package = importlib.import_module(f"apis.{change.package}")
    user_code = importlib.import_module(f"apis.{change.package}.user_code")
    answers = [example.answer, *(answer for _, answer in example.more)]
    async with Scripted(*map(_wire, answers)) as server, server.client() as client:
        try:
            resources = package.Resources(client._transport)
            return await getattr(user_code, f"example_{at}")(resources), server.requests
        except Exception as error:
            if type(error).__name__ == example.error:
                return True, server.requests
            raise


def _wire(answer: Answer) -> bytes:
    status, kind, content = answer
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}"]
    lines += [f"Content-Type: {kind}"] if kind else []
    if status == 204:
        del lines[1]
    return "\r\n".join([*lines, "", ""]).encode() + content


def differences(example: Example, requests: Sequence[bytes]) -> list[str]:
    """Say in what the requests differ from those of an example."""
    wanted = [text for text in (example.request, *(text for text, _ in example.more)) if text]
    if len(wanted) != len(requests):
        return [f"{len(requests)} requests, not {len(wanted)}"]
    return [each for pair in zip(wanted, requests, strict=True) for each in _differences(*pair)]


def _differences(wanted: str, request: bytes) -> list[str]:
    head, _, content = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    wanted_head, _, wanted_body = wanted.partition("\n\n")
    wanted_first, *wanted_lines = wanted_head.splitlines()
    found = []
    if first != f"{wanted_first.replace(' /', ' /api/v1/', 1)} HTTP/1.1":
        found.append(f"{first!r} is not {wanted_first!r}")
    for line in wanted_lines:
        name, _, value = line.partition(":")
        if headers.get(name.lower(), "") != value.strip():
            found.append(f"{name}: {headers.get(name.lower())!r} is not {value.strip()!r}")
    if _data(content) != _data(wanted_body.encode()):
        found.append(f"the body {content!r} is not {wanted_body!r}")
    return found


def _data(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return content
