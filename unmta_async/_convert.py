"""JSON <-> models, both ways. All of cattrs and msgspec stands here; no model is named here.

cattrs owns the rules. A class that msgspec can build alone is handed to it: msgspec is strict and
fast. It can neither rename a field nor keep entries under other names; classes that need this are
cattrs' own.

An answer is read in two tiers. The strict one comes first. What it refuses, the tolerant one reads
again: it either makes sense of it (a byte order mark, a time without a zone, which is UTC) or says
what is wrong, and where.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from operator import attrgetter
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs
import msgspec

from ._hostname import a_label_forms
from ._types import UNSET, OpenEnum, OpenIntEnum, Tagged, Unset
from .errors import UsageError, printable
from .secret import MASK, Secret

if TYPE_CHECKING:
    import cattrs
    from attrs import Attribute

__all__ = [
    "ConversionError",
    "Text",
    "dumps",
    "from_dict",
    "json_object",
    "parse",
    "plain",
    "reader",
    "to_dict",
]

T = TypeVar("T")
Text: TypeAlias = bytes | bytearray
"""JSON as it arrived; the second kind grew as it did."""
Hook = Callable[[Any, Any], Any]
Build: TypeAlias = Callable[[Any], Any]
Raws: TypeAlias = Mapping[str, tuple[Any, Build | None]]

_JSON_NAMES: Final[Mapping[type, str]] = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    type(None): "null",
}


_PLAIN: Final = frozenset({str, bool, int, NoneType})
_encode: Final = msgspec.json.Encoder().encode


class ConversionError(ValueError):
    """JSON that is not what it should be. The message names the path."""


# What a caller converts.


def to_dict(model: object) -> dict[str, Any]:
    """Return a model as plain JSON data, with `**********` in place of every secret.

    Raises:
        UsageError: It is not a model.
    """
    if isinstance(model, type) or not attrs.has(type(model)):
        raise UsageError(f"to_dict takes a model, not {type(model).__name__}")
    try:
        data: dict[str, Any] = _plain().unstructure(model)
    except Exception as error:  # noqa: BLE001 - a field of another type fails in its own way
        wrong = printable(str(error))
    else:
        return data
    raise UsageError(f"to_dict: a field of {type(model).__name__} is not of its type: {wrong}")


def from_dict(cls: type[T], data: dict[str, Any]) -> T:
    """Return the model that `to_dict` made `data` of. Unknown keys are ignored.

    Raises:
        UsageError: A field is missing or of another type, or a secret is masked.
    """
    try:
        return _plain().structure(data, cls)
    except Exception as error:  # noqa: BLE001 - hooks fail in many ways, and each is bad data
        wrong = _explain(error, cls.__name__)
    raise UsageError(f"from_dict: {wrong}")


# What goes over the wire.


def dumps(body: object) -> bytes:
    """Encode the body of a request, secrets in the clear."""
    fields = json_object(body)
    if not fields or not _PLAIN.issuperset(map(type, fields.values())):  # most is plain
        body = _strict().unstructure(body)
    return _encode(body)


def plain(value: object) -> object:
    """Return a value as JSON has it: a time as the API writes it.

    Raises:
        ValueError: It is a number that JSON does not have.
    """
    return _strict().unstructure(value)


def reader(of: Any, *, under: str | None = None) -> Callable[[Text], Any]:
    """Return the function that reads a body as a value of a type, or raises `ConversionError`.

    Args:
        of: The type.
        under: The key that the value stands under, if the body is an object around it.
    """
    read_strictly = _strict_reader(of, under)
    read_tolerantly = _tolerant_reader(of, under)

    def read(body: Text) -> Any:
        try:
            if not body.isascii():
                body.decode()  # msgspec does not look at what it skips
            return read_strictly(body)
        except Exception:  # noqa: BLE001, S110 - the tolerant tier finds out what it was
            pass
        return read_tolerantly(body)

    return read


def _strict_reader(of: Any, under: str | None = None) -> Callable[[Text], Any]:
    with contextlib.suppress(TypeError):  # msgspec cannot even build what the type is made of
        return _raw_reader(*_raw_form(of), under)
    parse_json = msgspec.json.Decoder().decode
    whole, get = _around(of, under)
    structure = _strict().get_structure_hook(whole)
    return lambda body: get(structure(parse_json(body), whole))


def _raw_reader(raw: Any, build: Build | None, under: str | None) -> Callable[[Text], Any]:
    if under is None:
        decode = msgspec.json.Decoder(raw, dec_hook=_read_foreign).decode
        return decode if build is None else lambda body: build(decode(body))
    around = msgspec.defstruct("Envelope", [(under, raw)])
    decode, get = msgspec.json.Decoder(around, dec_hook=_read_foreign).decode, attrgetter(under)
    if build is None:
        return lambda body: get(decode(body))
    return lambda body: build(get(decode(body)))


def _tolerant_reader(of: Any, under: str | None) -> Callable[[Text], Any]:
    whole, get = _around(of, under)
    return lambda body: get(_read_tolerantly(body, whole))


def _around(of: Any, under: str | None) -> tuple[Any, Build]:
    """Return the type of an object that has a value under a key, and what takes it out of there."""
    if under is None:
        return of, lambda value: value
    return attrs.make_class("Envelope", {under: attrs.field(type=of)}), attrgetter(under)


def _raw_form(of: Any) -> tuple[Any, Build | None]:
    """Return a type of the same JSON that msgspec builds alone, and what makes the value of it.

    A model that renames fields becomes a struct; one that keeps entries under other names a dict of
    them all, if they are of one type; and one that has such within a subclass that says so.

    Raises:
        TypeError: There is no such type.
    """
    if _builds_alone(of):
        return of, None
    kind = get_origin(of) or of
    if attrs.has(kind):
        return _raw_model(of)
    if kind is Sequence:
        raw, build = _raw_form(*get_args(of))
        return list[raw], build and (lambda values: list(map(build, values)))  # type: ignore[valid-type]
    raise TypeError(f"{of} has no raw form")


def _raw_model(of: Any) -> tuple[Any, Build]:
    model, fields = get_origin(of) or of, attrs.fields(get_origin(of) or of)
    given = dict(zip(getattr(model, "__parameters__", ()), get_args(of), strict=False))
    hints = get_type_hints(model, include_extras=True)
    kinds = {field.name: given.get(hints[field.name], hints[field.name]) for field in fields}
    if any(field.default is UNSET for field in fields):
        raise TypeError("UNSET is none of JSON's values")
    if extra := _additional(model):
        return _raw_entries(model, kinds, extra)
    raws = {name: _raw_form(kind) for name, kind in kinds.items()}
    if all(name == key for name, key in _json_names(model).items()):
        return _raw_subclass(model, raws)
    return _raw_struct(model, raws)


def _raw_subclass(model: Any, raws: Raws) -> tuple[Any, Build]:
    """Let msgspec build what is the model already, but for some fields and its class.

    To set `__class__` is for classes of the same slots, as a subclass without any is one.
    """
    kinds = {name: kind for name, (kind, _) in raws.items()}
    raw = type(model.__name__, (model,), {"__slots__": (), "__annotations__": kinds})
    rest = [
        (attrgetter(name), _setter(model, name), build)
        for name, (_, build) in raws.items()
        if build is not None
    ]
    become: Callable[[Any, str, Any], None] = object.__setattr__

    def build(made: Any) -> Any:
        for get, put, build_value in rest:
            put(made, build_value(get(made)))
        become(made, "__class__", model)
        return made

    return raw, build


def _raw_struct(model: Any, raws: Raws) -> tuple[Any, Build]:
    struct = msgspec.defstruct(
        model.__name__,
        [(f.name, raws[f.name][0], *_raw_default(f)) for f in attrs.fields(model)],
        rename=_json_names(model),
        kw_only=True,
    )
    builds = [(name, build) for name, (_, build) in raws.items() if build is not None]
    as_dict = msgspec.structs.asdict

    def build(raw: Any) -> Any:
        values = as_dict(raw)
        for name, build_value in builds:
            values[name] = build_value(values[name])
        return model(**values)

    return struct, build


def _raw_entries(model: Any, kinds: dict[str, Any], extra: str) -> tuple[Any, Build]:
    _, kind = get_args(kinds[extra])
    names = [(key, name) for name, key in _json_names(model).items() if name != extra]
    if any(kinds[name] != kind for _, name in names) or not _builds_alone(kind):
        raise TypeError(f"the entries of {model.__name__} are of several types")
    setters = [(_setter(model, name), key) for key, name in names]
    new, put_others = model.__new__, _setter(model, extra)

    def build(entries: dict[str, Any]) -> Any:
        made = new(model)
        for put, key in setters:
            put(made, entries.pop(key))
        put_others(made, entries)
        return made

    return dict[str, kind], build  # type: ignore[valid-type]


def _setter(model: Any, name: str) -> Callable[[Any, Any], None]:
    """Return what sets a field of a new model as msgspec does; a frozen one's own way is slow."""
    put: Callable[[Any, Any], None] = getattr(model, name).__set__
    return put


