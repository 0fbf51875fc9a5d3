"""Names come from the contract's words by rules that can be told in advance."""

import pytest
from codegen_support import framed

from codegen import naming
from codegen.document import ContractError
from codegen.loader import read
from codegen.operations import read_api

METHODS = {
    ("listClusters", "clusters"): "list",
    ("getDomain", "domains"): "get",
    ("importDomains", "domains"): "import_",
    ("rotateCredentialPassword", "credentials"): "rotate_password",
    ("ping", "health"): "ping",
    ("listTrackingDomains", "tracking-domains"): "list",
    ("verifyTrackingDomain", "tracking domains"): "verify",
    ("list_mtas", "mtas"): "list",
    ("domains", "domains"): "domains",
    ("getDNSRecords", "domains"): "get_dns_records",
    ("listAddresses", "address"): "list",
    ("listPolicies", "policy"): "list",
    ("getStatus", "statuses"): "get",
    ("deleteIpv4Pool", "pools"): "delete_ipv4",
}


@pytest.mark.parametrize(("given", "name"), METHODS.items())
def test_a_method_has_the_words_of_the_id_without_those_of_the_tag(
    given: tuple[str, str], name: str
) -> None:
    assert naming.method_name(*given) == name


FALLBACKS = {
    ("get", "/clusters", "clusters"): "list",
    ("get", "/clusters/{cluster}", "clusters"): "get",
    ("post", "/clusters/{cluster}/domains", "domains"): "create",
    ("put", "/clusters/{cluster}", "clusters"): "update",
    ("patch", "/clusters/{cluster}", "clusters"): "update",
    ("delete", "/clusters/{cluster}", "clusters"): "delete",
    ("post", "/domains/{domain}/verify", "domains"): "create_verify",
    ("get", "/", "api"): "list",
}


@pytest.mark.parametrize(("given", "name"), FALLBACKS.items())
def test_without_an_id_method_and_path_name_it(given: tuple[str, str, str], name: str) -> None:
    assert naming.fallback_method_name(*given) == name


NAMES = {
    "name": "name",
    "from": "from_",
    "public-key": "public_key",
    "publicKey": "public_key",
    "2fa": "field_2fa",
    "_links": "links",
    "$ref": "ref",
    "@": "field",
    "ipv4": "ipv4",
    "HTTPServer": "http_server",
    "größe": "größe",
    "None": "none",
    "match": "match",
}


@pytest.mark.parametrize(("given", "name"), NAMES.items())
def test_json_names_become_python_names(given: str, name: str) -> None:
    assert naming.snake(given) == name
    assert name.isidentifier()


CLASSES = {
    "Cluster": "Cluster",
    "DNSRecord": "DNSRecord",
    "dns-record": "DnsRecord",
    "tracking_domain": "TrackingDomain",
    "IP": "Ip",
    "2fa": "Model2fa",
    "größe": "Größe",
    "Secret": "SecretModel",
    "Exception": "ExceptionModel",
    "none": "NoneModel",
    "@": "Model",
}


@pytest.mark.parametrize(("given", "name"), CLASSES.items())
def test_schemas_become_classes(given: str, name: str) -> None:
    assert naming.model_name(given) == name
    assert name.isidentifier()


def test_of_two_fields_of_one_name_that_in_the_style_of_python_keeps_it() -> None:
    given = ["fooBar", "foo_bar", "foo-bar", "from", "from_", "ﬁ", "fi", "str"]
    assert naming.field_names(given, {"str"}) == [
        "foo_bar_", "foo_bar", "foo_bar__", "from__", "from_", "fi_", "fi", "str_",
    ]  # fmt: skip


def test_members_of_an_enum_are_told_apart() -> None:
    values = ["on", "us-dal-1", "us_dal_1", "1st", "", "name", "mro", "a b"]
    assert naming.member_names(values) == [
        "ON", "US_DAL_1", "US_DAL_1_", "VALUE_1ST", "EMPTY", "NAME_", "MRO_", "A_B",
    ]  # fmt: skip
    assert naming.member_names([1, -1, 0]) == ["VALUE_1", "MINUS_1", "VALUE_0"]
    assert naming.member_names(["+", "-", "a", "A"]) == ["VALUE_", "VALUE__", "A", "A_"]


def test_plurals() -> None:
    words = ["domain", "policy", "key", "address", "box", "switch"]
    plurals = ["domains", "policies", "keys", "addresses", "boxes", "switches"]
    assert [naming.plural(word) for word in words] == plurals


def test_iteration_is_named_after_the_list() -> None:
    assert naming.iterate_name("list") == "iterate"
    assert naming.iterate_name("list_events") == "iterate_events"
    assert naming.iterate_name("search") == "iterate_search"


def _operation(tag: str, operation_id: str, more: str = "") -> str:
    done = 'responses: {"204": {description: Done.}}'
    return f"{{operationId: {operation_id}, tags: [{tag}], {done}{more}}}"


CLASHES = {
    f"/a: {{get: {_operation('things', 'listThings')}, post: {_operation('things', 'list')}}}": (
        "api.yaml:5: #/paths/~1a/post: a second `things.list`, after the one in line 5; give one"
        " of them an `x-method-name`"
    ),
    f"/a: {{get: {_operation('models', 'x')}}}": "its tag cannot become `models`",
    f"/a: {{get: {_operation('close', 'x')}}}": "its tag cannot become `close`",
    f"/a: {{get: {_operation('my-tag', 'x')}, put: {_operation('my_tag', 'y')}}}": (
        "its tag cannot become `my_tag`"
    ),
    f"/a: {{get: {_operation('1', 'x')}}}": "its tag cannot become `field_1`",
}


@pytest.mark.parametrize(("paths", "message"), CLASHES.items())
def test_names_that_clash_are_an_error(paths: str, message: str) -> None:
    with pytest.raises(ContractError) as caught:
        read_api(read(framed(f"paths:\n  {paths}\n"), file="api.yaml"))
    assert message in str(caught.value)


def test_arguments_give_way_to_path_parameters_and_ours() -> None:
    parameters = (
        ", parameters: [{name: name, in: path, required: true, schema: {type: string}},"
        " {name: timeout, in: query, schema: {type: string}},"
        " {name: note, in: query, schema: {type: string}}],"
        " requestBody: {content: {application/json: {schema: {type: object, properties:"
        " {name: {type: string}, note: {type: string}, self: {type: string},"
        " headers: {type: string}, class: {type: string}, send: {type: string}}}}}}"
    )
    paths = f"/a/{{name}}: {{put: {_operation('things', 'x', parameters)}}}"
    ((method,),) = (
        resource.methods
        for resource in read_api(read(framed(f"paths:\n  {paths}\n"), file="api.yaml")).resources
    )
    assert [each.name for each in method.path] == ["name"]
    assert {each.json_name: each.name for each in method.query} == {
        "timeout": "timeout_", "note": "note",
    }  # fmt: skip
    assert [each.name for each in method.body] == [
        "name_", "note_", "self_", "headers_", "class_", "send_",
    ]  # fmt: skip


def test_a_path_constant_gives_way_to_an_operation() -> None:
    parameter = ", parameters: [{name: user, in: path, required: true, schema: {type: string}}]"
    paths = f"/a/{{user}}: {{get: {_operation('things', 'user', parameter)}}}"
    api = read_api(read(framed(f"paths:\n  {paths}\n"), file="api.yaml"))
    assert [rule.constant for rule in api.rules] == ["USER_"]
