"""The errors: their tree, what they say, and that they travel."""

import ast
import copy
import itertools
import pickle
from pathlib import Path

import pytest

import unmta_async
from unmta_async import Secret, errors

# The tree of the documentation: each class, the one above it, and what else it is.
TREE = {
    "UnmtaError": (None, ()),
    "UsageError": ("UnmtaError", (ValueError,)),
    "ClientClosedError": ("UnmtaError", ()),
    "TransportError": ("UnmtaError", ()),
    "ConnectError": ("TransportError", ()),
    "ConnectTimeoutError": ("ConnectError", (TimeoutError,)),
    "TLSError": ("ConnectError", ()),
    "ConnectionLostError": ("TransportError", ()),
    "RequestTimeoutError": ("TransportError", (TimeoutError,)),
    "UnexpectedResponseError": ("UnmtaError", ()),
    "APIError": ("UnmtaError", ()),
    "AuthenticationError": ("APIError", ()),
    "PermissionDeniedError": ("APIError", ()),
    "NotFoundError": ("APIError", ()),
    "ConflictError": ("APIError", ()),
    "ValidationError": ("APIError", ()),
    "RateLimitError": ("APIError", ()),
    "ServerError": ("APIError", ()),
    "ServiceUnavailableError": ("ServerError", ()),
    "PasswordLostError": ("UnmtaError", ()),
}
FOREIGN = (ValueError, TimeoutError, ConnectionError, PermissionError)
# What an answer or a call adds to an error, beside its message.
DETAILS = {
    "UnexpectedResponseError": {"status": 302, "request_id": "r-1"},
    "APIError": {"status": 418, "request_id": "r-1", "confirmed": True},
    "ValidationError": {"errors": {"name": ["Taken."]}, "confirmed": True},
    "RateLimitError": {"status": 429, "retry_after": 3.0},
    "ServiceUnavailableError": {"status": 503, "retry_after": 3.0},
    "PasswordLostError": {
        "identity": ("a1b2c3d4", "web"),
        "reason": errors.ConnectionLostError("it broke"),
    },
}
# Two that are no failure themselves, but the name of several.
ABSTRACT = {"UnmtaError", "TransportError"}
DOUBT = "[may have been applied]"

every_error = pytest.mark.parametrize("name", TREE)


def make(name, message="it broke", **context):
    error = getattr(errors, name)(message, **DETAILS.get(name, {}))
    for attribute, value in context.items():
        setattr(error, attribute, value)
    return error


def bound(name, **context):
    call = {
        "operation": "domains.create",
        "method": "POST",
        "route": "/clusters/{cluster}/domains",
        "path_params": {"cluster": "a1b2c3d4"},
        "attempts": 3,
    }
    return make(name, **call | context)


def test_the_table_is_complete():
    assert sorted(TREE) == sorted(errors.__all__)
    assert set(DETAILS) <= set(TREE)


def test_the_package_exports_every_error():
    assert set(errors.__all__) <= set(unmta_async.__all__)
    assert all(getattr(unmta_async, name) is getattr(errors, name) for name in errors.__all__)


@every_error
def test_the_tree_is_as_drawn(name):
    parent, foreign = TREE[name]
    chain = {parent} - {None}
    while parent:
        parent = TREE[parent][0]
        chain |= {parent} - {None}
    above = getattr(errors, name).__mro__[1:]
    assert {kind.__name__ for kind in above if kind.__name__ in TREE} == chain
    inherited = {kind for up in chain for kind in TREE[up][1]}
    assert {kind for kind in FOREIGN if kind in above} == set(foreign) | inherited


@every_error
def test_the_drawing_in_the_module_names_it(name):
    assert f" {name} " in errors.__doc__.replace("\n", " ")


@every_error
def test_every_class_has_its_context(name):
    error = make(name)
    assert error.message == "it broke"
    assert (error.operation, error.method, error.route) == ("", "", "")
    assert error.path_params == {}
    assert error.attempts == 0
    assert error.may_have_been_applied is False
    assert error.password is None
    assert all(getattr(error, key) == value for key, value in DETAILS.get(name, {}).items())


@every_error
def test_str_names_call_fault_attempts_and_what_to_do_next(name):
    text = str(bound(name))
    assert text.startswith("domains.create: ")
    assert ("name: Taken" if name == "ValidationError" else "it broke") in text
    assert "(after 3 attempts)" in text
    assert "a1b2c3d4" not in text, "a message holds no values of the call"
    if name not in ABSTRACT - {"TransportError"}:
        assert bound(name).next_step
        assert text.endswith(bound(name).next_step)
    assert DOUBT not in text


