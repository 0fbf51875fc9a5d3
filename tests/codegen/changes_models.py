"""Changes of the contract's schemas, in answers and in requests."""

# ruff: noqa: E501 -- schemas and expressions are best in one piece

import textwrap

from changed import Change, Example, body

_ANSWER = """\
paths:
  /thing:
    get:
      operationId: getThing
      tags: [things]
      summary: Get it.
      responses:
        "200":
          description: It.
          content:
            application/json:
              schema: {type: object, required: [data], properties: {data: %s}}
"""
_REQUEST = """\
paths:
  /thing:
    put:
      operationId: updateThing
      tags: [things]
      summary: Change it.
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
%s
      responses: {"204": {description: Done.}}
"""
_THING = "{$ref: '#/components/schemas/Thing'}"


def _schemas(text: str) -> str:
    return "components:\n  schemas:\n" + textwrap.indent(textwrap.dedent(text), "    ")


def _answers(schemas: str, data: str = _THING) -> str:
    """Return a contract in which `client.things.get()` gives a Thing."""
    return _ANSWER % data + (_schemas(schemas) if schemas else "")


def _takes(more: str, schemas: str = "") -> str:
    """Return a contract in which `client.things.update()` takes an object."""
    body = textwrap.indent(textwrap.dedent(more).strip("\n"), 14 * " ")
    return _REQUEST % body + (_schemas(schemas) if schemas else "")


def _got(data: object, value: str, typed: str = "") -> Example:
    return Example("await client.things.get()", "GET /thing", body({"data": data}), value, typed)


def _put(arguments: str, sent: str) -> Example:
    return Example(f"await client.things.update({arguments})", f"PUT /thing\n\n{sent}")


def _refused(name: str, thing: str, message: str) -> Change:
    return Change(name, _answers(f"Thing: {thing}\n"), refused=message)


_NULLABLE = Change(
    "answers-null-and-missing",
    _answers(
        """
        Thing:
          type: object
          required: [plain, nullable, either, other, status, child, rows]
          properties:
            plain: {type: string}
            nullable: {type: [string, "null"]}
            optional: {type: string}
            both: {type: [string, "null"]}
            either: {anyOf: [{type: integer}, {type: "null"}]}
            other: {oneOf: [{type: "null"}, {$ref: "#/components/schemas/Child"}]}
            status: {$ref: "#/components/schemas/Status"}
            child: {$ref: "#/components/schemas/Child"}
            maybe: {$ref: "#/components/schemas/Child"}
            rows: {type: array, items: {type: array, items: {type: [integer, "null"]}}}
            set: {type: array, uniqueItems: true, items: {type: string}}
        Child: {type: [object, "null"], required: [a], properties: {a: {type: string}}}
        Status: {type: [string, "null"], enum: [on, off, null]}
        """
    ),
    examples=(
        _got(
            {"plain": "x", "nullable": None, "either": None, "other": None, "status": None,
             "child": None, "rows": [[1, None], []]},
            "result.rows == [[1, None], []] and [result.nullable, result.optional, result.both,"
            " result.either, result.other, result.status, result.child, result.maybe] == [None] * 8",
            "models.Thing",
        ),
        _got(
            {"plain": "x", "nullable": "y", "either": 5, "other": {"a": "1"}, "status": "new",
             "child": {"a": "2"}, "rows": [], "set": ["a"], "optional": "o", "both": "b",
             "maybe": {"a": "3"}},
            "(result.either, result.status, result.child, result.set, result.other) =="
            ' (5, "new", models.Child(a="2"), ["a"], models.Child(a="1"))',
        ),
        Example(
            "await client.things.get()", "GET /thing",
            body({"data": {"plain": None}}), error="UnexpectedResponseError",
        ),
    ),
)  # fmt: skip

