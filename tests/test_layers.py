"""Who may import whom: the table of ARCHITECTURE.md, for the modules that there are."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "unmta_async"

# From the top down: a module may import those of lower rows, and of its own row.
ROWS = [
    {"cli", "pytest_plugin"},
    {"provisioning", "drift"},
    {"_amendment"},
    {"dns"},
    {"client"},
    {"_generated"},
    {"_pages"},
    {"_transport"},
    {"_pool"},
    {"_retry"},
    {"_drift", "_policy", "_reply", "_request"},
    {"_operation", "_auth"},
    {"_aiohttp", "_convert", "_endpoint", "_limits", "options"},
    {"_generated.models", "models", "_generated.parameters"},
    {"_hostname"},
    {"errors", "_types"},
    {"secret", "_version"},
]
LEVEL = {name: level for level, row in enumerate(reversed(ROWS)) for name in row}

# It describes what a path may hold, in the vocabulary of `_operation`.
EXCEPTIONS = {("_generated.parameters", "_operation")}
# What users may import.
PUBLIC = {"client", "dns", "drift", "errors", "models", "options", "provisioning", "secret"}
# A leaf without which names could not be compared; the root, which has its names from elsewhere.
PUBLIC |= {"_hostname"}
PUBLIC_AND_SANDBOX = PUBLIC - {"_hostname"} | {"", "_version", "sandbox"}


def name_of(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
OURS = {name: path for name, path in MODULES.items() if not name.startswith("sandbox")}


def imports(path):
    """Yield what a file imports, a "." in front being this package, and whether it is deep."""
    package = path.relative_to(PACKAGE).parent.parts
    tree = ast.parse(path.read_text())
    shallow = set(map(id, tree.body))
    for node in ast.walk(tree):
        deep = id(node) not in shallow
        if isinstance(node, ast.Import):
            yield from ((alias.name, deep) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module, deep
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1], *filter(None, [node.module])]
            for alias in node.names:
                inner = ".".join([*base, alias.name])
                yield f".{inner if inner in MODULES else '.'.join(base)}", deep


def own_imports(path):
    return {name[1:] for name, _ in imports(path) if name.startswith(".")}


def level(name):
    """Return the level of a module, or of the nearest package around it that has one."""
    if not name:
        return LEVEL["cli"]  # the root has names of all levels, for users and for the command line
    while name and name not in LEVEL:
        name = name.rpartition(".")[0]
    return LEVEL[name]


def test_every_module_has_its_place_in_the_table():
    assert all(name.split(".")[0] in LEVEL for name in OURS if name)


@pytest.mark.parametrize("name", [name for name in OURS if name])
def test_imports_only_point_down(name):
    upward = {
        other
        for other in own_imports(OURS[name])
        if (name, other) not in EXCEPTIONS and not other.startswith("sandbox")
        if level(other) > level(name)
    }
    assert not upward, f"{name} is below what it imports"


@pytest.mark.parametrize("name", ["secret", "_types", "_version", "errors"])
def test_leaves_import_nothing_of_ours(name):
    assert own_imports(OURS[name]) <= ({"secret"} if name == "errors" else set())


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("sandbox")])
def test_the_sandbox_shares_nothing_with_the_client(name):
    foreign = {
        (other, deep)
        for other, deep in imports(MODULES[name])
        if other.startswith(".") and not other.startswith(".sandbox")
    }
    assert foreign <= ({(".client", True)} if name == "sandbox.server" else set())


ABOVE_THE_SANDBOX = {"", "cli", "pytest_plugin"}


@pytest.mark.parametrize(
    "name", [name for name in OURS if name.split(".")[0] not in ABOVE_THE_SANDBOX]
)
def test_nothing_of_the_core_needs_the_sandbox(name):
    assert not {other for other, _ in imports(OURS[name]) if "sandbox" in other}


@pytest.mark.parametrize("name", MODULES)
def test_the_package_never_imports_the_generator(name):
    roots = {other.split(".")[0] for other, _ in imports(MODULES[name])}
    banned = {"codegen", "tests", "examples", "ruamel", "jinja2", "pytest", "rich", "cyclopts"}
    needed = {"pytest_plugin": {"pytest"}, "cli": {"rich", "cyclopts"}}
    assert not roots & banned - needed.get(name.split(".")[0], set())


ON_TOP = [name for name in OURS if name.split(".")[0] in {"provisioning", "cli"}]


@pytest.mark.parametrize("name", ON_TOP)
def test_what_stands_on_the_client_uses_nothing_private(name):
    own = {o for o in own_imports(OURS[name]) if o.split(".")[0] != name.split(".")[0]}
    assert own <= (PUBLIC if name.startswith("provisioning") else PUBLIC_AND_SANDBOX)
    private = {
        node.attr
        for node in ast.walk(ast.parse(OURS[name].read_text()))
        if isinstance(node, ast.Attribute) and node.attr.startswith("_")
        if not node.attr.endswith("__")
        if not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"})
    }
    assert not private


# Who sends, and who waits.

CORE = [n for n in OURS if n and n.split(".")[0] not in {"provisioning", "pytest_plugin", "cli"}]


@pytest.mark.parametrize("name", CORE)
def test_only_these_modules_know_aiohttp_or_the_event_loop(name):
    roots = {other.split(".")[0] for other, _ in imports(OURS[name])}
    allowed = {
        "_aiohttp": {"aiohttp", "asyncio"},
        "_transport": {"aiohttp", "asyncio"},
        "_pool": {"aiohttp", "asyncio"},
        "_limits": {"asyncio"},
        "_auth": {"asyncio"},
        "client": {"aiohttp"},
        "dns._ask": {"asyncio"},
        "dns._check": {"asyncio"},
    }
    assert roots & {"aiohttp", "asyncio"} <= allowed.get(name, set())
    assert not roots & {"time", "threading", "socket", "requests", "httpx", "urllib3"}


@pytest.mark.parametrize(
    "name",
    [
        *("_request", "_reply", "_policy", "_retry", "_convert", "_drift", "_amendment"),
        *("errors", "secret", "options", "dns._judge", "dns._verdict"),
    ],
)
def test_what_decides_cannot_wait(name):
    tree = ast.parse(OURS[name].read_text())
    waits = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.AsyncFunctionDef)
    assert not [node for node in ast.walk(tree) if isinstance(node, waits)]


def test_only_the_transport_sends_and_only_the_pool_sleeps_for_it():
    found = {"sleep": set(), "request": set()}
    for name in CORE:
        for node in ast.walk(ast.parse(OURS[name].read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name("asyncio"), attr="sleep" | "wait_for")
                ):
                    found["sleep"].add(name)
                case ast.Call(func=ast.Attribute(value=ast.Name("session"), attr="request")):
                    found["request"].add(name)
    assert found == {"sleep": {"_pool"}, "request": {"_transport"}}


def test_conversion_lives_in_one_module():
    users = {
        name
        for name, path in OURS.items()
        if {"cattrs", "cattr"} & {other.split(".")[0] for other, _ in imports(path)}
    }
    assert users == {"_convert"}


def test_dnspython_is_asked_by_one_module_that_is_loaded_on_demand():
    users = {
        name
        for name, path in OURS.items()
        if name in CORE
        if "dns" in {other.split(".")[0] for other, _ in imports(path)}
    }
    assert users == {"dns._ask", "dns._check"}
    assert (".dns._ask", True) in set(imports(OURS["dns._check"]))
