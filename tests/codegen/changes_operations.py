"""Changes of the contract's operations: parameters, bodies, answers, references, and the rest."""

from changed import Change, Example, body
from scripted import DOMAIN

DONE = 'responses: {"204": {description: Done.}}'
STRINGS = "{type: array, items: {type: string}}"
MODEL = '{"$ref": "#/components/schemas/Domain"}'


def op(text: str, path: str = "/things", method: str = "post", more: str = "") -> str:
    """Return a contract's change by one operation, `things.run`, in YAML's flow style."""
    operation = f"{{operationId: runThing, tags: [things], summary: Run it., {text}}}"
    return f'{{paths: {{"{path}": {{{method}: {operation}}}}}{more}}}'


def parameters(*texts: str, path: str = "/things", method: str = "get") -> str:
    return op(f"{DONE}, parameters: [{', '.join(texts)}]", path, method)


def query(schema: str, more: str = "") -> str:
    return parameters(f"{{name: q, in: query, schema: {schema}{more}}}")


def header(schema: str, name: str = "X-Trace") -> str:
    return parameters(f"{{name: {name}, in: header, schema: {schema}}}")


def sent(schema: str, media: str = "application/json", *, required: bool = True) -> str:
    flag = "true" if required else "false"
    content = f'{{"{media}": {{schema: {schema}}}}}'
    return f"{DONE}, requestBody: {{required: {flag}, content: {content}}}"


def answers(text: str, method: str = "get", more: str = "", rest: str = "") -> str:
    return op(f"responses: {{{text}}}{rest}", "/things", method, more)


def content(schema: str, status: str = '"200"', media: str = "application/json") -> str:
    return f'{status}: {{description: It., content: {{"{media}": {{schema: {schema}}}}}}}'


def data(schema: str) -> str:
    return f"{{type: object, required: [data], properties: {{data: {schema}}}}}"


def tried(call: str, request: str = "", **more: object) -> Example:
    return Example(f"await client.things.run({call})", request, **more)  # type: ignore[arg-type]


def _path_change(name: str, schema: str, *examples: Example, **more: object) -> Change:
    overlay = parameters(
        f"{{name: id, in: path, required: true, schema: {schema}}}", path="/things/{id}"
    )
    return Change(name, overlay, examples=examples, **more)  # type: ignore[arg-type]


