"""What a change of the contract is to a caller: a table, and the rules behind it.

The rows go into two contracts, one of before and one of after, each under names of its own; so the
whole table takes two runs of the generator.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import attrs
import pytest
from ruamel.yaml import YAML

from codegen.__main__ import generate
from codegen.api_diff.changes import Change
from codegen.api_diff.compare import compare
from codegen.api_diff.reading import read_surface
from codegen.api_diff.versions import Version, judge

# A row has its own `ROW` in paths and ids, its own `Row` in names, and the operations it is about.
BASE = """
tags: [{name: things, description: Things.}]
paths:
  /ROW/{cluster}/things:
    parameters: [{$ref: "#/components/parameters/RowCluster"}]
    get:
      operationId: list_ROW
      tags: [things]
      summary: List them.
      parameters:
        - {name: page, in: query, schema: {type: integer, default: 1}, description: The page.}
        - {name: order, in: query, schema: {type: string, enum: [up, down]}, description: O.}
      responses:
        "200":
          description: Them.
          content:
            application/json:
              schema:
                type: object
                required: [data]
                properties: {data: {type: array, items: {$ref: "#/components/schemas/RowThing"}}}
    post:
      operationId: create_ROW
      tags: [things]
      summary: Make one.
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [name]
              properties:
                name: {type: string, description: Its name.}
                note: {type: string, description: A note.}
                size: {type: number, description: Its size.}
                status: {$ref: "#/components/schemas/RowStatus"}
      responses:
        "201": &one
          description: It.
          content:
            application/json:
              schema:
                type: object
                required: [data]
                properties: {data: {$ref: "#/components/schemas/RowThingDetail"}}
  /ROW/{cluster}/things/{thing}:
    parameters:
      - $ref: "#/components/parameters/RowCluster"
      - {name: thing, in: path, required: true, schema: {type: string}, description: Its id.}
    get:
      operationId: get_ROW
      tags: [things]
      summary: Get one.
      responses: {"200": *one}
    delete:
      operationId: delete_ROW
      tags: [things]
      summary: Delete one.
      responses: {"204": {description: Done.}}
components:
  parameters:
    RowCluster:
      name: cluster
      in: path
      required: true
      description: The cluster.
      schema: {type: string, maxLength: 64, pattern: "^[a-z0-9_]+$"}
  schemas:
    RowStatus: {type: string, description: Its state., x-extensible-enum: [new, old]}
    RowThing:
      type: object
      description: A thing.
      required: [id, status, size, made_at]
      properties:
        id: {type: string, description: Its id.}
        status: {$ref: "#/components/schemas/RowStatus"}
        size: {type: number, description: Its size.}
        made_at: {type: string, format: date-time, description: From when it is.}
        note: {type: [string, "null"], description: A note.}
        labels: {type: object, additionalProperties: {type: string}, description: Labels.}
    RowThingDetail:
      description: A thing with more.
      allOf:
        - $ref: "#/components/schemas/RowThing"
        - type: object
          required: [parts]
          properties:
            parts: {type: array, items: {type: string}, description: Its parts.}
"""
LIST = "paths./ROW/{cluster}/things.get"
CREATE = "paths./ROW/{cluster}/things.post"
BODY = f"{CREATE}.requestBody.content.application/json.schema"
GET = "paths./ROW/{cluster}/things/{thing}.get"
DELETE = "paths./ROW/{cluster}/things/{thing}.delete"
THING = "components.schemas.RowThing"
LISTED = f"{LIST}.responses.200.content.application/json.schema"
GOT = f"{GET}.responses.200.content.application/json.schema.properties.data"
PAGE = "{name: page, in: query, schema: {type: integer, default: 1}, description: The page.}"
ORDER = "{name: order, in: query, schema: {type: string, enum: [up, down]}, description: O.}"


Places = dict[str, str]
"""What stands at places of a row's contract, in YAML; null for nothing."""


@dataclass(frozen=True)
class Row:
    """Two contracts by what they have other than `BASE`, and the changes from one to the other."""

    name: str
    changes: str
    after: Places
    before: Places
    asked: str
    code: int


def breaks(name: str, changes: str, after: Places, before: Places | None = None) -> Row:
    return Row(name, changes, after, before or {}, asked="0.2.0", code=1)