@every_error
def test_str_ends_with_the_doubt(name):
    error = bound(name, may_have_been_applied=True)
    assert str(error).endswith(f". {error.next_step} {DOUBT}")
    assert error.next_step.startswith("Look ")


@every_error
def test_str_says_that_a_password_is_there_but_not_which(name):
    error = bound(name, password=Secret("hunter2"), may_have_been_applied=True)
    if name not in {"PasswordLostError", "RateLimitError", "ServiceUnavailableError"}:
        assert ".password" in str(error)
    assert "hunter2" not in str(error) + repr(error)


@every_error
def test_repr_is_the_class_and_what_it_says(name):
    error = bound(name)
    assert repr(error) == f"<{name}: {error}>"


@every_error
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copy_is_equal_and_keeps_the_password(name, duplicate):
    error = bound(name, password=Secret("hunter2"), may_have_been_applied=True)
    clone = duplicate(error)
    assert type(clone) is type(error)
    assert str(clone) == str(error)
    assert clone.password == Secret("hunter2")
    assert {**vars(clone), "reason": None} == {**vars(error), "reason": None}
    assert (clone.path_params is error.path_params) is (duplicate is copy.copy)


@every_error
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_pickle_keeps_everything_else(name, protocol):
    error = bound(name, may_have_been_applied=True)
    error.add_note("seen at night")
    clone = pickle.loads(pickle.dumps(error, protocol))
    assert type(clone) is type(error)
    assert str(clone) == str(error)
    assert {**vars(clone), "reason": None} == {**vars(error), "reason": None}
    assert clone.args == error.args


@every_error
def test_pickle_drops_the_password_and_says_so(name):
    error = bound(name, password=Secret("hunter2"))
    pickled = pickle.dumps(error)
    clone = pickle.loads(pickled)
    assert b"hunter2" not in pickled
    assert clone.password is None
    assert "password was dropped by pickling" in str(clone)
    assert "password was dropped by pickling" in str(pickle.loads(pickle.dumps(clone)))
    assert error.password == Secret("hunter2")
    assert "dropped" not in str(error)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_the_reason_of_a_lost_password_travels_too(duplicate):
    clone = duplicate(bound("PasswordLostError"))
    assert clone.identity == ("a1b2c3d4", "web")
    assert type(clone.reason) is errors.ConnectionLostError
    assert str(clone.reason) == str(errors.ConnectionLostError("it broke"))


@pytest.mark.parametrize("name", ["RateLimitError", "ServiceUnavailableError"])
def test_an_error_that_knows_when_to_come_back_says_it(name):
    assert str(bound(name)).endswith("Try again in 3 s.")
    assert "Try again later" in str(bound(name, retry_after=None))
    assert str(bound(name, may_have_been_applied=True)).endswith(DOUBT)


def test_a_refusal_lists_its_fields():
    error = errors.ValidationError(
        "The name is taken. (and 1 more error)", errors={"name": ("Taken.", "Bad."), "d.0": ["Off"]}
    )
    assert error.errors == {"name": ["Taken.", "Bad."], "d.0": ["Off"]}
    assert str(error).startswith("422 name: Taken. Bad.; d.0: Off. See")
    assert str(errors.ValidationError("Bad.")).startswith("422 Bad. ")


@pytest.mark.parametrize(
    "hostile", ["\x1b[31m", "\r\n", "\0", "\u202e", "\u2028", "\x7f", "\ud800"]
)
def test_what_the_server_says_is_escaped(hostile):
    shown = errors.printable(f"a{hostile}b")
    assert shown.isprintable()
    assert (shown[0], shown[-1]) == ("a", "b")
    field = errors.ValidationError("", errors={hostile: [hostile]})
    assert str(field).isprintable()


def test_what_the_server_says_is_bounded():
    assert errors.printable("x" * 500) == "x" * 500
    assert errors.printable("x" * 501) == "x" * 500 + "…"
    assert len(errors.printable("\0" * 10**6)) < 10_000


def test_every_error_has_a_birthplace():
    """Each class is raised, or stands in a table of what is raised."""
    package = Path(unmta_async.__file__).parent
    modules = [
        path for path in package.glob("*.py") if path.name not in {"errors.py", "_policy.py"}
    ]
    nodes = itertools.chain.from_iterable(
        ast.walk(ast.parse(path.read_text(encoding="utf-8"))) for path in modules
    )
    made = {part.id for node in nodes for part in _made_by(node) if isinstance(part, ast.Name)}
    assert set(errors.__all__) - made == ABSTRACT


def _made_by(node):
    match node:
        case ast.Call(func=func):
            return [func]
        case ast.Tuple(elts=parts) | ast.Dict(values=parts):
            return parts
        case ast.IfExp(body=body, orelse=orelse):
            return [body, orelse]
    return []