PATHS = (
    Change(
        "a-new-tag",
        """
        tags: [{name: things, description: Things., externalDocs: {url: https://example.com}}]
        paths:
          /clusters/{cluster}/things:
            summary: About things.
            parameters: [{$ref: "#/components/parameters/Cluster"}]
            get:
              operationId: listThings
              tags: [things]
              summary: List them.
              externalDocs: {url: https://example.com}
              parameters: [{name: tags, in: query, schema: {type: array, items: {type: string}}}]
              responses:
                "200":
                  description: Them.
                  headers: {X-Total: {schema: {type: integer}}}
                  content:
                    application/json:
                      schema:
                        type: object
                        required: [data]
                        properties:
                          data: {type: array, items: {type: string}}
        """,
        examples=(
            Example(
                'await client.things.list("a1", tags=["x", "y z"])',
                "GET /clusters/a1/things?tags=x&tags=y%20z\nAccept: application/json",
                body({"data": ["a"]}),
                'result == ["a"]',
                typed="Sequence[str]",
            ),
        ),
        wrong=("await client.things.list(1)", 'await client.things.list("a1", tag=["x"])'),
    ),
    Change(
        "a-new-operation-of-a-known-tag",
        """
        paths:
          /clusters/{cluster}/domains/{domain}/verify:
            post:
              operationId: verifyDomain
              tags: [domains]
              parameters:
                - {$ref: "#/components/parameters/Cluster"}
                - {$ref: "#/components/parameters/Domain"}
              responses: {"202": {description: It will be.}}
        """,
        examples=(
            Example(
                'await client.domains.verify("a1", "bücher.example")',
                "POST /clusters/a1/domains/xn--bcher-kva.example/verify\nContent-Type:",
                (202, "", b""),
            ),
        ),
    ),
    Change(
        "without-tag-and-operation-id",
        f'paths: {{"/widgets/{{id}}/parts": {{get: {{{DONE}, parameters: ['
        "{name: id, in: path, required: true, schema: {type: string}}]}}}",
        examples=(Example('await client.widgets.list_parts("7")', "GET /widgets/7/parts"),),
        warnings=("warning: an operation without a tag", "warning: .* an `operationId`"),
    ),
    Change(
        "several-tags",
        op(DONE).replace("tags: [things]", "tags: [things, domains]"),
        examples=(tried("", "POST /things"),),
    ),
    Change(
        "a-tag-named-like-a-schema",
        op(DONE).replace("tags: [things]", "tags: [domain]"),
        examples=(Example("await client.domain.run_thing()", "POST /things"),),
    ),
    Change(
        "the-parameter-of-an-operation-wins-over-that-of-its-path",
        f"""
        paths:
          /things:
            parameters:
              - {{name: q, in: query, required: true, schema: {{type: string}}}}
              - {{name: r, in: query, schema: {{type: string}}}}
            get:
              operationId: runThing
              tags: [things]
              parameters: [{{name: q, in: query, schema: {{type: integer}}}}]
              {DONE}
        """,
        examples=(tried("", "GET /things"), tried('q=1, r="a"', "GET /things?q=1&r=a")),
    ),
    Change(
        "a-path-item-by-reference",
        f"""
        paths: {{/things: {{$ref: "#/components/pathItems/Things"}}}}
        components:
          pathItems:
            Things:
              parameters: [{{name: q, in: query, schema: {{type: string}}}}]
              get: {{operationId: runThing, tags: [things], {DONE}}}
        """,
        examples=(tried('q="a"', "GET /things?q=a"),),
    ),
    Change(
        "a-path-item-by-reference-and-more",
        f"""
        paths: {{/things: {{$ref: "#/components/pathItems/Things", summary: More.}}}}
        components: {{pathItems: {{Things: {{get: {{operationId: x, tags: [a], {DONE}}}}}}}}}
        """,
        refused=r"#/paths/~1things: not supported: anything beside the `\$ref` of a path",
    ),
    Change(
        "several-path-parameters",
        parameters(
            "{name: class, in: path, required: true, schema: {type: string}}",
            "{name: id, in: path, required: true, schema: {type: integer}}",
            path="/things/{id}/of/{class}",
        ),
        examples=(tried('7, "a+b"', "GET /things/7/of/a%2Bb"),),
        wrong=('await client.things.run("7", "a")',),
    ),
    Change(
        "a-path-parameter-by-all-of",
        parameters(
            '{name: id, in: path, required: true, schema: {allOf: [{"$ref": '
            '"#/components/schemas/Id"}]}}',
            path="/things/{id}",
        )[:-1]
        + ', components: {schemas: {Id: {type: string, pattern: "^[a-z]+$", maxLength: 3}}}}',
        examples=(
            tried('"abc"', "GET /things/abc"),
            tried('"abcd"', error="UsageError"),
            tried('"1"', error="UsageError"),
        ),
    ),
    _path_change(
        "a-path-parameter-with-alternatives",
        '{type: string, pattern: "^(?:a|b[|])$"}',
        tried('"a"', "GET /things/a"),
        tried('"b|"', "GET /things/b%7C"),
        tried('"c"', error="UsageError"),
    ),
    _path_change(
        "a-path-parameter-of-digits",
        '{type: string, pattern: "^\\\\d*$"}',
        tried('"12"', "GET /things/12"),
        tried('"١٢"', error="UsageError"),
        tried('""', error="UsageError"),
    ),
    _path_change(
        "a-path-parameter-that-is-a-date",
        "{type: string, format: date}",
        tried("date(2025, 1, 5)", "GET /things/2025-01-05"),
        tried("datetime(2025, 1, 5)", error="UsageError"),
    ),
    _path_change(
        "a-path-parameter-that-is-an-enum",
        "{type: string, enum: [a.b, c]}",
        tried('"a.b"', "GET /things/a.b"),
        wrong=('await client.things.run("d")',),
    ),
    _path_change(
        "a-path-parameter-that-is-an-enum-of-integers",
        "{type: integer, enum: [1, 2]}",
        tried("1", "GET /things/1"),
        wrong=("await client.things.run(3)",),
    ),
    _path_change("a-loose-pattern", '{type: string, pattern: "^a|b$"}', refused="is not `\\^…\\$`"),
    _path_change("a-path-parameter-that-is-a-list", STRINGS, refused="that is not a string, an in"),
    _path_change("a-path-parameter-that-is-a-flag", "{type: boolean}", refused="that is not a str"),
    Change(
        "a-part-of-a-segment",
        parameters(
            "{name: id, in: path, required: true, schema: {type: string}}", path="/things/{id}.json"
        ),
        refused=r"#/paths/~1things~1\{id\}.json: not supported: .* only a part of its segment",
    ),
    Change(
        "the-same-path-parameter-twice",
        parameters(
            "{name: id, in: path, required: true, schema: {type: string}}", path="/a/{id}/b/{id}"
        ),
        refused="a path with the same parameter twice",
    ),
    Change("a-query-in-a-path", op(DONE, path="/things?a=b"), refused="have\\s+to be quoted"),
    Change("a-space-in-a-path", op(DONE, path="/my things"), refused="have\\s+to be quoted"),
    Change("a-dot-segment-in-a-path", op(DONE, path="/things/../b"), refused="to be quoted"),
)

