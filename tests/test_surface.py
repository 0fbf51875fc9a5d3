"""What the package shows: its names, what importing them costs, its version."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import aiohttp
import pytest

import unmta_async

ROOT = Path(__file__).parents[1]

# The root of design/public-api.md.
NAMES = {
    *("UnmtaClient", "Timeout", "RetryPolicy", "Secret", "Attempt", "Page"),
    *("to_dict", "from_dict", "UNSET", "__version__"),
    *("models", "provisioning", "dns", "sandbox"),
}
ERRORS = {
    "UnmtaError": "Exception",
    "UsageError": "UnmtaError",
    "ClientClosedError": "UnmtaError",
    "TransportError": "UnmtaError",
    "ConnectError": "TransportError",
    "ConnectTimeoutError": "ConnectError",
    "TLSError": "ConnectError",
    "ConnectionLostError": "TransportError",
    "RequestTimeoutError": "TransportError",
    "UnexpectedResponseError": "UnmtaError",
    "APIError": "UnmtaError",
    "AuthenticationError": "APIError",
    "PermissionDeniedError": "APIError",
    "NotFoundError": "APIError",
    "ConflictError": "APIError",
    "ValidationError": "APIError",
    "RateLimitError": "APIError",
    "ServerError": "APIError",
    "ServiceUnavailableError": "ServerError",
    "PasswordLostError": "UnmtaError",
}


def test_the_root_lists_these_names_and_no_other():
    assert len(unmta_async.__all__) == len(set(unmta_async.__all__))
    assert set(unmta_async.__all__) == NAMES | set(ERRORS)
    assert dir(unmta_async) == sorted(unmta_async.__all__)


@pytest.mark.parametrize("name", sorted(NAMES | set(ERRORS)))
def test_every_name_is_there_and_documented(name):
    value = getattr(unmta_async, name)
    assert value is getattr(unmta_async, name)
    if isinstance(value, type | ModuleType):
        assert value.__doc__
        assert value.__name__.rpartition(".")[2] == name


@pytest.mark.parametrize("name", ERRORS)
def test_the_errors_are_the_tree_of_the_design(name):
    error = getattr(unmta_async, name)
    assert ERRORS[name] in [base.__name__ for base in error.__mro__[1:]]
    assert issubclass(error, TimeoutError) is name.endswith("TimeoutError")
    assert issubclass(error, ValueError) is (name == "UsageError")


def test_every_error_of_ours_is_a_public_one():
    public = {getattr(unmta_async, name) for name in ERRORS}
    found, waiting = set(), [unmta_async.UnmtaError]
    while waiting:
        error = waiting.pop()
        found.add(error)
        waiting += error.__subclasses__()
    ours = {e for e in found if e.__module__ == "unmta_async.errors" and e.__name__[0] != "_"}
    assert ours == public


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = unmta_async.no_such_name
    with pytest.raises(ImportError):
        from unmta_async import no_such_name  # noqa: F401 - it is the import that is to fail


def test_the_version_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert unmta_async.__version__ == project["version"]


def modules_after(statement):
    """Return the modules that a fresh interpreter has loaded after a statement."""
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\nimport json, sys\nprint(json.dumps([*sys.modules]))"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return set(json.loads(done.stdout))


def test_the_root_alone_imports_nothing_heavy():
    loaded = modules_after("import unmta_async; dir(unmta_async); unmta_async.__version__")
    assert not {"aiohttp", "attrs", "attr", "cattrs", "msgspec", "asyncio"} & loaded
    assert {name for name in loaded if name.startswith("unmta_async.")} <= {"unmta_async._version"}


def test_the_client_imports_no_server_and_nothing_of_the_demo():
    loaded = modules_after("from unmta_async import UnmtaClient")
    assert "aiohttp" in loaded
    assert not {"aiohttp.web", "rich"} & loaded
    assert not {f"unmta_async.{name}" for name in ("sandbox", "provisioning", "drift")} & loaded


async def test_three_frames_at_most_stand_between_a_caller_and_aiohttp(client, monkeypatch):
    frames = []

    async def look(*_: object, **__: object) -> None:
        frame = sys._getframe(1)
        while frame and Path(frame.f_code.co_filename) != Path(__file__):
            frames.append(frame.f_code)
            frame = frame.f_back
        raise aiohttp.ClientError

    monkeypatch.setattr(aiohttp.ClientSession, "_request", look)
    client = client.with_options(retry=unmta_async.RetryPolicy.none())
    with pytest.raises(unmta_async.ConnectError):
        await client.domains.create("a1b2c3d4", name="example.com")
    ours = [c.co_qualname for c in frames if "unmta_async" in Path(c.co_filename).parts]
    assert ours == ["Transport._attempt", "Transport.send", "Domains.create"]