def _raw_default(field: Attribute[Any]) -> tuple[Any, ...]:
    if field.default is attrs.NOTHING:
        return ()
    factory = getattr(field.default, "factory", None)
    return (field.default if factory is None else msgspec.field(default_factory=factory),)


def _read_tolerantly(body: Text, of: Any) -> Any:
    data = parse(body)
    try:
        return _tolerant().structure(data, of)
    except Exception as error:  # noqa: BLE001 - hooks fail in many ways, and each is bad data
        wrong = _explain(error, "")
    raise ConversionError(wrong)


def parse(body: Text) -> object:
    """Return a body's JSON as plain data, or raise `ConversionError`."""
    # The errors of msgspec 0.19 are no ValueErrors yet.
    with contextlib.suppress(msgspec.MsgspecError, ValueError, RecursionError):
        return msgspec.json.decode(body[3:] if body.startswith(b"\xef\xbb\xbf") else body)
    raise ConversionError("it is not JSON" if body else "it is empty")


def json_object(data: object) -> Mapping[str, Any]:
    """Return a JSON object as it is, and anything else as an empty one."""
    return cast("Mapping[str, Any]", data) if isinstance(data, dict) else {}


class _EntryError(Exception):
    """What is wrong with an entry of an array or an object, and the step of the path to it."""

    def __init__(self, step: str, fault: Exception) -> None:
        super().__init__(step, fault)
        self.step = step
        self.fault = fault