PARAMETERS = (
    Change(
        "a-list-that-is-repeated",
        query("{type: array, items: {type: integer}}", ", explode: true"),
        examples=(
            tried("q=[1, 2]", "GET /things?q=1&q=2"),
            tried("q=[]", "GET /things"),
            tried("", "GET /things"),
        ),
        wrong=('await client.things.run(q=["1"])', "await client.things.run(q=1)"),
    ),
    Change(
        "a-list-that-is-joined",
        query(STRINGS, ", explode: false"),
        examples=(
            tried('q=["a", "b,c", "d e"]', "GET /things?q=a,b%2Cc,d%20e"),
            tried("q=[]", "GET /things"),
            tried('q=["a"]', "GET /things?q=a"),
        ),
    ),
    Change(
        "a-joined-list-of-host-names",
        query("{type: array, items: {type: string, format: idn-hostname}}", ", explode: false"),
        examples=(tried('q=["bücher.example", "b.c"]', "GET /things?q=xn--bcher-kva.example,b.c"),),
    ),
    Change(
        "a-flag",
        query("{type: boolean, default: true}"),
        examples=(
            tried("q=True", "GET /things?q=true"),
            tried("q=False", "GET /things?q=false"),
            tried("", "GET /things"),
        ),
        contains=(("things.py", "The q. True if not given."),),
    ),
    Change(
        "a-default-by-reference",
        query('{"$ref": "#/components/schemas/Size"}')[:-1]
        + ", components: {schemas: {Size: {type: integer, default: 15}}}}",
        examples=(tried("", "GET /things"), tried("q=15", "GET /things?q=15")),
        contains=(("things.py", "The q. 15 if not given."),),
    ),
    Change(
        "a-day",
        query("{type: string, format: date}"),
        examples=(tried("q=date(2025, 1, 5)", "GET /things?q=2025-01-05"),),
        wrong=('await client.things.run(q="2025-01-05")',),
    ),
    Change(
        "a-time",
        query("{type: string, format: date-time}"),
        examples=(
            tried(
                "q=datetime(2025, 1, 5, 10, tzinfo=UTC)", "GET /things?q=2025-01-05T10%3A00%3A00Z"
            ),
            tried("q=datetime(2025, 1, 5, 10)", "GET /things?q=2025-01-05T10%3A00%3A00Z"),
        ),
    ),
    Change(
        "a-number",
        query("{type: number}"),
        examples=(
            tried("q=1.5", "GET /things?q=1.5"),
            tried("q=2", "GET /things?q=2"),
            tried("q=float('nan')", error="UsageError"),
        ),
    ),
    Change(
        "an-enum-of-strings",
        query("{type: string, enum: [a, b]}"),
        examples=(tried('q="a"', "GET /things?q=a"),),
        wrong=('await client.things.run(q="c")',),
    ),
    Change(
        "an-enum-with-a-name",
        query('{"$ref": "#/components/schemas/DomainStatus"}'),
        examples=(
            tried("q=models.DomainStatus.VERIFIED", "GET /things?q=verified"),
            tried('q="other"', "GET /things?q=other"),
        ),
    ),
    Change(
        "a-list-of-enums",
        query("{type: array, items: {type: integer, enum: [1, 2]}}"),
        examples=(tried("q=[2, 1]", "GET /things?q=2&q=1"),),
        wrong=("await client.things.run(q=[3])",),
    ),
    Change(
        "a-required-parameter-that-may-be-null",
        query('{type: [string, "null"]}', ", required: true"),
        examples=(tried('q="a"', "GET /things?q=a"),),
        wrong=("await client.things.run()", "await client.things.run(q=None)"),
    ),
    Change(
        "a-deprecated-parameter",
        query("{type: string}", ", deprecated: true, description: Use r."),
        contains=(("things.py", "q: Deprecated. Use r."),),
        examples=(tried('q="a"', "GET /things?q=a"),),
    ),
    Change(
        "names-that-are-no-identifiers",
        parameters(
            '{name: "filter[name]", in: query, schema: {type: string}}',
            "{name: filter_name, in: query, schema: {type: string}}",
            '{name: "ids[]", in: query, schema: {type: array, items: {type: string}}}',
            "{name: class, in: query, schema: {type: string}}",
            "{name: 2fa, in: query, schema: {type: boolean}}",
        ),
        examples=(
            tried(
                'filter_name="a", filter_name_="b", ids=["c", "d"], class_="e", field_2fa=True',
                "GET /things?filter%5Bname%5D=a&filter_name=b&ids%5B%5D=c&ids%5B%5D=d"
                "&class=e&2fa=true",
            ),
        ),
    ),
    Change(
        "a-parameter-by-reference-within-components",
        parameters('{"$ref": "#/components/parameters/Alias"}')[:-1]
        + ', components: {parameters: {Alias: {"$ref": "#/components/parameters/Real"},'
        " Real: {name: q, in: query, schema: {type: string}}}}}",
        examples=(tried('q="a"', "GET /things?q=a"),),
    ),
    Change(
        "a-header",
        header("{type: string}"),
        examples=(
            tried('x_trace="a b"', "GET /things\nX-Trace: a b"),
            tried("", "GET /things\nX-Trace:"),
            tried('headers={"x-trace": "c"}', "GET /things\nX-Trace: c"),
            tried('x_trace="a", headers={"x-trace": "c"}', error="UsageError"),
            tried('x_trace="a\\nb: c"', error="UsageError"),
            tried('x_trace="ü"', error="UsageError"),
        ),
    ),
    Change(
        "a-header-that-is-a-list",
        header("{type: array, items: {type: integer}}"),
        examples=(
            tried("x_trace=[1, 2]", "GET /things\nX-Trace: 1,2"),
            tried("x_trace=[]", "GET /things\nX-Trace:"),
        ),
    ),
    Change(
        "a-header-that-is-a-list-of-strings",
        header(STRINGS),
        examples=(tried('x_trace=["a,b", "c"]', error="UsageError"),),
    ),
    Change(
        "a-header-that-is-a-flag",
        header("{type: boolean}"),
        examples=(tried("x_trace=False", "GET /things\nX-Trace: false"),),
    ),
    Change(
        "a-header-that-is-a-time",
        header("{type: string, format: date-time}"),
        examples=(
            tried("x_trace=datetime(2025, 1, 5)", "GET /things\nX-Trace: 2025-01-05T00:00:00Z"),
        ),
    ),
    Change(
        "a-header-of-a-post",
        op(
            f"{sent('{type: object, properties: {a: {type: string}}}')}, parameters:"
            " [{name: Idempotency-Key, in: header, required: true, schema: {type: string}}]"
        ),
        examples=(
            tried('idempotency_key="k", a="b"', 'POST /things\nIdempotency-Key: k\n\n{"a": "b"}'),
        ),
        wrong=("await client.things.run()",),
    ),
    Change(
        "a-header-of-the-client",
        header("{type: string}", "content-type"),
        refused="/parameters/0/name: the header `content-type` is set by the client itself",
    ),
    Change(
        "a-cookie",
        parameters("{name: q, in: cookie, schema: {type: string}}"),
        refused="/parameters/0: not supported: a parameter in `cookie`",
    ),
    Change(
        "a-deep-object",
        query("{type: object, properties: {}}", ", style: deepObject"),
        refused="/parameters/0/style: not supported: the parameter style `deepObject`",
    ),
    Change(
        "a-list-with-pipes",
        query(STRINGS, ", style: pipeDelimited, explode: false"),
        refused="the parameter style `pipeDelimited`",
    ),
    Change(
        "reserved-characters",
        query("{type: string}", ", allowReserved: true"),
        refused="/allowReserved: not supported in a parameter: `allowReserved`",
    ),
    Change(
        "reserved-characters-as-ever",
        query("{type: string}", ", allowReserved: false, allowEmptyValue: false, explode: true"),
        examples=(tried('q="a/b"', "GET /things?q=a%2Fb"),),
    ),
    Change(
        "a-parameter-in-json",
        parameters('{name: q, in: query, content: {"application/json": {schema: {}}}}'),
        refused="not supported in a parameter: `content`",
    ),
    Change(
        "an-object-in-a-query", query("{type: object}"), refused="a query parameter that is not"
    ),
    Change(
        "a-list-of-lists-in-a-query",
        query("{type: array, items: {type: array, items: {type: string}}}"),
        refused="a query parameter that is not",
    ),
)

