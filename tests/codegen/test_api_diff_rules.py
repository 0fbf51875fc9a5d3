"""The rules of `codegen.api_diff` on code as the generator writes it, or may come to write it."""

import ast
import copy
from pathlib import Path

import pytest
from codegen_support import ROOT

from codegen.api_diff.changes import Change, Level
from codegen.api_diff.compare import compare
from codegen.api_diff.path_rules import only_taken_by
from codegen.api_diff.pytypes import Known, Type, accepts, read
from codegen.api_diff.reading import read_surface
from codegen.api_diff.report import changelog, readable
from codegen.api_diff.surface import PathRule, Surface
from codegen.api_diff.versions import Version, judge

KNOWN = Known(
    aliases={"Event": read(ast.parse("A | B").body[0].value), "Tree": read(
        ast.parse("Mapping[str, Tree] | str").body[0].value
    )},
    bases={"B": ("A",), "Status": ("OpenEnum",), "Level": ("OpenIntEnum",)},
)  # fmt: skip


def type_(text: str) -> Type:
    return read(ast.parse(text, mode="eval").body)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("str | None", "str"),
        ("float", "int"),
        ("object", "str | None"),
        ("Any", "A"),
        ("A", "B"),
        ("str", "Status"),
        ("int", "Level"),
        ("str", 'Literal["a"]'),
        ("int", "Literal[1, -2]"),
        ("bool", "Literal[True]"),
        ('Literal["b", "a"]', 'Literal["a"]'),
        ("Sequence[float]", "Sequence[int]"),
        ("Sequence[A]", "Page[B]"),
        ("Mapping[str, A | None]", "Mapping[str, B]"),
        ("A | B", "Event"),
        ("Event", "B"),
        ("Tree", "Mapping[str, Mapping[str, str]]"),
        ("datetime", "Timestamp"),
        ("str", "Annotated[str, 1]"),
        ("Optional[str]", "Union[str, None]"),
        ("A", "'B'"),
        ("A", "models.B"),
    ],
)
def test_a_type_takes_another_in_but_not_the_other_way(wide: str, narrow: str) -> None:
    assert accepts(type_(wide), type_(narrow), KNOWN)
    if (
        wide not in {"datetime", "A | B", "Any"}
        and "Optional" not in wide
        and "Annot" not in narrow
    ):
        assert not accepts(type_(narrow), type_(wide), KNOWN)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("int", "bool"),
        ("date", "datetime"),
        ("str", "Secret"),
        ("Sequence[str]", "str"),
        ("Page[float]", "Page[int]"),
        ("Sequence[str]", "Mapping[str, str]"),
        ('Literal["1"]', "Literal[1]"),
    ],
)
def test_types_that_do_not_mix(one: str, other: str) -> None:
    assert not accepts(type_(one), type_(other), KNOWN)
    assert not accepts(type_(other), type_(one), KNOWN)


@pytest.mark.parametrize("text", ['Literal["a", 1, True] | None', "Sequence[str | None] | Unset"])
def test_types_are_printed_as_they_are_written(text: str) -> None:
    assert str(type_(text)) == text


@pytest.mark.parametrize(
    ("pattern", "length", "other", "other_length", "found"),
    [
        ("[a-z]+", 9, "[a-z]+", 9, None),
        ("[a-z.]+", 9, "[a-z]+", 9, "."),
        ("[a-z]+", 9, "[a-z]{2,}", 9, "a"),
        ("[a-z]+", 9, "[a-z]+", 8, "a" * 9),
        (r"(?!\.{1,2}$)[a.]+", 9, "[a.]+", 9, None),
        (r"a\.b|c|d", 9, r"a\.b|c", 9, "d"),
        (r"a\.b|c", 9, "c", 9, "a.b"),
        (r"[a-z]+(\.[a-z]+)+", 253, r"[a-z]+\.[a-z]+", 253, "example.com.example"),
    ],
)
def test_two_path_rules_are_told_apart_by_an_example(
    pattern: str, length: int, other: str, other_length: int, found: str | None
) -> None:
    rules = PathRule(pattern, length, False), PathRule(other, other_length, False)
    example = only_taken_by(*rules)
    assert (example is None) is (found is None)
    if example is not None:
        assert rules[0].takes(example)
        assert not rules[1].takes(example)


RESOURCE = '''
from typing import Final

CREATE: Final[Operation[None]] = Operation(
    name="things.create", method="POST", route="/things", answer=Answer.NOTHING
)


class Things:
    """Things."""

    {decorator}
    async def create(self, {arguments}) -> {returns}:
        """Make one.

        Args:
            thing: {thing}

        Raises:
            APIError: Bad.
        """
        return await self._transport.send(CREATE, json=thing)
'''


