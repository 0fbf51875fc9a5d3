"""Programs written for the contract as it was work with the code of one that has grown.

`callers/` holds them. The package is copied and regenerated from the grown contract; then they are
type-checked with it, and run against the sandbox. A contract that breaks callers is the proof that
the checkers would see it.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from changed import Change, write
from codegen_support import HERE, PYRIGHT, ROOT, codegen

from codegen.api_diff.changes import Level
from codegen.api_diff.compare import compare
from codegen.api_diff.reading import read_surface
from codegen.api_diff.surface import Surface
from unmta_async._generated import OPERATIONS
from unmta_async.sandbox import Sandbox

CALLERS = sorted((HERE / "callers").glob("*.py"))
CHECKED = (*CALLERS, *(ROOT / "examples").glob("*.py"), ROOT / "tests" / "typing" / "user_code.py")

GROWN = """
tags:
  - {name: clusters, description: Clusters.}
  - {name: mtas, description: MTAs.}
  - {name: domains, description: Sending domains.}
  - {name: credentials, description: SMTP credentials.}
  - {name: webhooks, description: Webhooks.}
paths:
  /clusters:
    get:
      parameters: [{name: region, in: query, schema: {type: array, items: {type: string}}}]
      responses: {"403": {description: The token may not.}}
  /clusters/{cluster}/mtas:
    get:
      parameters: [{name: X-Request-Id, in: header, schema: {type: string}}]
      responses: {"429": {description: Too many calls.}}
  /clusters/{cluster}/domains:
    get:
      parameters:
        - {name: status, in: query, schema: {$ref: "#/components/schemas/DomainStatus"}}
        - {name: since, in: query, schema: {type: string, format: date-time}}
    post:
      requestBody: {content: {application/json: {schema: {properties: {
        tags: {type: array, items: {type: string}}, parent: {type: [string, "null"]},
        settings: {$ref: "#/components/schemas/DomainSettings"}}}}}}
      responses: {"409": {description: It is being deleted.}}
  /clusters/{cluster}/domains/{domain}:
    get:
      parameters: [{name: include, in: query, schema: {type: string, enum: [stats, keys]}}]
    patch:
      operationId: tuneDomain
      tags: [domains]
      requestBody: {content: {application/json: {schema: {
        $ref: "#/components/schemas/DomainSettings"}}}}
      responses: {"200": {description: It., content: {application/json: {schema: {type: object,
        required: [data], properties: {data: {$ref: "#/components/schemas/DomainDetail"}}}}}}}
  /clusters/{cluster}/domains/{domain}/verify:
    parameters:
      - $ref: "#/components/parameters/Cluster"
      - $ref: "#/components/parameters/Domain"
    post: {operationId: verifyDomain, tags: [domains], responses: {"202": {description: Soon.}}}
  /clusters/{cluster}/credentials:
    post:
      requestBody: {content: {application/json: {schema: {properties: {
        note: {type: [string, "null"]}, expires_at: {type: string, format: date-time}}}}}}
      responses: {"503": {description: Later.}}
  /clusters/{cluster}/credentials/{user}:
    put:
      requestBody: {content: {application/json: {schema: {properties: {
        note: {type: [string, "null"]}, daily_limit: {type: integer}}}}}}
    get:
      operationId: getCredential
      tags: [credentials]
      responses: {"200": {description: It., content: {application/json: {schema: {type: object,
        required: [data], properties: {data: {$ref: "#/components/schemas/Credential"}}}}}}}
  /webhooks:
    get:
      operationId: listWebhooks
      tags: [webhooks]
      responses: {"200": {description: Them., content: {application/json: {schema: {type: object,
        required: [data], properties: {data: {type: array, items: {type: string}}}}}}}}
components:
  parameters:
    Cluster: {schema: {maxLength: 128}}
  schemas:
    ClusterStatus: {x-extensible-enum: [active, suspended, deleting]}
    DomainStatus: {x-extensible-enum: [pending, failed, verified]}
    Cluster: {properties: {labels: {type: object, additionalProperties: {type: string}}}}
    OutboundIp: {properties: {warmed_up: {type: boolean}}}
    Mta: {properties: {kind: {type: string, x-extensible-enum: [shared, dedicated]}}}
    Domain: {properties: {verified_at: {type: [string, "null"], format: date-time}}}
    DnsRecords: {properties: {bimi: {$ref: "#/components/schemas/DnsRecord"}}}
    Credential: {properties: {note: {type: [string, "null"]}, daily_limit: {type: integer}}}
    CreatedCredential: {properties: {warnings: {type: array, items: {type: string}}}}
    DomainSettings: {type: object, description: Settings., properties: {click: {type: boolean}}}
"""


BROKEN = """
paths:
  /clusters/{cluster}/mtas: {get: {operationId: showMtas}}
  /clusters/{cluster}/domains:
    post:
      requestBody: {content: {application/json: {schema: {
        required: [name, kind], properties: {kind: {type: string}}}}}}
  /clusters/{cluster}/credentials/{user}:
    put: {requestBody: {content: {application/json: {schema: {properties: {allowed_ips: null}}}}}}