CLASHES = (
    Change(
        "names-in-path-query-and-body",
        op(
            sent(
                "{type: object, required: [id], properties: {id: {type: string}, self: {type:"
                " string}, timeout: {type: integer}, headers: {type: string}, from: {type: string},"
                " str: {type: string}, list: {type: string}, date: {type: string, format: date}}}"
            )
            + ", parameters: [{name: id, in: path, required: true, schema: {type: integer}},"
            " {name: id, in: query, schema: {type: string}},"
            " {name: id, in: header, schema: {type: string}}]",
            "/things/{id}",
        ),
        examples=(
            tried(
                'id=1, id_="q", id__="h", id___="b", self_="s", timeout_=3, headers_="h",'
                ' from_="f", str_="t", list="l", date=date(2025, 1, 5), timeout=9',
                'POST /things/1?id=q\nid: h\n\n{"id": "b", "self": "s", "timeout": 3,'
                ' "headers": "h", "from": "f", "str": "t", "list": "l", "date": "2025-01-05"}',
            ),
        ),
    ),
    Change(
        "path-parameters-that-become-one-name",
        parameters(
            "{name: a-b, in: path, required: true, schema: {type: string}}",
            "{name: a_b, in: path, required: true, schema: {type: string}}",
            path="/x/{a-b}/{a_b}",
        ),
        examples=(tried('"1", "2"', "GET /x/1/2"),),
    ),
    Change(
        "methods-of-one-name",
        f"""
        paths:
          /things: {{get: {{operationId: listThings, tags: [things], {DONE}}}}}
          /all: {{get: {{operationId: thingsList, tags: [things], {DONE}}}}}
        """,
        refused=r"#/paths/~1all/get: a second `things.list`, after the one in line \d+; give",
    ),
    Change(
        "a-method-named-by-hand",
        f"""
        paths:
          /things: {{get: {{operationId: listThings, tags: [things], {DONE}}}}}
          /all: {{get: {{operationId: thingsList, tags: [things], x-method-name: every, {DONE}}}}}
        """,
        examples=(Example("await client.things.every()", "GET /all"),),
    ),
    Change(
        "a-method-named-like-a-builtin",
        op(f"responses: {{{content(data(STRINGS))}}}").replace("runThing", "strThing"),
        examples=(
            Example("await client.things.str_()", "POST /things", body({"data": []}), "not result"),
        ),
    ),
)