def surface(
    models: str = "",
    *,
    arguments: str = "thing: Thing",
    returns: str = "None",
    decorator: str = "",
    thing: str = "It.",
) -> Surface:
    """Return what callers see of one method and some models."""
    text = RESOURCE.format(arguments=arguments, returns=returns, decorator=decorator, thing=thing)
    return read_surface({"models.py": models, "parameters.py": "", "things.py": text})


def told(before: Surface, after: Surface) -> list[str]:
    return [f"{c.level.name.lower()} {c.place}: {c.what}" for c in compare(before, after)]


def thing(*fields: str, name: str = "Thing", more: str = "") -> str:
    body = "\n".join(f"    {each}" for each in fields)
    return f"class {name}:\n    '''A thing.'''\n{body}\n{more}"


A, X = "a: int", "models.Thing.x"
OPTIONAL, NULLABLE = "x: str | None = None", "x: str | Unset | None = UNSET"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((A,), (A, "x: str"), f"breaking {X}: new, required"),
        ((A,), (A, OPTIONAL), f"additive {X}: new"),
        ((A, "x: str"), (A,), f"breaking {X}: gone"),
        ((A, "x: int"), (A, "x: float"), f"additive {X}: another type"),
        ((A, "x: float"), (A, "x: int"), f"breaking {X}: another type"),
        ((A, OPTIONAL), (A, NULLABLE), f"breaking {X}: None means something else"),
        ((A, "x: str"), (A, "x: str = 'b'"), f"additive {X}: optional now"),
        ((A, "x: str = 'b'"), (A, "x: str"), f"breaking {X}: required now"),
        ((A, "x: Status"), (A, "x: Status | str"), f"additive {X}: another type"),
    ],
)  # fmt: skip
def test_a_model_that_is_given_breaks_the_other_way(
    before: tuple[str, ...], after: tuple[str, ...], expected: str
) -> None:
    enum = "class Status(OpenEnum):\n    A = known('a')\n"
    first, then = surface(enum + thing(*before)), surface(enum + thing(*after))
    assert told(first, then) == [expected]


@pytest.mark.parametrize(
    ("before", "after"), [("x: int", "x: float"), ("x: float", "x: int")], ids=["wider", "narrower"]
)
def test_a_model_that_is_given_and_got_breaks_either_way(before: str, after: str) -> None:
    first, then = (surface(thing(A, each), returns="Thing") for each in (before, after))
    assert told(first, then) == [f"breaking {X}: another type"]


def test_a_model_that_no_method_knows_comes_by_another_way() -> None:
    first, then = (surface(thing(A, each), arguments="a: int") for each in ("x: float", "x: int"))
    assert told(first, then) == [f"additive {X}: another type"]


def test_an_argument_in_a_model_in_a_list_is_given() -> None:
    inner = [thing(A, each, name="Inner") for each in ("x: int", "x: float")]
    first, then = (surface(each + "\n" + thing("i: Sequence[Inner]")) for each in inner)
    assert told(first, then) == ["additive models.Inner.x: another type"]


UNION = "class A:\n    a: int\nclass B:\n    b: int\nEvent: TypeAlias = {}\n"


def test_a_union_that_grows_breaks_who_gets_it_not_who_gives_it() -> None:
    one, two = UNION.format("A"), UNION.format("A | B")
    got = [surface(each, arguments="a: int", returns="Event") for each in (one, two)]
    assert told(*got) == ["breaking models.Event: another type"]
    assert told(*reversed(got)) == ["additive models.Event: another type"]
    given = [surface(each, arguments="thing: Event") for each in (one, two)]
    assert told(*given) == ["additive models.Event: another type"]


def test_what_is_renamed_is_told_once() -> None:
    outer = "class Outer:\n    i: Sequence[{}]\n"
    first = surface(thing(A, name="Thing") + outer.format("Thing"), arguments="a: Outer")
    then = surface(thing(A, name="Item") + outer.format("Item"), arguments="a: Outer")
    assert told(first, then) == ["breaking models.Thing: called `models.Item` now"]


def test_renames_of_models_within_each_other() -> None:
    outer = "class {}:\n    i: Sequence[{}]\n    b: int\n"
    first = surface(thing(A) + outer.format("Outer", "Thing"), arguments="a: Outer")
    then = surface(thing(A, name="Item") + outer.format("Box", "Item"), arguments="a: Box")
    assert told(first, then) == [
        "breaking models.Thing: called `models.Item` now",
        "breaking models.Outer: called `models.Box` now",
    ]


