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
from .answers import PAGE_PARAMETERS, Answer, read_answer
from .arguments import (
    Argument,
    Body,
    PathRule,
    PathRules,
    body_arguments,
    path_arguments,
    read_body,
    text_arguments,
)
from .classes import extension
from .docstrings import sentence
from .document import Document, Node, collect
from .looks import Look, look_of
from .media import taken as taken_media
from .schemas import read_type, refuse_other_keys
from .structure import METHODS
from .types import ListOf, Named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Api", "Method", "Resource", "read_api"]

_ORDER: Final = ("list", "get", "create", "update", "delete")
_WITH_BODY: Final = frozenset({"post", "put", "patch", "delete"})
_SUPPORTED: Final = frozenset({"get", *_WITH_BODY})
_OPERATION_KEYS: Final = frozenset(
    {
        "operationId", "tags", "summary", "description", "parameters", "requestBody", "responses",
        "deprecated", "externalDocs",
    }
)  # fmt: skip
_PATH_KEYS: Final = frozenset({"summary", "description", "parameters", *METHODS})
_DIALECTS: Final = frozenset(
    {
        "https://spec.openapis.org/oas/3.1/dialect/base",
        "https://json-schema.org/draft/2020-12/schema",
    }
)
# What is sent as it stands: no query, no fragment, nothing that has to be quoted.
_ROUTE: Final = re.compile(r"(/(?!\.{1,2}(/|$))([A-Za-z0-9+=,.:@~!$&'()*;_-]|%[0-9A-Fa-f]{2})*)*")
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
    header: tuple[Argument, ...]
    sends: Body | None
    body: tuple[Argument, ...]
    answer: Answer
    is_deprecated: bool
    summary: str
    description: str
    raises: tuple[tuple[str, str], ...]
    look: Look | None = None

    @property
    def keywords(self) -> tuple[Argument, ...]:
        """The keyword arguments, required ones first."""
        keywords = (*self.query, *self.header, *self.body)
        return tuple(sorted(keywords, key=lambda each: each.default is not None))

    @property
    def hostnames(self) -> tuple[str, ...]:
        """The fields of query and body that are domain names, or lists of them."""
        named = (each.json_name for each in (*self.query, *self.body) if each.is_hostname)
        return tuple(dict.fromkeys(named))

    @property
    def joined(self) -> tuple[str, ...]:
        """The fields of the query whose items are sent as one value."""
        return tuple(each.json_name for each in self.query if each.is_joined)

    @property
    def listed(self) -> str:
        """The property that names each item of a list; "" if there is none."""
        match self.answer.data:
            case ListOf(Named(node=item) as type_) if not type_.is_enum:
                return extension(item, "x-identity")
            case _:
                return ""

    @property
    def statuses(self) -> tuple[int, ...]:
        """The documented statuses, 4 for 4XX; none if the contract has an answer for all others."""
        names = [name for name, _ in self.node.children("responses")]
        found = () if "default" in names else (int(name.removesuffix("XX")) for name in names)
        return tuple(sorted(found))

    @property
    def walked(self) -> tuple[Argument, ...]:
        """The keyword arguments apart from the page, which iteration chooses."""
        pages = [each for each in self.query if each.json_name in PAGE_PARAMETERS]
        return tuple(each for each in self.keywords if each not in pages)

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