def keeps(name: str, changes: str, after: Places, before: Places | None = None) -> Row:
    return Row(name, changes, after, before or {}, asked="0.1.1", code=0)


def argument(schema: str, *, required: bool = False) -> Places:
    """Return a list with one more argument, `x`."""
    more = f"{{name: x, in: query, required: {str(required).lower()}, schema: {schema}}}"
    return {f"{LIST}.parameters": f"[{PAGE}, {ORDER}, {more}]"}


def body(schema: str, *, required: bool = False) -> Places:
    """Return a body with one more field, `x`."""
    return {
        f"{BODY}.properties.x": schema,
        f"{BODY}.required": "[name, x]" if required else "[name]",
    }


def field(schema: str, *, required: bool = True) -> Places:
    """Return a thing with one more field, `x`."""
    required_ = ["id", "status", "size", "made_at", *(["x"] if required else [])]
    return {f"{THING}.properties.x": schema, f"{THING}.required": json.dumps(required_)}


def cluster(schema: str) -> Places:
    return {"components.parameters.RowCluster.schema": schema}


def answer(schema: str) -> Places:
    """Return a `get` whose answer has other data."""
    return {f"{GET}.responses.200": (
        "{description: It., content: {application/json: {schema: {type: object, required: [data],"
        f" properties: {{data: {schema}}}}}}}}}}}"
    )}  # fmt: skip


DONE = '{"204": {description: Done.}}'
IN_CLUSTER = '[{$ref: "#/components/parameters/RowCluster"}]'
PURGE = f"{{operationId: purge_ROW, tags: [things], summary: P., responses: {DONE}}}"
PAIR = f"""
    parameters:
      - {{name: a, in: path, required: true, schema: {{type: string}}}}
      - {{name: b, in: path, required: true, schema: {{type: string}}}}
    get: {{operationId: pair_ROW, tags: [things], summary: P., responses: {DONE}}}
"""
GET_OBJECT = f"""
    parameters:
      - $ref: "#/components/parameters/RowCluster"
      - {{name: object, in: path, required: true, schema: {{type: string}}, description: Its id.}}
    get: {{operationId: get_ROW, tags: [things], summary: G., responses: {DONE}}}
"""
CLOSED = "{type: string, description: Its state., enum: [new, old]}"
STRING = "{type: string}"
NULLABLE = '{type: [string, "null"]}'
STRINGS = "{type: array, items: {type: string}}"
PAGED = (
    "{type: object, required: [data, links, meta], properties: {links: {type: object}, meta:"
    ' {type: object}, data: {type: array, items: {$ref: "#/components/schemas/RowThing"}}}}'
)
STATUS = '{$ref: "#/components/schemas/RowStatus"}'
DETAIL = '{$ref: "#/components/schemas/RowThingDetail"}'
FLAT = """
    type: object
    description: A thing with more.
    required: [id, parts]
    properties:
      id: {type: string, description: Its id.}
      parts: {type: array, items: {type: string}, description: Its parts.}
"""
EVERY = ("list", "get", "create", "delete")
"""The methods, in the order of the client, each with `cluster`."""


def everywhere(change: str) -> str:
    """Return a change of the argument that all methods have."""
    kind, what = change.split(" ", 1)
    return "\n".join(f"{kind} {method}{what}" for method in EVERY)


