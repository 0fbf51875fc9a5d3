"""The fixtures, as the tests of a user's project see them."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

SYNCHRONOUS = """
    import asyncio
    import urllib.request

    def test_server(unmta_sandbox):
        url = unmta_sandbox.base_url + "/clusters"
        headers = {"Authorization": f"Bearer {unmta_sandbox.token}", "Accept": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            assert answer.status == 200
        assert [call.operation for call in unmta_sandbox.calls] == ["clusters.list"]

    def test_client(unmta_client):
        assert len(asyncio.run(unmta_client.clusters.list())) == 2

    def test_unused(unmta_client):
        pass
"""

ASYNCHRONOUS = """
    import pytest

    @pytest.mark.parametrize("name", ["example.com", "example.org"])
    async def test_each_has_a_world_of_its_own(unmta_client, unmta_sandbox, name):
        await unmta_client.domains.create("a1b2c3d4", name=name)
        assert [d.name for d in await unmta_client.domains.list("a1b2c3d4")] == [name]
        assert len(unmta_sandbox.calls) == 2

    async def test_a_new_token_is_noticed(unmta_client, unmta_sandbox):
        await unmta_client.clusters.list()
        unmta_sandbox.issue_token()
        assert len(await unmta_client.clusters.list()) == 2
"""


@pytest.mark.parametrize("scope", ["function", "module", "session"])
def test_they_work_under_any_loop_scope(pytester: pytest.Pytester, scope: str) -> None:
    pytester.makepyfile(test_synchronous=SYNCHRONOUS, test_asynchronous=ASYNCHRONOUS)
    pytester.makeini(
        f"""
        [pytest]
        asyncio_mode = auto
        asyncio_default_fixture_loop_scope = {scope}
        asyncio_default_test_loop_scope = {scope}
        filterwarnings = error
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=6)


def test_loading_it_imports_nothing_heavy() -> None:
    program = "import sys, unmta_async.pytest_plugin; print(*sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    assert not {"aiohttp", "attrs", "msgspec", "unmta_async.sandbox"} & set(shown.split())
