"""That nothing is missing: handlers for operations, keepers and proofs for rules."""

import ast
import sys
from pathlib import Path

import contract

from unmta_async import sandbox
from unmta_async.sandbox import RULES
from unmta_async.sandbox.app import BASE_PATH, OPERATIONS
from unmta_async.sandbox.rules import KEPT_BY

from . import test_http, test_keys, test_rate_limit, test_rules, test_verification
from .proofs import PROVED

METHODS = {"get", "post", "put", "patch", "delete"}
PACKAGE = Path(sandbox.__file__).parent


def test_every_operation_of_the_contract_has_a_handler_and_the_reverse():
    described = {
        (method.upper(), path, operation["operationId"].lower(), operation["tags"][0])
        for path, item in contract.document()["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }
    handled = {
        (one.method, one.path, verb + (tag if verb == "list" else tag[:-1]), tag)
        for one in OPERATIONS
        for tag, verb in [one.name.split(".")]
    }
    assert handled == described


def test_the_base_path_is_that_of_the_contract():
    assert contract.document()["servers"][0]["url"].endswith(BASE_PATH)


def test_every_rule_is_kept_by_some_code_and_proved_by_some_test():
    proving = {test_http, test_keys, test_rate_limit, test_rules, test_verification}
    assert proving  # they prove when they are imported
    assert set(KEPT_BY) == set(RULES)
    assert set(RULES) == PROVED


def test_rules_have_ids_of_their_own_and_a_source():
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert len({rule.statement for rule in RULES}) == len(RULES)
    assert {rule.source for rule in RULES} == {"text", "assumption"}
    assert all(rule.statement.endswith(".") for rule in RULES)


def imports(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_it_imports_nothing_of_the_client():
    for file in PACKAGE.glob("*.py"):
        for name in imports(file):
            allowed = name == "..client" and file.name == "server.py"
            assert allowed or not name.startswith(("..", "unmta_async")), f"{file.name}: {name}"


def test_the_state_machine_does_no_io():
    forbidden = {"aiohttp", "asyncio", "os", "io", "pathlib", "socket", "random", "secrets"}
    for name in ("rules", "clock", "keys", "world", "changes", "checks", "state", "throttle"):
        file = PACKAGE / f"{name}.py"
        found = {module.partition(".")[0] for module in imports(file)}
        assert not found & forbidden
        assert found - {""} <= sys.stdlib_module_names