BODIES = (
    Change(
        "a-body-that-is-a-list",
        op(sent(STRINGS)),
        examples=(
            tried('body=["a", "b"]', 'POST /things\nContent-Type: application/json\n\n["a", "b"]'),
            tried("body=[]", "POST /things\n\n[]"),
        ),
        wrong=("await client.things.run()", "await client.things.run(body=[1])"),
    ),
    Change(
        "a-body-that-is-a-string",
        op(sent("{type: string, description: The word.}", required=False)),
        examples=(
            tried('body="a"', 'POST /things\n\n"a"'),
            tried("", "POST /things\nContent-Type:"),
        ),
        contains=(("things.py", "body: The word."),),
    ),
    Change(
        "a-body-that-is-a-map",
        op(sent("{type: object, additionalProperties: {type: integer}}")),
        examples=(tried('body={"a": 1}', 'POST /things\n\n{"a": 1}'),),
    ),
    Change(
        "a-body-by-reference",
        op(f'{DONE}, requestBody: {{"$ref": "#/components/requestBodies/Run"}}')[:-1]
        + ', components: {requestBodies: {Run: {required: true, content: {"application/json":'
        ' {schema: {"$ref": "#/components/schemas/Run"}}}}}, schemas: {Run: {allOf: ['
        '{"$ref": "#/components/schemas/Base"}, {type: object, required: [b], properties:'
        " {b: {type: integer}}}]}, Base: {type: object, required: [a], properties: {a: {type:"
        " string}}}}}}",
        examples=(tried('a="x", b=1', 'POST /things\n\n{"a": "x", "b": 1}'),),
        wrong=('await client.things.run(a="x")',),
    ),
    Change(
        "an-optional-body",
        op(
            sent(
                "{type: object, required: [a], properties: {a: {type: string}, b: {type: [string,"
                ' "null"]}}}',
                required=False,
            )
        ),
        examples=(
            tried("", "POST /things\nContent-Type:"),
            tried('a="x"', 'POST /things\n\n{"a": "x"}'),
            tried("b=None", 'POST /things\n\n{"b": null}'),
        ),
        contains=(("things.py", "Needed if there is a body."),),
    ),
    Change(
        "a-merge-patch",
        op(
            sent(
                '{type: object, properties: {a: {type: [string, "null"]}, b: {type: string}}}',
                "application/merge-patch+json",
            ),
            "/things/{id}",
            "patch",
        ).replace(
            "summary: Run it.,",
            "parameters: [{name: id, in: path, required: true, schema: {type: string}}],",
        ),
        examples=(
            tried(
                '"7", a=None',
                'PATCH /things/7\nContent-Type: application/merge-patch+json\n\n{"a": null}',
            ),
            tried('"7", b="x", a=UNSET', 'PATCH /things/7\n\n{"b": "x"}'),
            tried('"7", b=None', "PATCH /things/7\n\n{}"),
        ),
    ),
    Change(
        "json-of-the-vendor",
        op(sent("{type: object, properties: {a: {type: string}}}", "application/vnd.x+json")),
        examples=(
            tried('a="x"', 'POST /things\nContent-Type: application/vnd.x+json\n\n{"a": "x"}'),
        ),
    ),
    Change(
        "several-media-types-in-a-body",
        op(
            f"{DONE}, requestBody: {{required: true, content: {{multipart/form-data: {{schema:"
            " {type: object}}, application/merge-patch+json: {schema: {type: object}},"
            " application/json: {schema: {type: object, properties: {a: {type: string}}}}}}"
        ),
        examples=(tried('a="x"', 'POST /things\nContent-Type: application/json\n\n{"a": "x"}'),),
    ),
    Change(
        "a-deletion-with-a-body",
        op(
            sent("{type: object, required: [ids], properties: {ids: %s}}".replace("%s", STRINGS)),
            method="delete",
        ),
        examples=(tried('ids=["a"]', 'DELETE /things\n\n{"ids": ["a"]}'),),
    ),
    Change(
        "a-post-without-a-body",
        op(DONE),
        examples=(tried("", "POST /things\nContent-Type:\nContent-Length: 0"),),
    ),
    Change(
        "a-body-of-a-get",
        op(sent("{type: object, properties: {a: {type: string}}}"), method="get"),
        refused="/get/requestBody: .*a body of `get`|.*requestBody",
    ),
    *(
        Change(
            f"a-body-of-{media.replace('/', '-').replace('*', 'any')}",
            op(sent("{type: string}", media)),
            refused=f"not supported: the media type `{media.replace('*', '[*]')}` of a body",
        )
        for media in (
            "multipart/form-data",
            "application/x-www-form-urlencoded",
            "text/plain",
            "application/octet-stream",
            "*/*",
        )
    ),
    Change(
        "a-body-without-schema",
        op(f"{DONE}, requestBody: {{content: {{application/json: {{}}}}}}"),
        refused="application~1json: `schema` is missing",
    ),
    Change(
        "a-body-that-may-be-null",
        op(sent('{type: [array, "null"], items: {type: string}}')),
        refused="a body that may be null",
    ),
)