_ENUMS = Change(
    "enums-of-all-kinds",
    _answers(
        """
        Thing:
          type: object
          required: [level, mode, kind, priority, always, version, is_thing, colour]
          properties:
            level: {$ref: "#/components/schemas/Level"}
            mode: {type: string, description: How., enum: [fast, slow]}
            maybe: {type: [string, "null"], enum: [fast, null]}
            kind: {$ref: "#/components/schemas/Kind"}
            priority: {type: integer, enum: [1, 2, -1]}
            always: {const: thing}
            version: {type: integer, enum: [2]}
            is_thing: {type: boolean, const: true}
            colour: {enum: [red, green], title: Main colour}
            sizes: {type: array, items: {enum: [S, M], type: string}}
            by_name: {type: object, additionalProperties: {type: string, x-extensible-enum: [x]}}
        Level: {type: integer, description: How high., x-extensible-enum: [1, 10]}
        Kind:
          type: string
          deprecated: true
          enum: ["", a, A, "a b", a-b, class, "1", "+", "-", "it's", 'say "so"', 'back\\slash', name]
        """
    ),
    examples=(
        _got(
            {"level": 5, "mode": "new", "maybe": "faster", "kind": "+", "priority": 3,
             "always": "other", "version": 3, "is_thing": False, "colour": "blue",
             "sizes": ["XL"], "by_name": {"a": "y"}},
            "(result.level, result.mode, result.maybe, result.kind, result.priority, result.always,"
            " result.version, result.is_thing, result.colour, result.sizes, result.by_name) =="
            ' (5, "new", "faster", "+", 3, "other", 3, False, "blue", ["XL"], {"a": "y"})'
            " and (type(result.level), type(result.priority), type(result.mode),"
            " type(result.colour)) =="
            " (models.Level, models.ThingPriority, models.ThingMode, models.MainColour)"
            ' and to_dict(result)["level"] == 5 and from_dict(models.Thing, to_dict(result)) == result',
        ),
        _got(
            {"level": 10, "mode": "fast", "kind": "it's", "priority": -1, "always": "thing",
             "version": 2, "is_thing": True, "colour": "red", "sizes": ["S"]},
            "result.level is models.Level.VALUE_10 and result.kind is models.Kind.IT_S"
            " and result.priority is models.ThingPriority.MINUS_1"
            " and result.maybe is None and result.sizes == [models.ThingSizesItem.S]"
            ' and [*models.Kind][:7] == ["", "a", "A", "a b", "a-b", "class", "1"]',
        ),
        Example(
            "await client.things.get()", "GET /thing",
            body({"data": {"level": True}}), error="UnexpectedResponseError",
        ),
    ),
    contains=(
        ("models.py", '    """Always \'thing\'."""'),
        ("models.py", '    """Kind.\n\n    Deprecated.\n    """'),
        ("models.py", '    MINUS_1 = known(-1)'),
        ("models.py", '    EMPTY = known("")'),
    ),
)  # fmt: skip

