"""The document -> resources and their methods: what operations there are, and what they are called.

What an operation says is understood, here or in `arguments` and `answers`, or refused by name with
its place; nothing is dropped.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs

from . import naming
from .answers import Answer, read_answer
from .arguments import (
    Argument,
    PathRule,
    PathRules,
    body_arguments,
    path_argument,
    query_arguments,
    read_body,
)
from .docstrings import sentence
from .document import Document, Node, collect
from .lint import METHODS
from .looks import Look, look_of
from .schemas import Nullable, refuse_other_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Api", "Method", "Resource", "read_api"]

_ORDER: Final = ("list", "get", "create", "update", "delete")
_WITH_BODY: Final = frozenset({"post", "put", "patch"})
_SUPPORTED: Final = frozenset({"get", "delete", *_WITH_BODY})
_OPERATION_KEYS: Final = frozenset(
    {"operationId", "tags", "summary", "description", "parameters", "requestBody", "responses"}
)
_ERRORS: Final = {
    "401": "AuthenticationError",
    "403": "PermissionDeniedError",
    "404": "NotFoundError",
    "409": "ConflictError",
    "422": "ValidationError",
    "429": "RateLimitError",
    "503": "ServiceUnavailableError",
}


@attrs.frozen(kw_only=True)
class Method:
    """One operation of the API as a method of its resource."""

    node: Node
    name: str
    constant: str
    operation: str
    http_method: str
    route: str
    rules: tuple[PathRule, ...]
    path: tuple[Argument, ...]
    query: tuple[Argument, ...]
    body: tuple[Argument, ...]
    has_body: bool
    nullable: tuple[str, ...]
    answer: Answer
    summary: str
    description: str
    raises: tuple[tuple[str, str], ...]
    look: Look | None = None

    @property
    def keywords(self) -> tuple[Argument, ...]:
        """The keyword arguments, required ones first."""
        return tuple(sorted((*self.query, *self.body), key=lambda each: each.default is not None))

    @property
    def hostnames(self) -> tuple[str, ...]:
        """The fields of query and body that are domain names, or lists of them."""
        named = (each.json_name for each in (*self.query, *self.body) if each.is_hostname)
        return tuple(dict.fromkeys(named))

    @property
    def walked(self) -> tuple[Argument, ...]:
        """The keyword arguments apart from the page, which iteration chooses."""
        return tuple(each for each in self.keywords if each.json_name != "page")

    @property
    def iterate(self) -> str:
        """The name of the method that walks all pages, where this one gives one."""
        return naming.iterate_name(self.name)


@attrs.frozen(kw_only=True)
class Resource:
    """The operations of one tag."""

    name: str
    class_name: str
    description: str
    methods: tuple[Method, ...]

    @property
    def constants(self) -> tuple[str, ...]:
        """The constants of the path parameters that its operations use."""
        return tuple(sorted({rule.constant for each in self.methods for rule in each.rules}))

    @property
    def defined(self) -> tuple[Method, ...]:
        """The methods in the order of their constants, each after the one that it looks with."""
        return tuple(sorted(self.methods, key=lambda each: each.look is not None))


@attrs.frozen(kw_only=True)
class Api:
    """All that the generated methods are rendered from."""

    resources: tuple[Resource, ...]
    rules: tuple[PathRule, ...]

    @property
    def renamed_data(self) -> dict[str, str]:
        """The models in which `data` gets another name, and the name."""
        answers = [method.answer for each in self.resources for method in each.methods]
        return {each.returns: each.renamed for each in answers if each.renamed}


def read_api(document: Document) -> Api:
    """Read all operations.

    Raises:
        ContractError: Some are not supported; one problem for each.
    """
    root = document.root
    _refuse_in_frame(root)
    found = list(_find(root))
    if not found:
        root.fail("there are no operations under `paths`")
    rules = PathRules(naming.constant(_method_name(each)) for each in found)
    methods = collect(partial(_read_method, each, rules) for each in found)
    tags = {node.text("name"): node.text("description") for _, node in root.children("tags")}
    by_tag: dict[str, list[Method]] = {tag: [] for tag in tags}
    for each, method in zip(found, methods, strict=True):
        by_tag.setdefault(each.tag, []).append(method)
    resources = [
        _resource(tag, tags.get(tag, ""), tagged) for tag, tagged in by_tag.items() if tagged
    ]
    _refuse_name_clashes(document, resources)
    return Api(resources=tuple(resources), rules=rules.all)


@attrs.frozen
class _Found:
    """An operation where it stands."""

    node: Node
    http_method: str
    route: str
    path_item: Node
    tag: str


def _refuse_in_frame(root: Node) -> None:
    for key in ("webhooks", "externalDocs", "jsonSchemaDialect"):
        if key in root:
            root[key].fail(f"not supported: `{key}`")
    servers = [node for _, node in root.children("servers")]
    if len(servers) != 1 or "variables" in servers[0]:
        root.fail("`servers` has to name one server, without variables")
    if not re.fullmatch(r"https://[^/{}?#]+(/[^{}?#]*[^/{}?#])?", servers[0].text("url")):
        servers[0].fail("the server's `url` has to be an absolute https URL without a `/` behind")
    for _, tag in root.children("tags"):
        refuse_other_keys(tag, frozenset({"name", "description"}), where="in a tag")
    components = root.get("components")
    for _, scheme in components.children("securitySchemes") if components else ():
        if (scheme.text("type"), scheme.text("scheme").lower()) != ("http", "bearer"):
            scheme.fail("not supported: a security scheme other than http bearer")


def _find(root: Node) -> Iterator[_Found]:
    for route, item in root.children("paths"):
        refuse_other_keys(item, frozenset({"parameters", *METHODS}), where="on a path")
        for http_method, node in item.items():
            if http_method in METHODS:
                yield _Found(node, http_method, route, item, _tag(node, route))


def _tag(operation: Node, route: str) -> str:
    tags = operation.strings("tags")
    if len(tags) > 1:
        operation["tags"].fail("not supported: several tags on one operation")
    return next(iter((*tags, *naming.static_segments(route), "api")))


def _method_name(found: _Found) -> str:
    override = found.node.text("x-method-name")
    if override and naming.snake(override) != override:
        found.node["x-method-name"].fail(f"`{override}` cannot be the name of a method")
    operation_id = found.node.text("operationId")
    name = override or (
        naming.method_name(operation_id, found.tag)
        if operation_id
        else naming.fallback_method_name(found.http_method, found.route, found.tag)
    )
    return naming.unique(name, naming.METHOD_NAMES_TAKEN)


def _read_method(found: _Found, rules: PathRules) -> Method:
    node, name = found.node, _method_name(found)
    _refuse_in_operation(found)
    parameters = _parameters(found)
    in_path = _path_parameters(found, parameters)
    path = tuple(map(path_argument, in_path))
    query = query_arguments(
        [each for each in parameters if each.text("in") == "query"], [each.name for each in path]
    )
    body = read_body(node)
    in_body = body_arguments(body or (), [each.name for each in (*path, *query)])
    _refuse_ambiguous_hostnames(node, (*query, *in_body))
    return Method(
        node=node,
        name=name,
        constant=naming.constant(name),
        operation=f"{naming.snake(found.tag)}.{name}",
        http_method=found.http_method.upper(),
        route=found.route,
        rules=tuple(map(rules.of, in_path)),
        path=path,
        query=query,
        body=in_body,
        has_body=body is not None,
        nullable=tuple(each.name for each in body or () if isinstance(each.type, Nullable)),
        answer=read_answer(node, query),
        summary=node.text("summary") or node.text("operationId") or found.route,
        description=node.text("description"),
        raises=tuple(_raises(node)),
    )


def _refuse_in_operation(found: _Found) -> None:
    refuse_other_keys(found.node, _OPERATION_KEYS, where="in an operation")
    if found.http_method not in _SUPPORTED:
        found.node.fail(f"not supported: the method `{found.http_method}`")
    if "requestBody" in found.node and found.http_method not in _WITH_BODY:
        found.node["requestBody"].fail(f"not supported: a body of `{found.http_method}`")


def _refuse_ambiguous_hostnames(operation: Node, arguments: Sequence[Argument]) -> None:
    plain = {each.json_name for each in arguments if not each.is_hostname}
    for each in arguments:
        if each.is_hostname and each.json_name in plain:
            operation.fail(
                f"not supported: `{each.json_name}` of `format: idn-hostname` in only one of query"
                " and body"
            )


def _parameters(found: _Found) -> list[Node]:
    """Return the parameters of an operation; its own win over those of its path."""
    merged: dict[tuple[str, str], Node] = {}
    for place in (found.path_item, found.node):
        for _, reference in place.children("parameters"):
            parameter = reference.follow()
            kind, name = parameter.text("in"), parameter.text("name")
            if kind not in {"path", "query"}:
                reference.fail(f"not supported: a parameter in `{kind}`")
            merged[kind, name] = parameter
    return list(merged.values())


def _path_parameters(found: _Found, parameters: Iterable[Node]) -> list[Node]:
    """Return the path parameters in the order of the path."""
    declared = {each.text("name"): each for each in parameters if each.text("in") == "path"}
    names = naming.path_names(found.route)
    if naming.has_partial_segment(found.route):
        found.path_item.fail("not supported: a path parameter that is only a part of its segment")
    return [declared[name] for name in names]


def _raises(operation: Node) -> Iterator[tuple[str, str]]:
    """Yield the errors by class, in the order of their status, in the contract's words."""
    described: dict[str, list[str]] = {}
    for status, reference in sorted(operation.children("responses"), key=lambda each: each[0]):
        if status.startswith("2"):
            continue
        if status != "default" and not re.fullmatch(r"[45](\d\d|XX)", status):
            reference.fail(f"not supported: the status `{status}`")
        fallback = "ServerError" if status.startswith("5") else "APIError"
        text = reference.follow().text("description")
        described.setdefault(_ERRORS.get(status, fallback), []).append(text)
    for error, texts in described.items():
        yield error, " ".join(dict.fromkeys(map(sentence, texts)))