ANSWERS = (
    Change(
        "200-or-204",
        answers(f'{content(data(MODEL))}, "204": {{description: None yet.}}'),
        examples=(
            tried(
                "",
                "GET /things",
                answer=body({"data": DOMAIN}),
                typed="models.Domain | None",
                value='result is not None and result.name == "example.com"',
            ),
            tried("", "GET /things", typed="models.Domain | None", value="result is None"),
            tried(
                "",
                "GET /things",
                answer=(200, "application/json", b""),
                error="UnexpectedResponseError",
            ),
            tried("", "GET /things", answer=(204, "", b""), value="result is None"),
        ),
    ),
    Change(
        "202-alone",
        answers('"202": {description: Later.}', "post"),
        examples=(tried("", "POST /things", answer=(202, "", b"")),),
    ),
    Change(
        "201-and-200",
        answers(f"{content(data(STRINGS), '201')}, {content(data(STRINGS))}", "put"),
        examples=(
            tried("", "PUT /things", answer=body({"data": []}, 201), typed="Sequence[str]"),
            tried("", "PUT /things", answer=body({"data": []}), typed="Sequence[str]"),
        ),
    ),
    Change(
        "answers-that-differ",
        answers(f"{content(data(STRINGS), '201')}, {content(data(MODEL))}", "put"),
        refused="two answers of success that differ in their content",
    ),
    Change(
        "2xx",
        answers(content(data(STRINGS), "2XX")),
        examples=(
            tried("", "GET /things", answer=body({"data": ["a"]}, 203), typed="Sequence[str]"),
        ),
    ),
    Change(
        "2xx-without-content",
        answers("2XX: {description: Done.}", "post"),
        examples=(tried("", "POST /things", answer=(201, "", b"")),),
    ),
    Change(
        "2xx-without-content-beside-content",
        answers(f"2XX: {{description: Done.}}, {content(data(STRINGS))}"),
        refused="an answer without content beside",
    ),
    Change(
        "no-answer-of-success",
        answers("default: {description: Anything.}"),
        refused="/get/responses: not supported: responses without one of success",
    ),
    Change(
        "a-redirect",
        answers('"204": {description: Done.}, "302": {description: Elsewhere.}'),
        refused="not supported: the status `302`",
    ),
    Change(
        "text",
        answers(content("{type: string}", media="text/plain")),
        examples=(
            tried(
                "",
                "GET /things\nAccept: text/plain, application/json",
                typed="str",
                answer=(200, "text/plain; charset=utf-8", "grün".encode()),
                value='result == "grün"',
            ),
            tried(
                "",
                "GET /things",
                answer=(200, "text/html", b"<h1>Sign in</h1>"),
                error="UnexpectedResponseError",
            ),
            tried(
                "",
                "GET /things",
                answer=(200, "text/plain", b"\xff"),
                error="UnexpectedResponseError",
            ),
            tried("", "GET /things", answer=body({"message": "No"}, 404), error="NotFoundError"),
        ),
    ),
    Change(
        "bytes",
        answers('"200": {description: It., content: {application/pdf: {}}}'),
        examples=(
            tried(
                "",
                "GET /things\nAccept: application/pdf, application/json",
                typed="bytes",
                answer=(200, "application/pdf", b"\xff\x00"),
                value='result == b"\\xff\\x00"',
            ),
            tried(
                "",
                "GET /things",
                answer=(200, "text/html", b"<h1>Sign in</h1>"),
                error="UnexpectedResponseError",
            ),
        ),
    ),
    Change(
        "images-or-nothing",
        answers(
            '"200": {description: It., content: {image/*: {schema: {type: string, format:'
            ' binary}}}}, "204": {description: None.}'
        ),
        examples=(
            tried(
                "",
                "GET /things\nAccept: image/*, application/json",
                typed="bytes | None",
                answer=(200, "image/png", b"\xff"),
                value='result == b"\\xff"',
            ),
            tried("", "GET /things", value="result is None"),
        ),
    ),
    Change(
        "events",
        answers(content("{type: string}", media="text/event-stream")),
        refused="the media type `text/event-stream` of an answer",
    ),
    Change(
        "several-media-types-in-an-answer",
        answers(
            '"200": {description: It., content: {text/csv: {schema: {type: string}},'
            f" application/json: {{schema: {data(STRINGS)}}}}}}}"
        ),
        examples=(
            tried(
                "",
                "GET /things\nAccept: application/json",
                answer=body({"data": []}),
                typed="Sequence[str]",
            ),
        ),
    ),
    Change(
        "json-of-the-vendor-in-an-answer",
        answers(content(data(STRINGS), media="application/vnd.x+json; version=2")),
        examples=(
            tried(
                "",
                "GET /things\nAccept: application/vnd.x+json; version=2, application/json",
                answer=(200, "application/vnd.x+json", b'{"data": ["a"]}'),
                value='result == ["a"]',
            ),
        ),
    ),
    Change(
        "no-envelope-but-an-object",
        answers(content(MODEL)),
        examples=(
            tried(
                "",
                "GET /things",
                answer=body(DOMAIN),
                typed="models.Domain",
                value='result.name == "example.com"',
            ),
        ),
    ),
    Change(
        "no-envelope-but-a-list",
        answers(content(f"{{type: array, items: {MODEL}}}")),
        examples=(
            tried(
                "",
                "GET /things",
                answer=body([DOMAIN]),
                typed="Sequence[models.Domain]",
                value='result[0].name == "example.com"',
            ),
        ),
    ),
    Change(
        "no-envelope-but-a-map",
        answers(content("{type: object, additionalProperties: {type: integer}}")),
        examples=(
            tried(
                "",
                "GET /things",
                answer=body({"a": 1}),
                typed="Mapping[str, int]",
                value='result == {"a": 1}',
            ),
        ),
    ),
    Change(
        "an-envelope-by-all-of",
        answers(
            content(
                '{allOf: [{"$ref": "#/components/schemas/Envelope"}, {type: object, required:'
                " [data], properties: {data: %s}}]}".replace("%s", MODEL)
            ),
            more=", components: {schemas: {Envelope: {type: object, properties: {}}}}",
        ),
        examples=(tried("", "GET /things", answer=body({"data": DOMAIN}), typed="models.Domain"),),
    ),
    Change(
        "data-that-may-be-null",
        answers(content(data(f'{{anyOf: [{MODEL}, {{type: "null"}}]}}'))),
        examples=(
            tried(
                "",
                "GET /things",
                answer=body({"data": None}),
                typed="models.Domain | None",
                value="result is None",
            ),
            tried("", "GET /things", answer=body({"data": DOMAIN}), value="result is not None"),
            tried("", "GET /things", answer=body({}), error="UnexpectedResponseError"),
        ),
    ),
    Change(
        "data-that-may-be-null-or-204",
        answers(
            content(data('{type: [array, "null"], items: {type: string}}'))
            + ', "204": {description: None.}'
        ),
        examples=(
            tried(
                "",
                "GET /things",
                answer=body({"data": None}),
                typed="Sequence[str] | None",
                value="result is None",
            ),
            tried("", "GET /things", value="result is None"),
        ),
    ),
    Change(
        "data-that-is-a-time",
        answers(content(data("{type: array, items: {type: string, format: date-time}}"))),
        examples=(
            tried(
                "",
                "GET /things",
                answer=body({"data": ["2025-01-05T10:00:00Z"]}),
                typed="Sequence[datetime]",
                value="result[0] == datetime(2025, 1, 5, 10, tzinfo=UTC)",
            ),
        ),
    ),
    Change(
        "data-that-is-not-required",
        answers(content("{type: object, properties: {data: {type: string}}}")),
        refused="an answer whose `data` is not `required`",
    ),
    Change(
        "more-beside-data",
        answers(
            content(
                "{type: object, title: Found Domains, required: [data], properties: {data:"
                " {type: array, items: %s}, took: {type: number}}}".replace("%s", MODEL)
            )
        ),
        examples=(
            tried(
                "",
                "GET /things",
                answer=body({"data": [DOMAIN], "took": 0.5}),
                value='result.domains[0].name == "example.com" and result.took == 0.5',
            ),
        ),
    ),
    Change(
        "pages",
        answers(
            content(
                "{type: object, required: [data, links, meta], properties: {data: {type: array,"
                " items: %s}, links: {type: object}, meta: {type: object}}}".replace("%s", MODEL)
            ),
            rest=", deprecated: true,"
            " parameters: [{name: page, in: query, schema: {type: integer}},"
            " {name: sort, in: query, schema: {type: string}}]",
        ).replace("runThing", "listThings"),
        examples=(
            Example(
                'await client.things.list(sort="a")',
                "GET /things?sort=a",
                body({"data": [DOMAIN], "links": {}, "meta": {"total": 1}}),
                "len(result) == 1 and result.total == 1",
                "Page[models.Domain]",
            ),
            Example(
                '[each.name async for each in client.things.iterate(sort="a")]',
                "GET /things?sort=a",
                body({"data": [DOMAIN], "links": {"next": "https://x/?page=2"}, "meta": {}}),
                'result == ["example.com"] * 2',
                "list[str]",
                more=(
                    (
                        "GET /things?page=2&sort=a",
                        body({"data": [DOMAIN], "links": {}, "meta": {}}),
                    ),
                ),
            ),
            Example(
                "[each.name async for each in client.things.iterate()]",
                "GET /things",
                body({"data": [], "links": {"next": "https://x/?page=2"}, "meta": {}}),
                error="UnexpectedResponseError",
                more=(
                    (
                        "GET /things?page=2",
                        body({"data": [], "links": {"next": "https://x/?page=2"}, "meta": {}}),
                    ),
                ),
            ),
        ),
        wrong=("await client.things.iterate(page=2)",),
    ),
    Change(
        "pages-by-cursor-of-a-post",
        op(
            sent("{type: object, properties: {q: {type: string}}}").replace(
                DONE,
                "responses: {"
                + content(
                    "{type: object, required: [data, links, meta], properties: {data: %s,"
                    " links: {}, meta: {}}}".replace("%s", STRINGS)
                )
                + "}",
            )
            + ", parameters: [{name: cursor, in: query, schema: {type: string}}]"
        ).replace("runThing", "searchThings"),
        examples=(
            Example(
                '[each async for each in client.things.iterate_search(q="a")]',
                'POST /things\n\n{"q": "a"}',
                body({"data": ["x"], "links": {}, "meta": {"next_cursor": "c"}}),
                'result == ["x", "y"]',
                more=(
                    (
                        'POST /things?cursor=c\n\n{"q": "a"}',
                        body({"data": ["y"], "links": {}, "meta": {}}),
                    ),
                ),
            ),
        ),
    ),
    Change(
        "pages-without-a-parameter",
        answers(
            content(
                "{type: object, required: [data], properties: {data: %s, links: {}, meta:"
                " {}}}".replace("%s", STRINGS)
            )
        ),
        refused="there is no optional parameter `page`",
    ),
    Change(
        "problems",
        answers(
            f'{content(data(STRINGS))}, "409": {{description: Taken., content:'
            " {application/problem+json: {schema: {type: object}}}}"
        ),
        examples=(
            tried(
                "",
                "GET /things",
                answer=(409, "application/problem+json", b'{"title": "Taken", "detail": "It is."}'),
                error="ConflictError",
            ),
        ),
    ),
    Change(
        "links-of-an-answer",
        answers('"200": {description: It., links: {a: {operationId: listClusters}}}'),
        refused="/links: not supported in an answer: `links`",
    ),
    Change(
        "a-secret-alone",
        answers(content(data("{type: string, format: password}"))),
        refused="a secret that is not a property",
    ),
)