_UNIONS = Change(
    "unions-of-objects",
    _answers(
        """
        Thing:
          type: object
          required: [pet, target, event, pets]
          properties:
            pet: {$ref: "#/components/schemas/Pet"}
            target: {$ref: "#/components/schemas/Target"}
            event:
              oneOf:
                - type: object
                  title: Created event
                  required: [type, at]
                  properties: {type: {const: created}, at: {type: string, format: date-time}}
                - type: object
                  required: [type]
                  properties: {type: {type: string, enum: [deleted, purged]}, why: {type: string}}
            pets: {type: array, items: {$ref: "#/components/schemas/Pet"}}
            maybe: {anyOf: [{$ref: "#/components/schemas/Pet"}, {type: "null"}]}
            either: {$ref: "#/components/schemas/Either"}
            same:
              oneOf:
                - {type: object, title: First, required: [x, p], properties: {x: {const: a}, p: {type: integer}}}
                - {type: object, title: Second, required: [x, q], properties: {x: {const: a}, q: {type: integer}}}
            by_name: {type: object, additionalProperties: {$ref: "#/components/schemas/Pet"}}
        Either: {oneOf: [{$ref: "#/components/schemas/Pet"}, {$ref: "#/components/schemas/Address"}]}
        Pet:
          description: A pet.
          oneOf: [{$ref: "#/components/schemas/Cat"}, {$ref: "#/components/schemas/Dog"}]
          discriminator:
            propertyName: kind
            mapping: {cat: "#/components/schemas/Cat", tomcat: Cat}
        Cat: {type: object, required: [kind], properties: {kind: {type: string}, lives: {type: integer}}}
        Dog: {type: object, required: [kind, name], properties: {kind: {type: string}, name: {type: string}}}
        Target:
          anyOf: [{$ref: "#/components/schemas/Address"}, {$ref: "#/components/schemas/Link"}, {type: string}]
        Address: {type: object, required: [street], properties: {street: {type: string}, no: {type: integer}}}
        Link: {type: object, properties: {url: {type: string}, street: {type: string}, at: {type: string, format: date-time}}}
        """
    ),
    examples=(
        _got(
            {"pet": {"kind": "tomcat", "lives": 9}, "target": "x",
             "event": {"type": "created", "at": "2025-01-15T10:30:00"},
             "pets": [{"kind": "Dog", "name": "Rex"}, {"kind": "bird", "wings": [2]}],
             "by_name": {"a": {"kind": "cat"}}},
            'result.pet == models.Cat(kind="tomcat", lives=9) and result.target == "x"'
            " and result.event == models.CreatedEvent("
            'type="created", at=datetime(2025, 1, 15, 10, 30, tzinfo=UTC))'
            ' and result.pets == [models.Dog(kind="Dog", name="Rex"), {"kind": "bird", "wings": [2]}]'
            ' and result.maybe is None and result.by_name == {"a": models.Cat(kind="cat")}'
            " and from_dict(models.Thing, to_dict(result)) == result",
        ),
        _got(
            {"pet": {"lives": 1}, "target": {"street": "x", "url": "u", "at": "2025-01-15T10:30:00"},
             "event": {"type": "new"}, "pets": [], "maybe": {"kind": "cat"}, "same": {"x": "a", "p": 1}, "either": {"street": "s"}},
            'result.pet == {"lives": 1} and isinstance(result.target, models.Link)'
            ' and result.event == {"type": "new"} and isinstance(result.maybe, models.Cat)'
            ' and result.same == models.First(x="a", p=1)'
            ' and result.either == models.Address(street="s")',
        ),
        _got(
            {"pet": {"kind": {}}, "target": {"street": "x", "no": 1},
             "event": {"type": "purged"}, "pets": []},
            'result.pet == {"kind": {}} and isinstance(result.target, models.Address)'
            ' and result.event == models.ThingEventOption2('
            "type=models.ThingEventOption2Type.PURGED)",
        ),
        Example(
            "await client.things.get()", "GET /thing",
            body({"data": {"pet": {"kind": "Dog"}, "target": "", "event": {}, "pets": []}}),
            error="UnexpectedResponseError",
        ),
        Example(
            "await client.things.get()", "GET /thing",
            body({"data": {"pet": 5, "target": "", "event": {}, "pets": []}}),
            error="UnexpectedResponseError",
        ),
    ),
    contains=(("models.py", "Pet: TypeAlias = Annotated["), ("models.py", '"""A pet."""')),
)  # fmt: skip

_SCALAR_UNIONS = Change(
    "unions-of-scalars",
    _answers(
        """
        Thing:
          type: object
          required: [id, when, some, number]
          properties:
            id: {type: [string, integer]}
            when: {oneOf: [{type: string}, {type: string, format: date-time}, {type: boolean}]}
            some: {anyOf: [{type: string}, {type: array, items: {type: string}}, {type: "null"}]}
            number: {type: [number, integer]}
            rule: {anyOf: [{type: string, enum: [a, b]}, {type: integer}]}
            deep: {anyOf: [{type: string}, {$ref: "#/components/schemas/Deep"}]}
        Deep: {anyOf: [{type: integer}, {type: [boolean, "null"]}]}
        """
    ),
    examples=(
        _got(
            {"id": 5, "when": "2025-01-15T10:30:00", "some": None, "number": 1.5, "rule": "c",
             "deep": True},
            "(result.id, result.some, result.number, result.deep) == (5, None, 1.5, True) and"
            " result.when == datetime(2025, 1, 15, 10, 30, tzinfo=UTC)"
            " and isinstance(result.rule, models.ThingRuleOption1)",
        ),
        _got(
            {"id": "a", "when": "later", "some": ["a"], "number": 1, "rule": 5},
            '(result.id, result.when, result.some, result.number, result.rule)'
            ' == ("a", "later", ["a"], 1, 5) and result.deep is None',
        ),
        Example(
            "await client.things.get()", "GET /thing",
            body({"data": {"id": 1.5, "when": "", "some": "", "number": 1}}),
            error="UnexpectedResponseError",
        ),
    ),
)  # fmt: skip