DEPRECATED = "additive things.create: deprecated"


@pytest.mark.parametrize(
    ("after", "expected", "hint"),
    [
        ({"decorator": '@deprecated("Use make.")'}, DEPRECATED, "Use make."),
        ({"decorator": '@typing_extensions.deprecated("x")'}, DEPRECATED, "x."),
        (
            {"thing": "Deprecated. It."},
            "additive things.create(thing): deprecated",
            "Deprecated. It.",
        ),
        (
            {"arguments": 'thing: Annotated[Thing, deprecated("No.")]'},
            "additive things.create(thing): deprecated",
            "No.",
        ),
    ],
)
def test_deprecation_is_additive_and_tells_why(
    after: dict[str, str], expected: str, hint: str
) -> None:
    first, then = surface(thing(A)), surface(thing(A), **after)
    [change] = compare(first, then)
    assert f"{change.level.name.lower()} {change.place}: {change.what}" == expected
    assert change.hint == hint
    [back] = compare(then, first)
    assert (back.level, back.what) == (Level.ADDITIVE, "no longer deprecated")


def test_deprecated_models_and_fields() -> None:
    first = surface(thing(A))
    then = surface(
        thing(A, "'''Deprecated: see b.'''").replace("A thing.", "A thing.\n\nDeprecated.")
    )
    assert sorted(told(first, then)) == [
        "additive models.Thing.a: deprecated",
        "additive models.Thing: deprecated",
    ]


def test_how_arguments_are_given() -> None:
    positional, keyword = surface(arguments="a: int"), surface(arguments="*, a: int")
    assert told(positional, keyword) == ["breaking things.create(a): has to be given by its name"]
    assert told(keyword, positional) == ["additive things.create(a): may be given without its name"]
    two, swapped = surface(arguments="a: int, b: int"), surface(arguments="b: int, a: int")
    assert told(two, swapped) == ["breaking things.create(): another order"]
    one, other = surface(arguments="a: int = 1"), surface(arguments="a: int = 2")
    assert told(one, other) == ["additive things.create(a): another default"]


def test_iteration_of_a_model() -> None:
    more = "    def __iter__(self) -> Iterator[{}]: ...\n"
    plain, strings, numbers = (
        surface(thing(A, more=each), arguments="a: int")
        for each in ("", more.format("str"), more.format("int"))
    )
    assert told(plain, strings) == ["additive models.Thing.__iter__: new"]
    assert told(strings, plain) == ["breaking models.Thing.__iter__: gone"]
    assert told(strings, numbers) == ["breaking models.Thing.__iter__: another type"]


@pytest.mark.parametrize(
    ("base", "level", "asked"),
    [
        ("0.1.0", Level.BREAKING, "0.2.0"),
        ("0.1.3", Level.ADDITIVE, "0.1.4"),
        ("0.1.3", Level.COSMETIC, "0.1.4"),
        ("1.2.3", Level.BREAKING, "2.0.0"),
        ("1.2.3", Level.ADDITIVE, "1.3.0"),
        ("1.2.3", Level.COSMETIC, "1.2.4"),
    ],
)
def test_the_version_that_changes_ask_for(base: str, level: Level, asked: str) -> None:
    changes = [Change(Level.COSMETIC, "a", "b"), Change(level, "a", "b")]
    now = Version.read(base)
    verdict = judge(changes, now, now)
    assert str(verdict.asked) == asked
    assert verdict.is_matched is (level is not Level.BREAKING)
    assert judge(changes, now, Version.read(asked)).is_matched
    assert judge(changes, now, Version.read("9.0")).is_matched
    assert judge([], now, now).asked == now


@pytest.mark.parametrize(
    ("text", "read_as"), [("1", "1.0.0"), ("0.2", "0.2.0"), ("1.2.3rc1", "1.2.3")]
)
def test_versions_are_read_by_their_numbers(text: str, read_as: str) -> None:
    assert str(Version.read(text)) == read_as
    with pytest.raises(ValueError, match="v1"):
        Version.read("v1")


LONG = Change(
    Level.BREAKING,
    "things.create(status)",
    "takes less",
    "status: " + " | ".join(["Status", "Sequence[str]", 'Literal["a", "b"]'] * 4),
    "status: Status",
    "await client.things.create(status=...)",
    "await client.things.create(status=...)",
    "A hint that goes on for long enough to be more than one line of the screen, whatever that is.",
)