ROWS = (
    Row("nothing", "", {}, {}, "0.1.0", 0),
    # Methods
    breaks("method-gone", "breaking delete: gone", {DELETE: "null"}),
    keeps("method-new", "additive delete: new", {}, {DELETE: "null"}),
    breaks(
        "method-renamed",
        "breaking get: called `things.fetch` now",
        {f"{GET}.operationId": "fetch_ROW"},
    ),
    keeps("method-words", "cosmetic get: other words", {f"{GET}.summary": "Get it."}),
    keeps(
        "errors-documented",
        "cosmetic delete: other words",
        {f"{DELETE}.responses.409": "{description: In use.}"},
    ),
    # What is sent, while the call stays as it is
    keeps(
        "route",
        "additive purge: behaviour: another request",
        {"paths./ROW/purge/{cluster}": f"{{parameters: {IN_CLUSTER}, post: {PURGE}}}"},
        {"paths./ROW/flush/{cluster}": f"{{parameters: {IN_CLUSTER}, put: {PURGE}}}"},
    ),
    keeps(
        "hostname-in-a-body",
        "additive create(x): behaviour: sent otherwise",
        body("{type: string, format: idn-hostname}"),
        body(STRING),
    ),
    keeps(
        "name-in-the-body",
        "additive create(x_y): behaviour: sent otherwise",
        {f"{BODY}.properties.x-y": STRING},
        {f"{BODY}.properties.x_y": STRING},
    ),
    # Arguments come and go
    breaks(
        "argument-new-required", "breaking create(x): new, required", body(STRING, required=True)
    ),
    keeps("argument-new-optional", "additive create(x): new, optional", body(STRING)),
    breaks("argument-gone", "breaking create(x): gone", {}, body(STRINGS)),
    breaks(
        "query-new-required", "breaking list(x): new, required", argument(STRING, required=True)
    ),
    keeps("query-new-optional", "additive list(x): new, optional", argument(STRING)),
    breaks(
        "argument-required-now",
        "breaking create(x): required now",
        body(STRING, required=True),
        body(STRING),
    ),
    keeps(
        "argument-optional-now",
        "additive create(x): optional now",
        body(STRING),
        body(STRING, required=True),
    ),
    breaks(
        "argument-renamed",
        "breaking create(x): gone; `z` looks like its new name\ncosmetic create(x): other words",
        {f"{BODY}.properties.z": STRINGS},
        {f"{BODY}.properties.x": STRINGS},
    ),
    breaks(
        "path-argument-renamed",
        "breaking get(thing): gone; `object` looks like its new name",
        {
            "paths./ROW/{cluster}/things/{thing}": "null",
            "paths./ROW/{cluster}/things/{object}": GET_OBJECT,
        },
        {f"{GET}.summary": "G.", f"{GET}.responses": DONE},
    ),
    breaks(
        "path-arguments-in-another-order",
        "breaking pair(): another order\nadditive pair: behaviour: another request",
        {"paths./ROW/{b}/pairs/{a}": PAIR},
        {"paths./ROW/{a}/{b}/pair": PAIR},
    ),
    keeps(
        "keywords-in-another-order",
        "cosmetic list(): another order",
        {f"{LIST}.parameters": f"[{ORDER}, {PAGE}]"},
    ),
    keeps(
        "documented-default",
        "additive list(x): behaviour: another value unless it is given",
        argument("{type: integer, default: 3}"),
        argument("{type: integer, default: 2}"),
    ),
    # What arguments take
    keeps(
        "argument-wider",
        "additive create(x): takes more",
        body("{type: number}"),
        body("{type: integer}"),
    ),
    breaks(
        "argument-narrower",
        "breaking create(x): takes less",
        body("{type: integer}"),
        body("{type: number}"),
    ),
    breaks("argument-other", "breaking create(x): takes another type", body(STRINGS), body(STRING)),
    breaks(
        "argument-bool",
        "breaking create(x): takes another type",
        body("{type: integer}"),
        body("{type: boolean}"),
    ),
    keeps(
        "argument-choice-more",
        "additive list(x): takes more",
        argument("{type: string, enum: [a, b, c]}"),
        argument("{type: string, enum: [a, b]}"),
    ),
    breaks(
        "argument-choice-less",
        "breaking list(x): takes less",
        argument("{type: string, enum: [a]}"),
        argument("{type: string, enum: [a, b]}"),
    ),
    keeps(
        "choice-closed-to-open",
        "additive list(x): takes more",
        argument("{type: string, x-extensible-enum: [a, b]}"),
        argument("{type: string, enum: [a, b]}"),
    ),
    breaks(
        "choice-open-to-closed",
        "breaking list(x): takes less",
        argument("{type: string, enum: [a, b]}"),
        argument("{type: string, x-extensible-enum: [a, b]}"),
    ),
    keeps(
        "string-to-enum",
        "cosmetic create(x): the same type in other words\ncosmetic create(x): other words",
        body(STATUS),
        body(STRING),
    ),
    breaks(
        "date-to-datetime",
        "breaking create(x): takes another type",
        body("{type: string, format: date-time}"),
        body("{type: string, format: date}"),
    ),
    # None
    breaks(
        "null-is-sent",
        "breaking create(x): None means something else",
        body(NULLABLE),
        body(STRING),
    ),
    breaks(
        "null-is-not-sent",
        "breaking create(x): None means something else",
        body(STRING),
        body(NULLABLE),
    ),
    keeps(
        "required-takes-null",
        "additive create(x): takes more",
        body(NULLABLE, required=True),
        body(STRING, required=True),
    ),
    breaks(
        "required-refuses-null",
        "breaking create(x): takes less",
        body(STRING, required=True),
        body(NULLABLE, required=True),
    ),
    keeps(
        "nullable-optional-now",
        "additive create(x): optional now",
        body(NULLABLE),
        body(NULLABLE, required=True),
    ),
    breaks(
        "null-to-not-given",
        "additive create(x): optional now\nbreaking create(x): None means something else",
        body(STRING),
        body(NULLABLE, required=True),
    ),
    # Values in the path
    breaks(
        "pattern-narrower",
        everywhere("breaking (cluster): refuses values"),
        cluster('{type: string, maxLength: 64, pattern: "^[a-z0-9]+$"}'),
    ),
    keeps(
        "pattern-wider",
        everywhere("additive (cluster): takes more values"),
        cluster('{type: string, maxLength: 64, pattern: "^[A-Za-z0-9_]+$"}'),
    ),
    keeps(
        "pattern-otherwise",
        everywhere("cosmetic (cluster): another pattern"),
        cluster('{type: string, maxLength: 64, pattern: "^[0-9_a-z]+$"}'),
    ),
    breaks(
        "pattern-shorter",
        everywhere("breaking (cluster): refuses values"),
        cluster('{type: string, maxLength: 63, pattern: "^[a-z0-9_]+$"}'),
    ),
    keeps(
        "pattern-longer",
        everywhere("additive (cluster): takes more values"),
        cluster('{type: string, maxLength: 65, pattern: "^[a-z0-9_]+$"}'),
    ),
    keeps(
        "path-hostname",
        everywhere("additive (cluster): takes more values"),
        cluster('{type: string, format: idn-hostname, maxLength: 64, pattern: "^[a-z0-9_]+$"}'),
    ),
    breaks(
        "path-no-hostname",
        everywhere("breaking (cluster): refuses values"),
        {},
        cluster('{type: string, format: idn-hostname, maxLength: 64, pattern: "^[a-z0-9_]+$"}'),
    ),
    breaks(
        "path-integer",
        everywhere("breaking (cluster): takes another type"),
        cluster("{type: integer}"),
    ),
    # Answers
    keeps(
        "list-to-page", "additive list: returns a page now\nadditive iterate: new", {LISTED: PAGED}
    ),
    breaks(
        "page-to-list",
        "breaking list: returns another type\nbreaking iterate: gone",
        {},
        {LISTED: PAGED},
    ),
    keeps(
        "answer-narrower",
        "additive get: returns a narrower type",
        answer(DETAIL),
        answer('{$ref: "#/components/schemas/RowThing"}'),
    ),
    breaks(
        "answer-wider",
        "breaking get: returns another type",
        answer('{$ref: "#/components/schemas/RowThing"}'),
        answer(DETAIL),
    ),
    keeps(
        "answer-something",
        "additive get: returns something now\ncosmetic get: other words",
        answer(DETAIL),
        {f"{GET}.responses": DONE},
    ),
    breaks(
        "answer-nothing",
        "breaking get: may return None now\ncosmetic get: other words",
        {f"{GET}.responses": DONE},
        answer(DETAIL),
    ),
    # Models
    breaks("field-gone", "breaking models.Thing.x: gone", {}, field(STRINGS)),
    keeps("field-new", "additive models.Thing.x: new", field(STRINGS)),
    keeps("field-new-optional", "additive models.Thing.x: new", field(STRINGS, required=False)),
    breaks(
        "field-renamed",
        "breaking models.Thing.x: gone; `z` looks like its new name",
        {f"{THING}.properties.z": STRINGS},
        {f"{THING}.properties.x": STRINGS},
    ),
    keeps(
        "field-json-name",
        "additive models.Thing.x_y: behaviour: another name in JSON",
        {f"{THING}.properties.xY": STRINGS},
        {f"{THING}.properties.x_y": STRINGS},
    ),
    breaks(
        "field-may-be-null",
        "breaking models.Thing.x: may be None now",
        field(NULLABLE),
        field(STRING),
    ),
    keeps(
        "field-never-null",
        "additive models.Thing.x: never None now",
        field(STRING),
        field(NULLABLE),
    ),
    breaks(
        "field-may-be-missing",
        "breaking models.Thing.x: may be None now",
        field(STRING, required=False),
        field(STRING),
    ),
    keeps(
        "field-required-now",
        "additive models.Thing.x: never None now\nadditive models.Thing.x: required now",
        field(STRING),
        field(STRING, required=False),
    ),
    keeps(
        "nullable-may-be-missing",
        "additive models.Thing.x: optional now",
        field(NULLABLE, required=False),
        field(NULLABLE),
    ),
    breaks(
        "field-wider",
        "breaking models.Thing.x: another type",
        field("{type: number}"),
        field("{type: integer}"),
    ),
    keeps(
        "field-narrower",
        "additive models.Thing.x: another type",
        field("{type: integer}"),
        field("{type: number}"),
    ),
    breaks(
        "field-date",
        "breaking models.Thing.x: another type",
        field("{type: string, format: date-time}"),
        field("{type: string, format: date}"),
    ),
    keeps(
        "field-to-enum",
        "additive models.Thing.x: another type\ncosmetic models.Thing.x: other words",
        field(STATUS),
        field(STRING),
    ),
    breaks(
        "field-from-enum",
        "breaking models.Thing.x: another type\ncosmetic models.Thing.x: other words",
        field(STRING),
        field(STATUS),
    ),
    breaks(
        "field-secret",
        "breaking models.Thing.x: a secret now",
        field("{type: string, format: password}"),
        field(STRING),
    ),
    breaks(
        "field-no-secret",
        "breaking models.Thing.x: no secret any more",
        field(STRING),
        field("{type: string, format: password}"),
    ),
    keeps(
        "field-default",
        "additive models.Thing.x: another default",
        field("{type: integer, default: 2}", required=False),
        field("{type: integer, default: 1}", required=False),
    ),
    breaks(
        "field-deep",
        "breaking models.Thing.x: another type",
        field("{type: array, items: {type: number}}"),
        field("{type: array, items: {type: integer}}"),
    ),
    keeps(
        "field-words",
        "cosmetic models.Thing.size: other words",
        {f"{THING}.properties.size.description": "How big."},
    ),
    keeps(
        "field-order",
        "cosmetic models.Thing: another order\ncosmetic models.ThingDetail: another order",
        {
            f"{THING}.properties.id": "null",
            f"{THING}.properties.made_at": "null",
            f"{THING}.required": "[status, size]",
            f"{THING}.properties.b": STRING,
            f"{THING}.properties.a": STRINGS,
        },
        {
            f"{THING}.properties.id": "null",
            f"{THING}.properties.made_at": "null",
            f"{THING}.required": "[status, size]",
            f"{THING}.properties.a": STRINGS,
            f"{THING}.properties.b": STRING,
        },
    ),
    keeps(
        "model-words",
        "cosmetic models.Thing: other words",
        {f"{THING}.description": "A good thing."},
    ),
    breaks("model-gone", "breaking models.Extra: gone", {}, {"components.schemas.RowExtra": FLAT}),
    keeps("model-new", "additive models.Extra: new", {"components.schemas.RowExtra": FLAT}),
    breaks(
        "model-renamed",
        "breaking models.Extra: called `models.RowMore` now",
        {"components.schemas.RowMore": FLAT},
        {"components.schemas.RowExtra": FLAT},
    ),
    breaks(
        "model-without-base",
        "breaking models.ThingDetail: no longer a `RowThing`\n"
        + "\n".join(
            f"breaking models.ThingDetail.{each}: gone"
            for each in ("status", "size", "made_at", "note", "labels")
        ),
        {"components.schemas.RowThingDetail": FLAT},
    ),
    breaks(
        "model-to-enum",
        "breaking models.Extra: another kind of thing",
        {"components.schemas.RowExtra": "{type: string, description: E., x-extensible-enum: [a]}"},
        {"components.schemas.RowExtra": FLAT},
    ),
    keeps(
        "enum-member-new",
        "additive models.Status.GONE: new",
        {"components.schemas.RowStatus.x-extensible-enum": "[new, old, gone]"},
    ),
    breaks(
        "enum-member-gone",
        "breaking models.Status.OLD: gone",
        {"components.schemas.RowStatus.x-extensible-enum": "[new]"},
    ),
    breaks(
        "enum-member-value",
        "breaking models.Status.OLD: another value",
        {"components.schemas.RowStatus.x-extensible-enum": "[new, OLD]"},
    ),
    keeps(
        "enum-order",
        "cosmetic models.Status: another order",
        {"components.schemas.RowStatus.x-extensible-enum": "[old, new]"},
    ),
    Row(
        "enum-closed",
        "",
        {"components.schemas.RowStatus": CLOSED},
        {},
        "0.1.0",
        0,
    ),
    keeps(
        "map-iteration",
        "additive models.Extra.additional: new",
        {"components.schemas.RowExtra": FLAT + "    additionalProperties: {type: integer}"},
        {"components.schemas.RowExtra": FLAT},
    ),
)