_ALL_OF = Change(
    "all-of",
    _answers(
        """
        Thing:
          description: A thing.
          allOf:
            - $ref: "#/components/schemas/Named"
            - $ref: "#/components/schemas/Dated"
            - allOf: [{type: object, properties: {note: {type: string}}}, {required: [note]}]
            - {type: object, required: [kind, since], properties: {kind: {const: thing}}}
          properties: {own: {$ref: "#/components/schemas/Sub"}}
        Named: {type: object, required: [name], properties: {name: {type: string}, kind: {type: string}}}
        Dated:
          type: object
          properties: {since: {type: string, format: date}}
          additionalProperties: {type: integer}
        Sub:
          allOf: [{$ref: "#/components/schemas/Named"}, {properties: {sub: {type: boolean}}}]
        Strict:
          allOf: [{$ref: "#/components/schemas/Named", description: With a kind.}, {required: [kind]}]
        Same: {allOf: [{$ref: "#/components/schemas/Named"}], description: The same.}
        """
    ),
    examples=(
        _got(
            {"name": "a", "note": "n", "kind": "other", "since": "2025-01-15",
             "own": {"name": "b", "sub": True}, "zzz": 5},
            "(result.name, result.note, result.kind, result.since, result.additional) =="
            ' ("a", "n", "other", date(2025, 1, 15), {"zzz": 5})'
            ' and result.own == models.Sub(name="b", sub=True) and isinstance(result.own, models.Named)'
            " and models.Same.__bases__ == (models.Named,) and models.Strict.__bases__ == (object,)"
            " and from_dict(models.Thing, to_dict(result)) == result",
        ),
    ),
)  # fmt: skip

_SHAPES = Change(
    "maps-recursion-and-formats",
    _answers(
        """
        Thing:
          type: object
          required: [free, any, maps]
          properties:
            free: {type: object}
            open: {type: object, additionalProperties: true}
            any: {}
            anything: {description: Whatever it is.}
            some: {type: array, items: {}}
            maps: {type: object, additionalProperties: {$ref: "#/components/schemas/Tree"}}
            lists: {type: object, additionalProperties: {type: array, items: {type: integer}}}
            tree: {$ref: "#/components/schemas/Tree"}
            inside: {type: object, required: [a], properties: {a: {type: object, properties: {b: {type: integer}}}}}
            each: {type: array, items: {type: object, properties: {c: {type: string}}}}
            id: {type: string, format: uuid}
            at: {type: string, format: time}
            lasts: {type: string, format: duration}
            file: {type: string, format: byte}
            more: {type: string, contentEncoding: base64, contentMediaType: image/png}
            price: {type: string, format: decimal}
            big: {type: integer, format: int64}
            slug: {type: string, format: slug}
            password: {type: string, format: password}
            day: {type: string, format: date, default: "2025-01-15"}
            times: {type: array, items: {type: string, format: date-time}, default: []}
            count: {type: integer, default: 5}
            list: {type: boolean, default: true}
            mode: {type: string, enum: [a, b], default: a}
            old: {type: string, deprecated: true, description: The old name.}
        Tree:
          type: object
          properties:
            left: {$ref: "#/components/schemas/Tree"}
            forest: {$ref: "#/components/schemas/Forest"}
          additionalProperties: true
        Forest: {type: object, required: [trees], properties: {trees: {type: array, items: {$ref: "#/components/schemas/Tree"}}}}
        """
    ),
    examples=(
        _got(
            {"free": {"a": [1, None]}, "any": None, "maps": {"x": {"left": {}, "y": [0]}},
             "tree": {"forest": {"trees": [{}]}}, "inside": {"a": {"b": 1}}, "each": [{"c": "d"}],
             "at": "10:30", "file": "aGk=", "price": "1.10", "big": 2**62,
             "password": "hunter2", "times": ["2025-01-15T10:30:00"], "mode": "c"},
            'result.free == {"a": [1, None]} and result.any is None'
            ' and result.maps["x"].additional == {"y": [0]}'
            " and result.maps == {'x': models.Tree(left=models.Tree(), additional={'y': [0]})}"
            " and result.tree == models.Tree(forest=models.Forest(trees=[models.Tree()]))"
            " and result.inside == models.ThingInside(a=models.ThingInsideA(b=1))"
            ' and result.each == [models.ThingEachItem(c="d")] and result.mode == "c"'
            ' and result.password is not None and result.password.reveal() == "hunter2"'
            " and (result.count, result.list, result.day) == (5, True, None)"
            ' and (result.at, result.file, result.price, result.big) == ("10:30", "aGk=", "1.10", 2**62)',
        ),
    ),
    contains=(
        ("models.py", '    """Deprecated. The old name."""'),
        ("models.py", "    \"\"\"'2025-01-15' if not given.\"\"\""),
    ),
    warnings=("the format `slug` is not known",),
)  # fmt: skip