def _explain(error: Exception, path: str) -> str:
    """Say what is wrong, and where: the JSON path below the root."""
    import cattrs

    while True:
        if isinstance(error, _EntryError):
            step, error = error.step, error.fault
        elif isinstance(error, cattrs.ClassValidationError) and error.group_exceptions()[0]:
            model = error.cl
            error, note = error.group_exceptions()[0][0]
            step = "" if note.name == _additional(model) else f".{_json_names(model)[note.name]}"
        else:
            break
        path += step
    return printable(f"{path.removeprefix('.') or 'the top level'}: {_describe(error)}")


def _describe(error: Exception) -> str:
    if isinstance(error, KeyError):
        return "it is missing"
    if isinstance(error, TypeError | ValueError) and not isinstance(error, UnicodeError):
        return str(error)
    return "it cannot be read"


# The rules.


@functools.cache
def _strict() -> cattrs.Converter:
    converter = _converter(detailed=False, show=Secret.reveal, read_secret=Secret)
    converter.register_structure_hook_factory(
        lambda t: attrs.has(t) and _builds_alone(t), _msgspec_reader
    )
    return converter


@functools.cache
def _tolerant() -> cattrs.Converter:
    return _converter(detailed=True, show=Secret.reveal, read_secret=Secret)


@functools.cache
def _plain() -> cattrs.Converter:
    return _converter(detailed=True, show=str, read_secret=_read_unmasked, sends=False)


def _converter(
    *,
    detailed: bool,
    show: Callable[[Secret], str],
    read_secret: Callable[[str], Secret],
    sends: bool = True,
) -> cattrs.Converter:
    import cattrs  # when it is needed: a good answer does without, and so does making a client

    converter = cattrs.Converter(detailed_validation=detailed)
    # A hook for `str` serves every enum of strings, too: both are made by calling the type.
    readers: dict[type, tuple[tuple[type, ...], Hook]] = {
        str: ((str,), _call_type),
        int: ((int,), _call_type),
        bool: ((bool,), _call_type),
        float: ((float, int), _call_type),
        datetime: ((str,), lambda value, _: _read_datetime(value)),
        date: ((str,), lambda value, _: date.fromisoformat(value)),
        Secret: ((str,), lambda value, _: read_secret(_not_empty(value))),
    }
    for kind, (accepted, read) in readers.items():
        converter.register_structure_hook(kind, _insist(accepted, read))
    converter.register_structure_hook_func(lambda t: t is object, lambda value, _: value)
    converter.register_structure_hook_factory(_is_sequence, _sequence_reader)
    converter.register_structure_hook_factory(_is_mapping, _mapping_reader)
    converter.register_structure_hook_factory(_is_union, _union_reader)
    converter.register_structure_hook_factory(lambda t: _tagged(t) is not None, _tagged_reader)
    converter.register_structure_hook_factory(attrs.has, _model_reader)
    converter.register_unstructure_hook(float, _finite)
    converter.register_unstructure_hook(OpenEnum, lambda member: member.value)
    converter.register_unstructure_hook(OpenIntEnum, lambda member: member.value)
    converter.register_unstructure_hook(Secret, show)
    converter.register_unstructure_hook(Unset, _refuse_unset)
    converter.register_unstructure_hook(datetime, _show_datetime)
    converter.register_unstructure_hook(date, date.isoformat)
    converter.register_unstructure_hook_factory(
        attrs.has, lambda model, converter: _model_writer(model, converter, sends=sends)
    )
    return converter