REST = (
    Change(
        "a-deprecated-operation",
        op(f"{DONE}, deprecated: true"),
        examples=(tried("", "POST /things"),),
        contains=(("things.py", '@deprecated("`things.run` is deprecated by the API")'),),
    ),
    Change(
        "a-webhook",
        """
        webhooks:
          domainVerified:
            post:
              operationId: onDomainVerified
              summary: A domain was verified.
              requestBody:
                content:
                  application/json: {schema: {$ref: "#/components/schemas/DomainVerified"}}
              responses: {"200": {description: Taken.}}
        components:
          schemas:
            DomainVerified:
              type: object
              required: [domain]
              properties: {domain: {type: string}}
        """,
        examples=(
            Example(
                "await client.clusters.list()",
                "GET /clusters",
                body({"data": []}),
                'from_dict(models.DomainVerified, {"domain": "a"}).domain == "a" and not result',
            ),
        ),
    ),
    Change(
        "a-webhook-of-a-form",
        "webhooks: {a: {post: {requestBody: {content: {text/plain: {schema: {}}}},"
        ' responses: {"200":'
        " {description: Taken.}}}}}",
        refused="#/webhooks/a/post/.*: not supported: the media type `text/plain` of a webhook",
    ),
    Change(
        "callbacks",
        op(f'{DONE}, callbacks: {{a: {{"{{$url}}": {{post: {{{DONE}}}}}}}}}'),
        refused="/post/callbacks: not supported in an operation: `callbacks`",
    ),
    Change(
        "servers-of-an-operation",
        op(f"{DONE}, servers: [{{url: https://b.example}}]"),
        refused="/post/servers: not supported in an operation: `servers`",
    ),
    Change(
        "servers-of-a-path",
        "paths: {/clusters: {servers: [{url: https://b.example}]}}",
        refused="/servers: not supported on a path: `servers`",
    ),
    Change(
        "security-of-an-operation",
        op(f"{DONE}, security: []"),
        refused="/post/security: not supported in an operation: `security`",
    ),
    Change(
        "the-same-security",
        op(f"{DONE}, security: [{{bearerToken: []}}]"),
        examples=(tried("", "POST /things\nAuthorization: Bearer token-of-the-tests"),),
    ),
    Change(
        "another-way-in",
        "components: {securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}}",
        refused="/key: not supported: a security scheme other than http bearer",
    ),
    Change(
        "what-does-no-harm",
        op(
            f"{DONE}, x-code-samples: []",
            more=", externalDocs: {url: https://example.com}, jsonSchemaDialect:"
            " https://spec.openapis.org/oas/3.1/dialect/base, info: {contact: {name: A}}",
        ),
        examples=(tried("", "POST /things"),),
        warnings=("nothing reads the extension `x-code-samples`",),
    ),
    Change(
        "openapi-3-0", "openapi: 3.0.3", refused="#/openapi: OpenAPI 3.0.3 .*: write .*nullable"
    ),
    Change("swagger", 'swagger: "2.0"', refused="#/swagger: this is a Swagger 2.0 document"),
)