_NAMES = Change(
    "names-that-clash",
    _answers(
        """
        Thing:
          type: object
          required: [from, public-key, 2fa, $id, self, attrs, json, __class__, _links, a.b, a_b]
          properties:
            from: {type: string}
            public-key: {type: string}
            publicKey: {type: string}
            2fa: {type: boolean}
            $id: {type: string}
            self: {type: string}
            attrs: {type: string}
            json: {type: string}
            UNSET: {type: string}
            __class__: {type: string}
            _links: {type: object}
            a.b: {type: string}
            a_b: {type: string}
            ñandú: {type: string}
            ﬁ: {type: string}
            date: {type: string, format: date}
            day: {type: string, format: date}
            datetime: {type: string, format: date-time}
            at: {type: string, format: date-time}
            list: {type: array, items: {type: string}}
            str: {type: string}
            type: {type: string}
            property: {type: string}
            dict: {type: object, additionalProperties: {type: integer}}
            int: {type: integer}
            object: {}
            last: {}
            copy: {type: number}
            none: {$ref: "#/components/schemas/None"}
            list_: {$ref: "#/components/schemas/List"}
            secret: {$ref: "#/components/schemas/Secret"}
            mapping: {$ref: "#/components/schemas/Mapping"}
            error: {$ref: "#/components/schemas/Exception"}
            any: {$ref: "#/components/schemas/Any"}
            small: {$ref: "#/components/schemas/small-thing"}
            ip: {$ref: "#/components/schemas/IP"}
            first: {$ref: "#/components/schemas/2fa"}
        None: {type: object, properties: {a: {type: string}}}
        List: {type: object, properties: {a: {type: string}}}
        Secret: {type: object, properties: {a: {type: string}}}
        Mapping: {type: object, properties: {a: {type: string}}}
        Exception: {type: object, properties: {a: {type: string}}}
        Any: {type: object, properties: {a: {type: string}}}
        small-thing: {type: object, properties: {a: {type: string}}}
        IP: {type: object, properties: {a: {type: string}}}
        2fa: {type: string, enum: [a]}
        """
    ),
    examples=(
        _got(
            {"from": "a", "public-key": "b", "publicKey": "B", "2fa": True, "$id": "c", "self": "d",
             "attrs": "e", "json": "f", "UNSET": "u", "__class__": "g", "_links": {}, "a.b": "h",
             "a_b": "i", "ﬁ": "j", "date": "2025-01-15", "day": "2025-01-16", "list": ["l"],
             "type": "t", "property": "p", "dict": {"a": 1}, "int": 5, "object": [], "last": {},
             "none": {"a": "n"}, "list_": {"a": "l"}, "secret": {"a": "s"}, "mapping": {"a": "m"},
             "error": {"a": "e"}, "any": {"a": "y"}, "small": {"a": "x"}, "ip": {"a": "i"},
             "first": "b"},
            "(result.from_, result.public_key, result.public_key_, result.field_2fa, result.id,"
            " result.self_, result.attrs_, result.json, result.unset, result.class_, result.links,"
            " result.a_b_, result.a_b, result.fi, result.list, result.type, result.property) =="
            ' ("a", "b", "B", True, "c", "d", "e", "f", "u", "g", {}, "h", "i", "j", ["l"], "t", "p")'
            " and result.date_ == date(2025, 1, 15) and result.day == date(2025, 1, 16)"
            ' and result.none == models.NoneModel(a="n") and result.list_ == models.List(a="l")'
            ' and result.secret == models.SecretModel(a="s") and result.any == models.AnyModel(a="y")'
            ' and result.small == models.SmallThing(a="x") and result.ip == models.Ip(a="i")'
            ' and result.error == models.ExceptionModel(a="e") and result.first == "b"'
            " and from_dict(models.Thing, to_dict(result)) == result",
        ),
    ),
)  # fmt: skip