components:
  schemas:
    Cluster: {properties: {max_message_rate: null}, required: [id, status]}
    OutboundIp: {properties: {ipv4: {type: [string, "null"]}}}
    Domain: {x-created: null, properties: {created_at: {type: integer, format: null}}}
    DomainDetail: {x-created: null}
    DomainStatus: {x-extensible-enum: [verified]}
"""
# What api-diff says of each break, and a type checker of a program.
BREAKS = {
    "mtas.list": r'inventory\.py:\d+: error: "Mtas" has no attribute "list"',
    "domains.create(kind)": r'onboarding\.py:\d+: error: Missing named argument "kind"',
    "credentials.update(allowed_ips)": r"accounts\.py:\d+: error: Unexpected keyword argument",
    "models.Cluster.max_message_rate": r'inventory\.py:\d+: error: "Cluster" has no attribute',
    "models.OutboundIp.ipv4": r"inventory\.py:\d+: error: List item 1 has incompatible type",
    "models.Domain.created_at": r'in_tests\.py:\d+: error: Argument "created_at" to "Domain"',
    "models.DomainStatus.PENDING": r'onboarding\.py:\d+: error: "type\[DomainStatus\]" has no',
}


def install(overlay: str, folder: Path) -> Path:
    """Put the package of a changed contract into a folder, and the programs beside it."""
    package = folder / "unmta_async"
    left_out = shutil.ignore_patterns("__pycache__", "_generated")
    shutil.copytree(ROOT / "unmta_async", package, ignore=left_out)
    contract = write(Change("callers", overlay), folder / "contract")
    done = codegen("--spec", contract, "--out", package / "_generated")
    assert done.returncode == 0, done.stderr
    for file in CHECKED:
        shutil.copy(file, folder)
    return folder


def breaks(folder: Path) -> set[str]:
    """Return the places that api-diff calls broken by the package in a folder."""
    changes = compare(surface(ROOT), surface(folder))
    assert changes
    return {each.place for each in changes if each.level is Level.BREAKING}


def surface(folder: Path) -> Surface:
    files = (folder / "unmta_async" / "_generated").glob("*.py")
    return read_surface({file.name: file.read_text(encoding="utf-8") for file in files})


def execute(command: Sequence[object], folder: Path, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [str(each) for each in command], cwd=folder, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(folder), **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


def mypy(folder: Path) -> tuple[int, str]:
    options = ("--strict", "--python-version=3.11", f"--cache-dir={folder / '.mypy_cache'}")
    files = (file.name for file in CHECKED)
    command = (sys.executable, "-m", "mypy", *options, *files)
    return execute(command, folder, MYPYPATH=str(folder))


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the grown contract, and the programs."""
    return install(GROWN, tmp_path_factory.mktemp("grown"))


def test_by_api_diff_the_growth_breaks_nothing(grown: Path) -> None:
    assert breaks(grown) == set()


def test_they_pass_mypy_strict(grown: Path) -> None:
    assert mypy(grown) == (0, f"Success: no issues found in {len(CHECKED)} source files\n")


@pytest.mark.skipif(PYRIGHT is None, reason="needs pyright")
def test_they_pass_pyright_strict(grown: Path) -> None:
    (grown / "pyrightconfig.json").write_text(
        '{"typeCheckingMode": "strict", "pythonVersion": "3.11", "include": ["*.py"]}'
    )
    code, said = execute([PYRIGHT, "--pythonpath", sys.executable], grown)
    assert code == 0, said


# A program that runs another with the regenerated package, or not at all.
START = """\
import runpy, sys
import unmta_async._generated as generated
assert hasattr(generated, "webhooks"), generated.__file__
sys.argv[:] = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def start(program: str, folder: Path, *arguments: object, **environment: str) -> str:
    command = (sys.executable, "-W", "error", "-c", START, program, *arguments)
    code, said = execute(command, folder, **environment)
    assert code == 0, said
    return said


def test_they_run_and_call_every_operation_there_was(grown: Path) -> None:
    with Sandbox() as sandbox:
        access = {"UNMTA_BASE_URL": sandbox.base_url, "UNMTA_API_TOKEN": sandbox.token}
        for file in CALLERS:
            start(file.name, grown, **access)
        called = {call.operation for call in sandbox.calls if call.status and call.status < 300}
    assert called == {each.name for each in OPERATIONS}


def test_the_example_runs(grown: Path) -> None:
    assert "example.com is verified" in start("publish_and_verify.py", grown)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], str]:
    """What api-diff and mypy say of the broken contract."""
    folder = install(BROKEN, tmp_path_factory.mktemp("broken"))
    return breaks(folder), mypy(folder)[1]


@pytest.mark.parametrize(("place", "error"), BREAKS.items(), ids=BREAKS)
def test_a_break_is_seen(place: str, error: str, broken: tuple[set[str], str]) -> None:
    by_api_diff, by_mypy = broken
    assert place in by_api_diff
    assert re.search(error, by_mypy), by_mypy
