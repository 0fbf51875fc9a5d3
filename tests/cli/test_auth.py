"""`unmta auth`: a token is checked before it is kept, and never shown."""

from __future__ import annotations

import json
import sys
import types

import pytest

from .conversation import converse

NO_TOKEN = {"UNMTA_API_TOKEN": ""}


@pytest.fixture
def keyring(monkeypatch):
    """A keyring of the test's own, in place of the system's."""
    kept = {}
    errors = types.ModuleType("keyring.errors")
    errors.KeyringError = type("KeyringError", (Exception,), {})
    module = types.ModuleType("keyring")
    module.errors = errors
    module.get_password = lambda service, account: kept.get((service, account))
    module.set_password = lambda service, account, value: kept.update({(service, account): value})
    monkeypatch.setitem(sys.modules, "keyring", module)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    return kept


def test_a_good_token_is_kept_and_then_used(call, keyring, monkeypatch, sandbox):
    monkeypatch.delenv("UNMTA_API_TOKEN")
    code, out, err = call("auth", "login", stdin=f"{sandbox.token}\n")
    assert (code, out) == (0, "")
    assert "it can see 2 clusters" in err
    assert list(keyring.values()) == [sandbox.token]
    status = call("auth", "status", "--output", "json")
    assert json.loads(status.out) == {
        "base_url": sandbox.base_url,
        "token_source": "the keyring",
        "clusters": ["a1b2c3d4", "e5f6g7h8"],
    }
    assert sandbox.token not in err + status.out + status.err


def test_a_token_that_the_api_refuses_is_not_kept(call, keyring):
    code, out, err = call("auth", "login", stdin="wrong\n")
    assert (code, out, keyring) == (1, "", {})
    assert "401" in err
    assert "wrong" not in err


def test_a_dry_run_keeps_nothing(call, keyring, sandbox):
    code, _, err = call("auth", "login", "--dry-run", stdin=sandbox.token)
    assert (code, keyring) == (0, {})
    assert "It is not kept" in err


def test_no_token_at_all_is_refused(call, keyring):
    assert call("auth", "login", stdin="\n").code == 2
    assert keyring == {}


def test_a_token_in_the_environment_goes_first_and_that_is_told(call, keyring, sandbox):
    _, _, err = call("auth", "login", stdin=sandbox.token)
    assert "UNMTA_API_TOKEN is set and goes before it" in err
    assert json.loads(call("auth", "status", "-o", "json").out)["token_source"] == "UNMTA_API_TOKEN"


def test_a_token_file_goes_before_everything(call, sandbox, tmp_path):
    (tmp_path / "token").write_text(f"{sandbox.token}\n")
    shown = call("auth", "status", "--token-file", "token", "-o", "json").out
    assert json.loads(shown)["token_source"] == "token"


def test_the_token_in_a_file_is_the_one_that_is_kept(call, keyring, sandbox, tmp_path):
    (tmp_path / "token").write_text(f"{sandbox.token}\n")
    assert call("auth", "login", "--token-file", "token", stdin="wrong").code == 0
    assert list(keyring.values()) == [sandbox.token]


@pytest.mark.parametrize(
    ("content", "said"), [(b"\xff\xfe", "it is not text in UTF-8"), (b"\n", "no token in it")]
)
def test_a_file_that_has_no_token_is_refused(call, tmp_path, content, said):
    (tmp_path / "token").write_bytes(content)
    code, out, err = call("clusters", "list", "--token-file", "token")
    assert (code, out) == (2, "")
    assert err.startswith("error: token: ")
    assert said in err


def test_without_a_token_it_says_the_ways_to_give_one(call, keyring, monkeypatch):
    monkeypatch.delenv("UNMTA_API_TOKEN")
    code, out, err = call("auth", "status")
    assert (code, out) == (2, "")
    assert all(way in err for way in ("UNMTA_API_TOKEN", "--token-file", "unmta auth login"))


def test_a_token_that_is_not_taken_ends_with_1_and_its_source(call, monkeypatch):
    monkeypatch.setenv("UNMTA_API_TOKEN", "wrong")
    code, out, err = call("auth", "status")
    assert (code, out) == (1, "")
    assert "The token is from UNMTA_API_TOKEN" in err
    assert "401" in err


def test_without_the_extra_it_says_what_to_install(call, monkeypatch, sandbox):
    monkeypatch.setitem(sys.modules, "keyring", None)
    code, _, err = call("auth", "login", stdin=sandbox.token)
    assert code == 1
    assert "pip install 'unmta-async[keyring]'" in err


def test_what_a_person_types_is_not_shown(account, sandbox, tmp_path):
    says = [("API token: ", f"{sandbox.token}\n")]
    ended = converse("auth", "login", "--dry-run", says=says, env=account, cwd=tmp_path)
    assert ended.code == 0
    assert "it can see 2 clusters" in ended.out
    assert sandbox.token not in ended.out


@pytest.mark.parametrize(("typed", "code"), [("\x03", 130), ("\x04", 1)])
def test_ctrl_c_and_ctrl_d_at_the_question_end_it(account, tmp_path, typed, code):
    says = [("API token: ", typed)]
    ended = converse("auth", "login", says=says, env=account, cwd=tmp_path)
    assert ended.code == code
    assert "Traceback" not in ended.out
