"""Adding an endpoint to the contract and regenerating is all it takes to call it.

The package is copied, its contract gets a new tag with two operations and a model, `_generated/` is
written anew, and a program of a user's kind calls them on a server on the loopback interface.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from codegen_support import ROOT, codegen

PATHS = """\

  /clusters/{cluster}/tracking-domains:
    parameters:
      - $ref: "#/components/parameters/Cluster"
    get:
      operationId: listTrackingDomains
      tags: [tracking-domains]
      summary: List the tracking domains of a cluster.
      parameters:
        - {name: page, in: query, schema: {type: integer}, description: The page.}
      responses:
        "200":
          description: A page of them.
          content:
            application/json:
              schema:
                type: object
                required: [data, links, meta]
                properties:
                  data: {type: array, items: {$ref: "#/components/schemas/TrackingDomain"}}
                  links: {type: object}
                  meta: {type: object}
        "401": {$ref: "#/components/responses/Unauthenticated"}
    post:
      operationId: createTrackingDomain
      tags: [tracking-domains]
      summary: Add a tracking domain to a cluster.
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [name]
              properties:
                name: {type: string, description: The host name.}
                from: {type: string, format: date-time, description: From when on.}
                note: {type: [string, "null"], description: A note.}
      responses:
        "201":
          description: The new tracking domain.
          content:
            application/json:
              schema:
                type: object
                required: [data]
                properties:
                  data: {$ref: "#/components/schemas/TrackingDomain"}
        "401": {$ref: "#/components/responses/Unauthenticated"}

components:
"""

SCHEMAS = """\
  schemas:
    TrackingDomain:
      type: object
      description: A domain that links in mail lead through.
      x-identity: name
      required: [name, from]
      properties:
        name: {type: string, description: The host name.}
        from: {type: string, format: date-time, description: From when on.}
        note: {type: [string, "null"], description: A note.}

"""

PROGRAM = """
import asyncio
import datetime

from aiohttp import web
from unmta_async import UnmtaClient, models

SINCE = datetime.datetime(2025, 1, 15, 10, 30, tzinfo=datetime.UTC)
made = []


async def create(request):
    assert request.headers["Authorization"] == "Bearer t"
    assert request.match_info["cluster"] == "a1b2c3d4"
    made.append(await request.json())
    return web.json_response({"data": {"from": SINCE.isoformat(), **made[-1]}}, status=201)


async def list_all(request):
    page = int(request.query.get("page", 1))
    return web.json_response(
        {
            "data": [{"from": SINCE.isoformat(), **made[page - 1]}],
            "links": {"next": None if page == len(made) else f"/?page={page + 1}"},
            "meta": {"current_page": page, "last_page": len(made), "total": len(made)},
        }
    )


async def main():
    app = web.Application()
    app.router.add_post("/api/v1/clusters/{cluster}/tracking-domains", create)
    app.router.add_get("/api/v1/clusters/{cluster}/tracking-domains", list_all)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with UnmtaClient(token="t", base_url=f"http://127.0.0.1:{port}/api/v1") as client:
        tracking = client.tracking_domains
        first = await tracking.create("a1b2c3d4", name="click.example.com")
        assert first == models.TrackingDomain(name="click.example.com", from_=SINCE)
        second = await tracking.create(
            "a1b2c3d4", name="open.example.com", from_=SINCE, note=None
        )
        assert (second.name, second.from_, second.note) == ("open.example.com", SINCE, None)
        assert made[0] == {"name": "click.example.com"}, made
        assert made[1].keys() == {"name", "from", "note"}, made
        page = await tracking.list("a1b2c3d4")
        assert (list(page), page.total) == ([first], 2)
        assert [item async for item in tracking.iterate("a1b2c3d4")] == [first, second]
    await runner.cleanup()


asyncio.run(main())
"""


def _extended(contract: str) -> str:
    for old, new in (("\ncomponents:\n", PATHS), ("  schemas:\n", SCHEMAS)):
        assert contract.count(old) == 1
        contract = contract.replace(old, new)
    return contract


def test_a_new_endpoint_can_be_called_after_regeneration(tmp_path: Path) -> None:
    package, spec = tmp_path / "unmta_async", tmp_path / "unmta.yaml"
    shutil.copytree(
        ROOT / "unmta_async", package, ignore=shutil.ignore_patterns("__pycache__", "_generated")
    )
    contract = (ROOT / "openapi" / "unmta.yaml").read_text(encoding="utf-8")
    spec.write_text(_extended(contract), encoding="utf-8")

    generated = codegen("--spec", spec, "--out", package / "_generated")
    assert generated.returncode == 0, generated.stderr
    called = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert called.returncode == 0, called.stderr
