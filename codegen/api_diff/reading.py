"""The text of the generated modules -> a `Surface`."""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING, Final, TypeAlias

from .pytypes import Type, read, without
from .surface import (
    Alias,
    Argument,
    Doc,
    Enumeration,
    Field,
    Method,
    Model,
    PathRule,
    Schema,
    Surface,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["read_surface"]

_Function: TypeAlias = ast.AsyncFunctionDef | ast.FunctionDef
_NO_OPERATION: Final[Mapping[str, ast.expr]] = {}
_BLANK: Final = Type(())
_ARGUMENTS: Final = re.compile(r"^Args:\n((?:    .*(?:\n|\Z))+)", re.MULTILINE)
_ENTRY: Final = re.compile(r"^    (\w+): (.*(?:\n     .*)*)", re.MULTILINE)
# What the signature, the path or the name of a method tells already.
_TOLD_ELSEWHERE: Final = frozenset(
    {"answer", "method", "name", "nullable", "path", "returns", "route", "statuses"}
)
# What is said of arguments by their names on the wire.
_OF_ARGUMENTS: Final = {"hostnames": "in its A-label form", "joined": "as one value"}


def read_surface(modules: Mapping[str, str]) -> Surface:
    """Read the generated modules, given by file name."""
    trees = {name.removesuffix(".py"): ast.parse(text) for name, text in modules.items()}
    rules = dict(_rules(trees["parameters"]))
    resources = {name: tree for name, tree in trees.items() if _resource(tree)}
    methods = [each for name, tree in resources.items() for each in _methods(name, tree, rules)]
    return Surface(
        methods={each.place: each for each in methods},
        resources={name: _doc(_resource(tree)) for name, tree in resources.items()},
        schemas=_schemas(trees["models"]),
    )


def _resource(tree: ast.Module) -> ast.ClassDef | None:
    """Return the class of a module that calls the API, if there is one."""
    classes = (each for each in tree.body if isinstance(each, ast.ClassDef))
    return next(
        (c for c in classes if any(isinstance(f, ast.AsyncFunctionDef) for f in c.body)), None
    )


def _methods(
    resource: str, tree: ast.Module, rules: Mapping[str, tuple[str, PathRule]]
) -> Iterator[Method]:
    operations = dict(_operations(tree))
    class_ = _resource(tree)
    for node in class_.body if class_ else ():
        if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_"):
            used = (each.id for each in ast.walk(node) if isinstance(each, ast.Name))
            operation = next(
                (operations[name] for name in used if name in operations), _NO_OPERATION
            )
            yield _method(resource, node, operation, rules)


def _operations(tree: ast.Module) -> Iterator[tuple[str, dict[str, ast.expr]]]:
    """Yield the constants that describe operations, each with what it says."""
    for node in tree.body:
        match node:
            case ast.AnnAssign(
                target=ast.Name(id=name), value=ast.Call(func=ast.Name(id="Operation")) as call
            ):
                yield name, {each.arg: each.value for each in call.keywords if each.arg}
            case _:
                pass


def _rules(tree: ast.Module) -> Iterator[tuple[str, tuple[str, PathRule]]]:
    """Yield the constants for path parameters, each with the parameter's name and its rule."""
    for node in tree.body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=constant), value=ast.Call(args=given) as call):
                name, pattern = map(ast.literal_eval, given)
                options = {each.arg: ast.literal_eval(each.value) for each in call.keywords}
                longest, hostname = options["max_length"], options.get("hostname", False)
                yield constant, (name, PathRule(pattern, longest, hostname))
            case _:
                pass


def _method(
    resource: str,
    node: ast.AsyncFunctionDef,
    operation: Mapping[str, ast.expr],
    rules: Mapping[str, tuple[str, PathRule]],
) -> Method:
    in_path = operation.get("path")
    used = [each.id for each in ast.walk(in_path) if isinstance(each, ast.Name)] if in_path else []
    forms = {
        name: form for key, form in _OF_ARGUMENTS.items() for name in _strings(operation.get(key))
    }
    silent = {*_TOLD_ELSEWHERE, *_OF_ARGUMENTS}
    http = (str(ast.literal_eval(operation[key])) for key in ("method", "route") if operation)
    return Method(
        resource=resource,
        name=node.name,
        arguments=tuple(_arguments(node, dict(rules[each] for each in used), forms)),
        returns=read(node.returns) if node.returns else _BLANK,
        http=" ".join(http),
        behaviour={key: _code(value) for key, value in operation.items() if key not in silent},
        doc=_doc(node),
    )


def _arguments(
    node: ast.AsyncFunctionDef, rules: Mapping[str, PathRule], forms: Mapping[str, str]
) -> Iterator[Argument]:
    sent = dict(_sent(node))
    described = _described(ast.get_docstring(node) or "")
    positional = [*node.args.posonlyargs, *node.args.args]
    required: list[ast.expr | None] = [None] * (len(positional) - len(node.args.defaults))
    defaults = [*required, *node.args.defaults, *node.args.kw_defaults]
    for each, default in zip([*positional, *node.args.kwonlyargs], defaults, strict=True):
        if each.arg == "self" or each.annotation is None:
            continue
        code = _code(default) if default else None
        written = read(each.annotation)
        type_ = without(written, "Unset", *(["None"] if code == "None" else []))
        goes = sent.get(each.arg, "")
        where, _, key = goes.partition(" ")
        yield Argument(
            name=each.arg,
            type=type_,
            default=code,
            none="null" if "None" in type_ else "not given" if "None" in written else "",
            is_positional=each in positional,
            sent=f"{goes}, {forms[key]}" if key in forms else goes,
            rule=rules.get(key) if where == "path" else None,
            doc=Doc(text := described.get(each.arg, ""), _deprecated(text, each.annotation)),
        )