def read_api(document: Document, classes: Iterable[str] = ()) -> Api:
    """Read all operations.

    Args:
        document: The contract.
        classes: The names of the models, which no resource may have.

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
    collect(partial(_read_webhook, each) for each in _webhooks(root))
    taken = {*naming.CLASS_NAMES_TAKEN, *classes}
    tags = {node.text("name"): node.text("description") for _, node in root.children("tags")}
    by_tag: dict[str, list[Method]] = {tag: [] for tag in tags}
    for each, method in zip(found, methods, strict=True):
        by_tag.setdefault(each.tag, []).append(method)
    resources = [
        _resource(tag, tags.get(tag, ""), tagged, taken) for tag, tagged in by_tag.items() if tagged
    ]
    _refuse_name_clashes(resources)
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
    dialect = root.text("jsonSchemaDialect")
    if dialect and dialect not in _DIALECTS:
        root["jsonSchemaDialect"].fail(f"not supported: the dialect `{dialect}`")
    servers = [node for _, node in root.children("servers")]
    if len(servers) != 1 or "variables" in servers[0]:
        root.fail("`servers` has to name one server, without variables")
    if not re.fullmatch(r"https://[^/{}?#]+(/[^{}?#]*[^/{}?#])?", servers[0].text("url")):
        servers[0].fail("the server's `url` has to be an absolute https URL without a `/` behind")
    for _, tag in root.children("tags"):
        keys = frozenset({"name", "description", "externalDocs"})
        refuse_other_keys(tag, keys, where="in a tag")
    components = root.get("components")
    for _, scheme in components.children("securitySchemes") if components else ():
        if (scheme.text("type"), scheme.text("scheme").lower()) != ("http", "bearer"):
            scheme.fail("not supported: a security scheme other than http bearer")


def _find(root: Node) -> Iterator[_Found]:
    for route, item in root.children("paths"):
        refuse_other_keys(item, _PATH_KEYS, where="on a path")
        for http_method, node in item.items():
            if http_method in METHODS:
                yield _Found(node, http_method, route, item, _tag(node, route))


def _webhooks(root: Node) -> Iterator[Node]:
    for _, item in root.children("webhooks"):
        refuse_other_keys(item, _PATH_KEYS, where="on a webhook")
        yield from (node for method, node in item.items() if method in METHODS)


def _read_webhook(operation: Node) -> None:
    """See that a webhook can be read: its payload becomes a model, and that is all of it."""
    refuse_other_keys(operation, _OPERATION_KEYS, where="in a webhook")
    if "requestBody" in operation:
        media = taken_media(operation["requestBody"].follow())
        if not media.is_json:
            media.node.fail(f"not supported: the media type `{media.name}` of a webhook")
        read_type(media.node["schema"])


def _tag(operation: Node, route: str) -> str:
    """Return the tag that an operation is under: its first, or what its path begins with."""
    names = (*operation.strings("tags"), *naming.static_segments(route))
    return next((name for name in names if naming.words(name)), "api")


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
    path = path_arguments(in_path)
    query = _in_text("query", parameters, path)
    header = _in_text("header", parameters, (*path, *query))
    body = read_body(node)
    taken = [each.name for each in (*path, *query, *header)]
    in_body = body_arguments(body, taken) if body else ()
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
        header=header,
        sends=body,
        body=in_body,
        answer=read_answer(node, query),
        is_deprecated=node.value_at("deprecated") is True,
        summary=node.text("summary") or _spoken(found),
        description=node.text("description"),
        raises=tuple(_raises(node)),
    )


def _spoken(found: _Found) -> str:
    """Return what an operation does, where the contract does not say it."""
    words = naming.words(found.node.text("operationId"))
    return " ".join(words).capitalize() or f"Call `{found.http_method.upper()} {found.route}`."


def _refuse_in_operation(found: _Found) -> None:
    keys = _OPERATION_KEYS
    if found.node.value_at("security") == found.node.document.root.value_at("security"):
        keys |= {"security"}
    refuse_other_keys(found.node, keys, where="in an operation")
    if not _ROUTE.fullmatch(re.sub(r"\{[^{}/]*\}", "", found.route)):
        found.path_item.fail("not supported: a path with characters that have to be quoted")
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
            if kind not in {"path", "query", "header"}:
                reference.fail(f"not supported: a parameter in `{kind}`")
            merged[kind, name.lower() if kind == "header" else name] = parameter
    return list(merged.values())


def _in_text(
    place: str, parameters: Iterable[Node], before: Iterable[Argument]
) -> tuple[Argument, ...]:
    wanted = [each for each in parameters if each.text("in") == place]
    return text_arguments(wanted, [each.name for each in before])


def _path_parameters(found: _Found, parameters: Iterable[Node]) -> list[Node]:
    """Return the path parameters in the order of the path."""
    declared = {each.text("name"): each for each in parameters if each.text("in") == "path"}
    names = naming.path_names(found.route)
    if naming.has_partial_segment(found.route):
        found.path_item.fail("not supported: a path parameter that is only a part of its segment")
    if len(set(names)) != len(names):
        found.path_item.fail("not supported: a path with the same parameter twice")
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


def _resource(tag: str, description: str, methods: Sequence[Method], taken: set[str]) -> Resource:
    def order(method: Method) -> int:
        return _ORDER.index(method.name) if method.name in _ORDER else len(_ORDER)

    ordered = sorted(methods, key=order)
    name = naming.class_name(tag)
    return Resource(
        name=naming.snake(tag),
        class_name=f"{name}Resource" if name in taken else name,
        description=description or f"The {' '.join(naming.words(tag))} of the API.",
        methods=tuple(attrs.evolve(each, look=look_of(each, ordered)) for each in ordered),
    )


def _refuse_name_clashes(resources: Iterable[Resource]) -> None:
    modules = set(naming.RESOURCE_NAMES_TAKEN)
    for resource in resources:
        first = resource.methods[0].node
        if resource.name in modules or not resource.class_name.isidentifier():
            first.fail(
                f"its tag cannot become `{resource.name}`, a name that is taken; rename the tag"
            )
        modules.add(resource.name)
        _refuse_method_clashes(resource)


def _refuse_method_clashes(resource: Resource) -> None:
    taken: dict[str, Node] = {}
    for method in resource.methods:
        for name in (method.name, method.iterate) if method.answer.item else (method.name,):
            if name in taken:
                method.node.fail(
                    f"a second `{resource.name}.{name}`, after the one in line"
                    f" {taken[name].place.line}; give one of them an `x-method-name`"
                )
            taken[name] = method.node