def contract(side: str) -> dict[str, object]:
    """Return the contract of one side of all rows together."""
    yaml = YAML(typ="safe", pure=True)
    base = json.dumps(yaml.load(BASE))  # which loses the identity of what anchors share
    whole: dict = {
        "openapi": "3.1.0",
        "info": {"title": "Rows", "version": "1"},
        "servers": [{"url": "https://api.example.com/v1"}],
        "paths": {},
        "components": {"parameters": {}, "schemas": {}},
    }
    for number, row in enumerate(ROWS):
        own = _about(json.loads(base), [*row.before, *row.after])
        for place, text in getattr(row, side).items():
            _put(own, place.split("."), yaml.load(text))
        text = json.dumps(own).replace("ROW", f"r{number}").replace("Row", f"R{number}X")
        part = json.loads(text)
        whole["tags"] = part["tags"]
        whole["paths"] |= {route: item for route, item in part["paths"].items() if item}
        for kind, components in part["components"].items():
            whole["components"][kind] |= components
    return whole


def _about(own: dict, places: list[str]) -> dict:
    """Leave out the operations that a row is not about, unless it is about their parameter."""
    if not any(place.startswith("components.parameters") for place in places):
        for path in (LIST, CREATE, GET, DELETE):
            if path != LIST and not any(place.startswith(path) for place in places):
                _put(own, path.split("."), None)
    return own