def _sent(node: ast.AsyncFunctionDef) -> Iterator[tuple[str, str]]:
    """Yield the arguments that a method passes on, each with where it goes and its name there."""
    for call in ast.walk(node):
        for keyword in call.keywords if isinstance(call, ast.Call) else ():
            match keyword.value:
                case ast.Dict(keys=keys, values=values):
                    for key, value in zip(keys, values, strict=True):
                        name = str(key.value) if isinstance(key, ast.Constant) else "**"
                        yield from ((each, f"{keyword.arg} {name}") for each in _names(value))
                case value:
                    yield from ((each, str(keyword.arg)) for each in _names(value))


def _names(node: ast.AST) -> Iterator[str]:
    yield from (each.id for each in ast.walk(node) if isinstance(each, ast.Name))


def _described(docstring: str) -> dict[str, str]:
    """Return what the section `Args:` says of each argument."""
    section = _ARGUMENTS.search(docstring)
    entries = _ENTRY.findall(section[1] if section else "")
    return {name: " ".join(text.split()) for name, text in entries}


def _schemas(tree: ast.Module) -> dict[str, Schema]:
    schemas: dict[str, Schema] = {}
    for node, following in _followed(tree.body):
        match node:
            case ast.ClassDef(name=name) if any("Enum" in each for each in _bases(node)):
                schemas[name] = _enumeration(node)
            case ast.ClassDef(name=name):
                schemas[name] = _model(node, schemas)
            case ast.AnnAssign(
                target=ast.Name(id=name),
                annotation=ast.Name(id="TypeAlias"),
                value=ast.expr() as value,
            ):
                doc = Doc(text := _text(following), _deprecated(text, value))
                schemas[name] = Alias(name=name, type=read(value), doc=doc)
            case _:
                pass
    return schemas


def _enumeration(node: ast.ClassDef) -> Enumeration:
    members = {
        target.id: _code(each.value.args[0] if isinstance(each.value, ast.Call) else each.value)
        for each in node.body
        if isinstance(each, ast.Assign)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    return Enumeration(name=node.name, bases=_bases(node), members=members, doc=_doc(node))


def _model(node: ast.ClassDef, before: Mapping[str, Schema]) -> Model:
    """Read a class; its bases stand before it."""
    bases = [before.get(each) for each in _bases(node)]
    inherited = [each for each in bases if isinstance(each, Model)]
    return Model(
        name=node.name,
        bases=_bases(node),
        fields={k: v for base in inherited for k, v in base.fields.items()} | dict(_fields(node)),
        methods={k: v for base in inherited for k, v in base.methods.items()}
        | {
            each.name: read(each.returns) if each.returns else _BLANK
            for each in node.body
            if isinstance(each, ast.FunctionDef)
        },
        doc=_doc(node),
    )


def _bases(node: ast.ClassDef) -> tuple[str, ...]:
    return tuple(ast.unparse(each).rpartition(".")[2] for each in node.bases)


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, Field]]:
    for each, following in _followed(node.body):
        match each:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                text = _text(following)
                default, key = _default(value)
                yield (
                    name,
                    Field(
                        name=name,
                        type=read(annotation),
                        default=default,
                        json=key or name,
                        owner=node.name,
                        doc=Doc(text, _deprecated(text, annotation)),
                    ),
                )
            case _:
                pass


def _default(value: ast.expr | None) -> tuple[str | None, str | None]:
    """Return the code of a field's default, and its name in JSON, where there are such."""
    match value:
        case None:
            return None, None
        case ast.Call(func=ast.Attribute(attr="field"), keywords=keywords):
            options = {each.arg: each.value for each in keywords}
            default = options.get("default") or options.get("factory")
            metadata = options.get("metadata")
            key = ast.literal_eval(metadata).get("json") if metadata else None
            return _code(default) if default else None, key
        case _:
            return _code(value), None


def _code(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return json.dumps(text, ensure_ascii=False)
        case ast.Call(func=ast.Name(id="Look"), keywords=keywords):
            return ", ".join(map(ast.unparse, keywords)) or "by its path"
        case _:
            return ast.unparse(node)


def _strings(node: ast.expr | None) -> Iterator[str]:
    for each in ast.walk(node) if node else ():
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def _followed(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, ast.stmt | None]]:
    """Yield each statement with the one behind it, which may be words on it."""
    yield from zip(body, [*body[1:], None], strict=False)


def _text(node: ast.stmt | None) -> str:
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return " ".join(text.split())
        case _:
            return ""


def _doc(node: _Function | ast.ClassDef | None) -> Doc:
    if node is None:
        return Doc("")
    text = _ARGUMENTS.sub("", ast.get_docstring(node) or "").strip()
    return Doc(text, _deprecated(text, *node.decorator_list))


def _deprecated(text: str, *around: ast.expr) -> str | None:
    """Return why something is deprecated, by the code around it or the words on it."""
    for call in (each for code in around for each in ast.walk(code)):
        match call:
            case ast.Call(func=ast.Name(id="deprecated") | ast.Attribute(attr="deprecated")):
                return str(ast.literal_eval(call.args[0]))
            case _:
                pass
    said = re.search(r"(?:\A|\n\n)(Deprecated\b.*)", text, re.DOTALL)
    return said[1] if said else None