FILES = (
    Change(
        "other-files",
        """
        paths: {/things: {$ref: "paths/things.yaml"}}
        components:
          schemas: {Shape: {$ref: "schemas/shape.yaml"}}
        """,
        files={
            "paths/things.yaml": """\
parameters: [{$ref: "../common.yaml#/parameters/Page"}]
get:
  operationId: listThings
  tags: [things]
  responses:
    "200": {$ref: "../common.yaml#/responses/Things"}
""",
            "common.yaml": """\
parameters:
  Page: {name: q, in: query, schema: {$ref: "#/Word"}}
Word: {type: string, default: a}
responses:
  Things:
    description: Them.
    content:
      application/json:
        schema:
          type: object
          required: [data]
          properties: {data: {type: array, items: {$ref: "schemas/thing.yaml"}}}
""",
            "schemas/thing.yaml": """\
type: object
description: A thing.
required: [shape, cluster]
properties:
  shape: {$ref: shape.yaml}
  inner: {$ref: thing.yaml}
  cluster: {$ref: "../api.yaml#/components/schemas/Domain"}
""",
            "schemas/shape.yaml": "type: string\nx-extensible-enum: [round, NO]\n",
        },
        examples=(
            Example(
                'await client.things.list(q="b")',
                "GET /things?q=b",
                body(
                    {
                        "data": [
                            {
                                "shape": "NO",
                                "cluster": DOMAIN,
                                "inner": {"shape": "x", "cluster": DOMAIN},
                            }
                        ]
                    }
                ),
                'result[0].shape == models.Shape.NO and result[0].cluster.name == "example.com"'
                ' and result[0].inner is not None and result[0].inner.shape == "x"',
                "Sequence[models.Thing]",
            ),
        ),
    ),
    Change(
        "a-fault-in-another-file",
        'paths: {/things: {$ref: "things.yaml"}}',
        files={
            "things.yaml": "get:\n  operationId: listThings\n  tags: [things]\n  servers: []\n"
            '  responses: {"204": {description: Done.}}\n'
        },
        refused=r"/things.yaml:4: #/get/servers: not supported in an operation: `servers`",
    ),
    Change(
        "a-bad-schema-in-another-file",
        'components: {schemas: {Thing: {$ref: "things.yaml#/Thing"}}}',
        files={"things.yaml": "Thing:\n  type: object\n  properties:\n    a: {type: strin}\n"},
        refused=r"/things.yaml:4: #/Thing/properties/a/type: 'strin' is not",
    ),
    Change(
        "another-file-that-is-no-yaml",
        'components: {schemas: {Thing: {$ref: "things.yaml"}}}',
        files={"things.yaml": "a:\n\tb: 1\n"},
        refused=r"/things.yaml:2: #/: not YAML: ",
    ),
    Change(
        "a-file-that-is-not-there",
        'components: {schemas: {Thing: {$ref: "things.yaml"}}}',
        refused=r"#/components/schemas/Thing: `\$ref` leads to no file: things.yaml",
    ),
    Change(
        "a-place-that-is-not-there",
        'components: {schemas: {Thing: {$ref: "things.yaml#/No"}}}',
        files={"things.yaml": "a: b\n"},
        refused=r"#/components/schemas/Thing: `\$ref` leads nowhere: things.yaml#/No",
    ),
    Change(
        "another-host",
        'components: {schemas: {Thing: {$ref: "https://example.com/x.yaml"}}}',
        refused=r"not supported: `\$ref` to another host: https://example.com/x.yaml",
    ),
    Change(
        "two-schemas-of-one-name",
        """
        components:
          schemas: {A: {type: object, properties: {b: {$ref: "things.yaml#/Cluster"}}}}
        """,
        files={"things.yaml": "Cluster: {type: object, properties: {}}\n"},
        refused=r"/A/properties/b: a second schema of the name `Cluster`; rename one of them",
    ),
    Change(
        "a-circle-of-files",
        'paths: {/things: {$ref: "a.yaml"}}',
        files={"a.yaml": "$ref: b.yaml\n", "b.yaml": "$ref: a.yaml\n"},
        refused=r"`\$ref` leads back to itself",
    ),
)

CHANGES: tuple[Change, ...] = (
    *PATHS, *PARAMETERS, *CLASHES, *BODIES, *ANSWERS, *REST, *FILES
)  # fmt: skip