@pytest.mark.parametrize("width", [80, 120])
def test_the_report_fits_the_screen(width: int) -> None:
    changes = [LONG, Change(Level.COSMETIC, "things.list", "other words", "a", "b")]
    version = Version(0, 1, 0)
    report = readable("v0.1.0", changes, judge(changes, version, version), width)
    shown = report.partition("For CHANGELOG.md:")[0]
    assert max(map(len, shown.splitlines())) <= width
    assert not [line for line in report.splitlines() if line != line.rstrip()]
    assert report.endswith("\n")
    assert not report.endswith("\n\n")


def test_the_changelog_puts_together_what_happened_to_one_argument_of_several_methods() -> None:
    changes = [
        Change(Level.BREAKING, f"things.{name}(x)", "gone", "x: str", "", f"{name}(x)", f"{name}()")
        for name in ("get", "delete")
    ]
    version = Version(0, 1, 0)
    assert changelog(changes, judge(changes, version, version)) == (
        "## 0.2.0 (unreleased)\n\n"
        "- `things.get(x)`, `things.delete(x)`: gone.\n\n"
        "  ```python\n"
        "  get(x)  # before\n"
        "  get()   # after\n"
        "  ```\n\n"
    )


PURE = (
    "changes", "compare", "methods", "pairing", "path_rules", "pytypes", "reading", "report",
    "schemas", "surface", "versions",
)  # fmt: skip


@pytest.mark.parametrize("name", PURE)
def test_what_decides_reads_and_runs_nothing(name: str) -> None:
    tree = ast.parse((ROOT / "codegen" / "api_diff" / f"{name}.py").read_text(encoding="utf-8"))
    imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    allowed = {"ast", "attrs", "enum", "itertools", "json", "re", "string", "textwrap"}
    assert imported <= allowed
    called = {
        n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and hasattr(n.func, "id")
    }
    assert not called & {"open", "print", "input", "exec", "eval"}


def test_every_module_decides_or_waits() -> None:
    modules = {path.stem for path in Path(ROOT, "codegen", "api_diff").glob("*.py")}
    assert modules == {*PURE, "__init__", "__main__", "clone"}


def test_comparing_changes_nothing_and_says_the_same_again() -> None:
    first, then = surface(thing(A, OPTIONAL)), surface(thing(A, NULLABLE), returns="Thing")
    copies = copy.deepcopy((first, then))
    assert compare(first, then) == compare(first, then)
    assert (first, then) == copies


def test_the_code_of_what_is_required_now() -> None:
    first, then = surface(arguments="a: int, *, b: int = 1"), surface(arguments="a: int, *, b: int")
    [change] = compare(first, then)
    assert change.before == "await client.things.create(a)"
    assert change.after == "await client.things.create(a, b=...)"


def test_the_code_of_a_none_that_means_something_else() -> None:
    first = surface(arguments="*, b: int | None = None")
    then = surface(arguments="*, b: int | Unset | None = UNSET")
    [change] = compare(first, then)
    assert (change.was, change.now) == ("None means that it is not given", "None is sent as null")
    assert change.before == "await client.things.create(b=None)"
    assert change.after == "await client.things.create()"
    [back] = compare(then, first)
    assert (back.before, back.after) == (change.before, change.before)


def test_a_none_that_is_not_taken_any_more() -> None:
    first = surface(arguments="*, b: int | None = None")
    then = surface(arguments="*, b: int | Unset = UNSET")
    [change] = compare(first, then)
    assert (change.level, change.what) == (Level.BREAKING, "None means something else")
    assert change.now == "None is not taken"


def test_the_base_of_a_model_that_is_given_is_given_too() -> None:
    bases = (thing("x: int", name="Base"), thing("x: float", name="Base"))
    first, then = (surface(base + "\nclass Thing(Base):\n    a: int\n") for base in bases)
    assert told(first, then) == ["additive models.Base.x: another type"]


def test_what_may_be_either_of_two_is_no_rename() -> None:
    first = surface(thing("x: str", "y: str"), arguments="a: int", returns="Thing")
    then = surface(thing("z: str"), arguments="a: int", returns="Thing")
    assert told(first, then) == [
        "breaking models.Thing.x: gone",
        "breaking models.Thing.y: gone",
        "additive models.Thing.z: new",
    ]


def test_types_that_contain_themselves_come_to_an_end() -> None:
    aliases = {name: type_(f"str | Sequence[{name}]") for name in ("Tree", "Wood")}
    assert accepts(type_("Tree"), type_("Wood"), Known(aliases, {}))