_REQUESTS = Change(
    "requests-null-missing-and-models",
    _takes(
        """
        required: [plain, nullable, target]
        properties:
          id: {type: string, readOnly: true}
          plain: {type: string}
          nullable: {type: [string, "null"]}
          optional: {type: string}
          both: {type: [string, "null"]}
          secret: {type: string, format: password, writeOnly: true}
          target: {$ref: "#/components/schemas/Target"}
          targets: {type: array, items: {$ref: "#/components/schemas/Target"}}
          maybe: {anyOf: [{$ref: "#/components/schemas/Target"}, {type: "null"}]}
          pet: {oneOf: [{$ref: "#/components/schemas/Cat"}, {$ref: "#/components/schemas/Dog"}]}
          level: {$ref: "#/components/schemas/Level"}
          mode: {type: string, enum: [fast, slow]}
          always: {const: thing}
          number: {type: integer, enum: [1, 2]}
          either: {type: [string, integer]}
          anything: {}
          free: {type: object}
          settings:
            type: object
            properties:
              mode: {type: string, enum: [a, b], default: a}
              "on": {type: boolean, default: false}
              note: {type: [string, "null"], default: x}
        """,
        """
        Level: {type: integer, enum: [1, 2]}
        Target:
          type: object
          required: [kind, name, id, password]
          properties:
            kind: {const: target}
            id: {type: string, readOnly: true}
            name: {type: string, format: idn-hostname}
            aliases: {type: array, items: {type: string, format: idn-hostname}}
            password: {type: string, format: password, writeOnly: true}
            at: {type: string, format: date-time}
            note: {type: [string, "null"]}
            public-key: {type: string}
            on: {type: boolean, default: true}
            child: {$ref: "#/components/schemas/Target"}
          additionalProperties: {type: integer}
        Cat: {type: object, required: [type, name], properties: {type: {const: cat}, name: {type: string}}}
        Dog: {type: object, required: [type, name], properties: {type: {const: dog}, name: {type: string}}}
        """,
    ),
    examples=(
        _put(
            'plain="a", nullable=None,'
            ' target=models.Target(name="bücher.example", password=Secret("s"))',
            '{"plain": "a", "nullable": null, "target":'
            ' {"kind": "target", "name": "xn--bcher-kva.example", "password": "s"}}',
        ),
        _put(
            'plain="a", nullable="b", optional="c", both=None, secret=Secret("s"), target='
            'models.Target(name="x.example", password=Secret("t"), at=datetime(2025, 1, 15), note=None,'
            ' public_key="k", on=False, additional={"more": 5}, aliases=["bücher.example"],'
            ' child=models.Target(name="y.example", password=Secret("u"))), maybe=None,'
            ' targets=[models.Target(name="z.example", password=Secret("v"), note="n")],'
            ' pet=models.Cat(name="Tom"), level=2, mode="fast", always="thing", number=1, either=5,'
            ' anything=[None], free={"a": {}}, settings=models.UpdateThingSettings(on=False)',
            '{"plain": "a", "nullable": "b", "optional": "c", "both": null, "secret": "s", "target":'
            ' {"kind": "target", "name": "x.example", "password": "t", "at": "2025-01-15T00:00:00Z",'
            ' "note": null, "public-key": "k", "on": false, "more": 5,'
            ' "aliases": ["xn--bcher-kva.example"],'
            ' "child": {"kind": "target", "name": "y.example", "password": "u"}}, "maybe": null,'
            ' "targets": [{"kind": "target", "name": "z.example", "password": "v", "note": "n"}],'
            ' "pet": {"type": "cat", "name": "Tom"}, "level": 2, "mode": "fast", "always": "thing",'
            ' "number": 1, "either": 5, "anything": [null], "free": {"a": {}},'
            ' "settings": {"on": false}}',
        ),
        _put(
            'plain="a", nullable=None, pet={"type": "bird"}, secret="t", anything=None,'
            ' target=models.Target(name="a.b", password=Secret("s")), level=models.Level.VALUE_1,'
            ' settings=models.UpdateThingSettings(mode=models.UpdateThingSettingsMode.B, note=None)',
            '{"plain": "a", "nullable": null, "pet": {"type": "bird"}, "secret": "t",'
            ' "target": {"kind": "target", "name": "a.b", "password": "s"}, "level": 1,'
            ' "anything": null, "settings": {"mode": "b", "note": null}}',
        ),
    ),
    wrong=(
        'await client.things.update(id="a", plain="", nullable=None, target=models.Target(name="a.b", password=Secret("")))',
        'await client.things.update(plain="", nullable=None)',
        "models.Target(name=None, password=Secret(''))",
        "models.UpdateThingSettings(on='x')",
        'models.Target(id="a", name="a.b", password=Secret(""))',
        "models.UpdateThingMode",
    ),
    contains=(
        ("models.py", "    \"\"\"'x' if not given.\"\"\""),
        ("models.py", "    note: str | Unset | None = UNSET"),
    ),
)  # fmt: skip