def _put(tree: dict, steps: list[str], value: object) -> None:
    for step in steps[:-1]:
        tree = tree.setdefault(step, {})
    if value is None:
        tree.pop(steps[-1], None)
    else:
        tree[steps[-1]] = value


@functools.cache
def surfaces(folder: Path) -> list:
    """Return what callers see of both contracts."""
    read = []
    for side in ("before", "after"):
        path = folder / f"{side}.json"
        path.write_text(json.dumps(contract(side)), encoding="utf-8")
        read.append(read_surface(generate(path)))
    return read


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list:
    return surfaces(tmp_path_factory.getbasetemp())


def changes_of(both: list, number: int) -> list[Change]:
    """Return the changes of one row."""
    return compare(*(_only(each, f"_r{number}", f"R{number}X") for each in both))


def _only(surface, suffix: str, prefix: str):
    return attrs.evolve(
        surface,
        methods={k: m for k, m in surface.methods.items() if k.endswith(suffix)},
        schemas={k: s for k, s in surface.schemas.items() if k.startswith(prefix)},
    )


def told(change: Change, number: int) -> str:
    """Return a change without the names of its row."""
    place = change.place.removeprefix("things.").replace(f"models.R{number}X", "models.")
    line = f"{change.level.name.lower()} {place}: {change.what}"
    return line.replace(f"_r{number}", "").replace(f"R{number}X", "Row")


@pytest.mark.parametrize("number", range(len(ROWS)), ids=[row.name for row in ROWS])
def test_what_a_change_is_to_a_caller(both: list, number: int) -> None:
    row, changes = ROWS[number], changes_of(both, number)
    assert sorted(told(each, number) for each in changes) == sorted(row.changes.splitlines())
    verdict = judge(changes, Version(0, 1, 0), Version(0, 1, 0))
    assert (str(verdict.asked), int(not verdict.is_matched)) == (row.asked, row.code)