def _is_sequence(t: Any) -> bool:
    return get_origin(t) is Sequence


def _is_mapping(t: Any) -> bool:
    return get_origin(t) is Mapping


def _is_union(t: Any) -> bool:
    return get_origin(t) in {Union, UnionType}


def _tagged(t: Any) -> Tagged | None:
    """Return what tells the models of a union apart, if it says so."""
    notes = t.__metadata__ if get_origin(t) is Annotated else ()
    return next((note for note in notes if isinstance(note, Tagged)), None)


def _call_type(value: Any, of: Any) -> Any:
    return of(value)


def _insist(kinds: tuple[type, ...], hook: Hook) -> Hook:
    """Let a hook see values of the given JSON types alone: Python would read null as "None"."""

    def read(value: Any, of: Any) -> Any:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise TypeError(f"expected {_JSON_NAMES[kinds[0]]}, got {_json_name(value)}")
        return hook(value, of)

    return read


def _json_name(value: object) -> str:
    return _JSON_NAMES.get(type(value), "something else")


def _read_datetime(value: str) -> datetime:
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("it is not an ISO 8601 time") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _finite(value: float) -> float:
    """Refuse what JSON has no number for; it would become null."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a number in JSON")
    return value


def _refuse_unset(_: Unset) -> str:
    raise TypeError("UNSET is not a value")


def _show_datetime(time: datetime) -> str:
    """Write a time as the API does; one without a zone is UTC."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    with contextlib.suppress(OverflowError):  # at the ends of the calendar there is no UTC
        aware = aware.astimezone(UTC)
    return aware.isoformat().replace("+00:00", "Z")


def _not_empty(value: str) -> str:
    if not value:
        raise ValueError("it is empty")
    return value


def _read_unmasked(value: str) -> Secret:
    if value == MASK:
        raise ValueError("it is masked, and the secret itself is needed")
    return Secret(value)


def _read_foreign(of: type, value: Any) -> Any:
    """Read what msgspec does not know: our own types, and what may be anything."""
    if of is object:
        return value
    if of is Secret and isinstance(value, str):
        return Secret(_not_empty(value))
    raise TypeError(f"expected a string, got {_json_name(value)}")


def _msgspec_reader(model: Any) -> Hook:
    return lambda value, _: msgspec.convert(value, model, dec_hook=_read_foreign)


def _sequence_reader(of: Any, converter: cattrs.Converter) -> Hook:
    (kind,) = get_args(of)
    read = converter.get_structure_hook(kind)

    def build(value: Any, _: Any) -> list[Any]:
        steps = ((f"[{index}]", entry) for index, entry in enumerate(value))
        return list(_entries(steps, read, kind))

    return _insist((list,), build)


def _mapping_reader(of: Any, converter: cattrs.Converter) -> Hook:
    _, kind = get_args(of)
    read = converter.get_structure_hook(kind)

    def build(value: Any, _: Any) -> dict[str, Any]:
        steps = ((f".{name}", entry) for name, entry in value.items())
        return dict(zip(value, _entries(steps, read, kind), strict=True))

    return _insist((dict,), build)


def _union_reader(of: Any, converter: cattrs.Converter) -> Hook:
    """Read a value as the first type that takes it; of models, as the one that knows most of it."""
    kinds = [kind for kind in get_args(of) if kind not in {NoneType, Unset}]
    kinds.sort(key=lambda kind: kind is str)  # every date is a string, and not the other way round
    is_nullable = NoneType in get_args(of)
    if len(kinds) > 1 and converter is _strict():
        converter = _tolerant()  # what only that one can read must not pass for another type
    hook_for = functools.cache(converter.get_structure_hook)  # later, since it may be under way

    def read(value: Any, _: Any) -> Any:
        if value is None and is_nullable:
            return None
        if len(kinds) == 1:
            return hook_for(kinds[0])(value, kinds[0])
        for kind in sorted(kinds, key=lambda kind: -_number_known(kind, value)):
            with contextlib.suppress(Exception):  # then it may be another type
                return hook_for(kind)(value, kind)
        raise TypeError(f"{_json_name(value)} is none of what it may be")

    return read