def _resource(tag: str, description: str, methods: Sequence[Method]) -> Resource:
    def order(method: Method) -> int:
        return _ORDER.index(method.name) if method.name in _ORDER else len(_ORDER)

    ordered = sorted(methods, key=order)
    return Resource(
        name=naming.snake(tag),
        class_name=naming.class_name(tag),
        description=description or f"The {' '.join(naming.words(tag))} of the API.",
        methods=tuple(attrs.evolve(each, look=look_of(each, ordered)) for each in ordered),
    )


def _refuse_name_clashes(document: Document, resources: Iterable[Resource]) -> None:
    schemas = document.at("/components/schemas")
    classes = {*naming.CLASS_NAMES_TAKEN, *(schemas.keys() if schemas else ())}
    modules = set(naming.RESOURCE_NAMES_TAKEN)
    for resource in resources:
        first = resource.methods[0].node
        for name, taken in ((resource.name, modules), (resource.class_name, classes)):
            if name in taken or not name.isidentifier():
                first.fail(f"its tag cannot become `{name}`, a name that is taken; rename the tag")
            taken.add(name)
        _refuse_method_clashes(resource)


def _refuse_method_clashes(resource: Resource) -> None:
    taken: dict[str, Node] = {}
    for method in resource.methods:
        for name in (method.name, method.iterate) if method.answer.item else (method.name,):
            if name in taken:
                method.node.fail(
                    f"a second `{resource.name}.{name}`, after the one in line {taken[name].line};"
                    " give one of them an `x-method-name`"
                )
            taken[name] = method.node