_BOTH_WAYS = Change(
    "one-schema-both-ways",
    _takes(
        """
        properties: {target: {$ref: "#/components/schemas/Target"}}
        """,
        """
        Target:
          type: object
          required: [id, name, password]
          properties:
            id: {type: string, readOnly: true, description: Its id.}
            name: {type: string}
            password: {type: string, format: password, writeOnly: true}
            note: {type: [string, "null"]}
        Shown:
          type: object
          required: [id, password]
          properties:
            id: {type: string, readOnly: true}
            password: {type: string, writeOnly: true}
        """,
    )
    .replace(
        "components:",
        """    get:
      operationId: getThing
      tags: [things]
      summary: Get it.
      responses:
        "200":
          description: It.
          content:
            application/json:
              schema:
                type: object
                required: [data]
                properties: {data: {$ref: "#/components/schemas/Target"}}
components:""",
    ),
    examples=(
        _put(
            'target=models.Target(id="x", name="a", password=Secret("s"))',
            '{"target": {"name": "a", "password": "s"}}',
        ),
        _got(
            {"id": "x", "name": "a", "note": None},
            '(result.id, result.password, result.note) == ("x", None, None)'
            " and from_dict(models.Target, to_dict(result)) == result",
        ),
        _got({"id": "x", "name": "a"}, "result.note is UNSET"
             ' and to_dict(result) == {"id": "x", "name": "a", "password": None}'),
        Example('models.Shown(id="x")', value='result.id == "x"'),
    ),
    wrong=("models.Shown(password='')",),
)  # fmt: skip

_LOOSE = Change(
    "loose-values",
    _answers(
        """
        Pet: {anyOf: [{$ref: "#/components/schemas/Cat"}, {$ref: "#/components/schemas/Dog"}]}
        Cat: {type: object, required: [kind], properties: {kind: {const: cat}}}
        Dog: {type: object, required: [kind], properties: {kind: {const: dog}}}
        """,
        data='{type: array, items: {$ref: "#/components/schemas/Pet"}}',
    ),
    examples=(
        _got(
            [{"kind": "cat"}, {"kind": "dog"}, {"kind": "bird", "a": 1}],
            'result == [models.Cat(kind="cat"), models.Dog(kind="dog"), {"kind": "bird", "a": 1}]',
            "Sequence[models.Pet]",
        ),
        _got([], "result == []"),
    ),
)

_LOOSE_ENUMS = Change(
    "loose-enums-and-inline-objects",
    _answers(
        "Level: {type: [integer, 'null'], enum: [1, 2, null]}",
        data="""{type: object, required: [levels, modes], properties: {
          levels: {type: array, items: {$ref: "#/components/schemas/Level"}},
          modes: {type: array, items: {type: string, enum: [a, b]}}}}""".replace("\n", " "),
    ),
    examples=(
        _got(
            {"levels": [1, 5, None], "modes": ["a", "c"]},
            "result == models.GetThingData(levels=[models.Level.VALUE_1, models.Level(5), None],"
            ' modes=[models.GetThingDataModesItem.A, models.GetThingDataModesItem("c")])',
            "models.GetThingData",
        ),
    ),
)

CHANGES: tuple[Change, ...] = (
    _LOOSE, _LOOSE_ENUMS, _REQUESTS, _BOTH_WAYS, _NULLABLE, _ENUMS, _UNIONS, _SCALAR_UNIONS, _ALL_OF, _SHAPES, _NAMES,
)  # fmt: skip