def _number_known(kind: Any, value: object) -> int:
    """Return how many keys of a JSON object a type has fields for."""
    known = _json_names(kind).values() if attrs.has(kind) else ()
    return len(json_object(value).keys() & set(known))


def _tagged_reader(of: Any, converter: cattrs.Converter) -> Hook:
    """Read an object as the model that it names; one that names none is kept."""
    tagged = cast("Tagged", _tagged(of))
    hook_for = functools.cache(converter.get_structure_hook)

    def read(value: Any, _: Any) -> Any:
        tag = value.get(tagged.key)
        model = tagged.models.get(tag) if isinstance(tag, str | int) else None
        return value if model is None else hook_for(model)(value, model)

    return _insist((dict,), read)


def _entries(steps: Iterable[tuple[str, Any]], read: Hook, of: Any) -> Iterator[Any]:
    """Read entries up to the first bad one: cattrs would collect each of a million, for minutes."""
    for step, entry in steps:
        try:
            yield read(entry, of)
        except Exception as error:  # noqa: BLE001 - hooks fail in many ways, and each is bad data
            raise _EntryError(step, error) from None


def _model_reader(model: Any, converter: cattrs.Converter) -> Hook:
    from cattrs.gen import make_dict_structure_fn

    build = make_dict_structure_fn(model, converter, **_renamed(model))
    extra = _additional(model)
    if extra is None:
        return _insist((dict,), build)
    known = {key for name, key in _json_names(model).items() if name != extra}

    def gather(value: Any, of: Any) -> Any:
        others = {name: entry for name, entry in value.items() if name not in known}
        return build({**value, extra: others}, of)

    return _insist((dict,), gather)


def _model_writer(model: Any, converter: cattrs.Converter, *, sends: bool) -> Callable[[Any], Any]:
    from cattrs.gen import make_dict_unstructure_fn

    build = make_dict_unstructure_fn(model, converter, **_written(model, sends=sends))
    extra = _additional(model)
    if extra is None:
        return build

    def spread(value: Any) -> Any:
        data = build(value)
        others = data.pop(extra)
        return {**data, **others}

    return spread


# What a generated model says of its fields, in their metadata.


def _key(field: Attribute[Any]) -> str:
    name: str = field.metadata.get("json") or field.name
    return name


def _json_names(model: Any) -> dict[str, str]:
    return {f.name: _key(f) for f in attrs.fields(get_origin(model) or model)}


@functools.cache
def attribute(model: Any, key: str) -> str:
    """Return the attribute of a model that has what stands under a key of its JSON."""
    names = _json_names(model) if attrs.has(model) else {}
    return next((name for name, json_name in names.items() if json_name == key), key)


def _renamed(model: Any) -> dict[str, Any]:
    from cattrs.gen import override

    names = _json_names(model)
    return {name: override(rename=key) for name, key in names.items() if key != name}


def _written(model: Any, *, sends: bool) -> dict[str, Any]:
    """Say how each field is written: what was not given is left out, and if sent, None, too."""
    from cattrs.gen import override

    absent = {None, UNSET} if sends else {UNSET}
    return {
        field.name: override(
            rename=_key(field),
            omit=sends and bool(field.metadata.get("read_only")),
            omit_if_default=field.default in absent,
            unstruct_hook=a_label_forms if sends and field.metadata.get("hostname") else None,
        )
        for field in attrs.fields(get_origin(model) or model)
    }


def _additional(model: Any) -> str | None:
    """Return the name of the field that keeps entries under other names, if the model has one."""
    fields = attrs.fields(get_origin(model) or model)
    return next((f.name for f in fields if f.metadata.get("additional")), None)


def _builds_alone(of: Any) -> bool:
    """Whether msgspec can build a type: no field is renamed, keeps other entries, or is `UNSET`."""
    fields = [field for model in _models_in(of, set()) for field in attrs.fields(model)]
    keys = {"json", "additional"}
    if any(keys & field.metadata.keys() or field.default is UNSET for field in fields):
        return False
    try:
        msgspec.json.Decoder(of, dec_hook=_read_foreign)
    except TypeError:
        return False
    return True


def _models_in(of: Any, seen: set[Any]) -> Iterator[Any]:
    """Yield every model that a value of the type can hold."""
    model = get_origin(of) or of
    if of in seen:
        return
    seen.add(of)
    inner = list(get_args(of)[:1] if model is Annotated else get_args(of))
    if attrs.has(model):
        yield model
        inner += get_type_hints(model).values()
    for part in inner:
        yield from _models_in(part, seen)
