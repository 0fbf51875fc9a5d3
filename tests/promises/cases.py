"""The promises as tables: what goes wrong, what the client then does, and with how many requests.

From `docs/faults.md` and the design, not from the code. A cell is a word of `WORDS`, and behind the
slash stands the number of requests that reach the API, looks and further attempts included.

A row names a fault of the sandbox, and behind it what it is given. `applied`: the request is
applied all the same. `always`: it happens to each such request. `everywhere`: to requests of any
kind, looks too. `look` in front: it happens to the look. `then`: the next fault hits the next
request of the call. A heading names the error that a call of its rows raises, if one is raised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from unmta_async.sandbox import FAULTS

WORDS = {
    "value": "returns what it promises",
    "again": "returns it after another attempt",
    "waits": "returns it after another attempt, when the API wants it",
    "looks": "looks, sees that it is still there and old, and deletes it",
    "gone": "looks, sees that it is gone, and returns",
    "raise": "raises the error, and nothing was applied",
    "doubt": "raises the error, which may have been applied",
    "lost": "raises PasswordLostError, whose reason is the error",
    "saved": "raises the error, in doubt, with the password on it",
    "·": "the fault makes no sense here",
}
RETURNS = frozenset({"value", "again", "waits", "looks", "gone"})

COLUMNS = {
    "reads": ("GET", "list"),
    "PUT": ("PUT",),
    "DELETE": ("DELETE", "DELETE credential"),
    "DELETE new": ("DELETE new", "DELETE new credential"),  # too young to tell from one made anew
    "POST": ("POST",),
    "POST credential": ("POST credential",),
}

SANDBOX = """
                                                                   DELETE            POST
                                         reads    PUT     DELETE   new      POST     credential

UnmtaError: nothing goes wrong, or nothing that matters
-                                        value/1  value/1  value/1  value/1  value/1  value/1
unknown-fields                           value/1  value/1  value/1  value/1  value/1  value/1
unknown-values                           value/1  ·        ·        ·        value/1  ·
wrong-content-type                       value/1  value/1  value/1  value/1  value/1  value/1
charset                                  value/1  value/1  value/1  value/1  value/1  value/1
bom                                      value/1  value/1  value/1  value/1  value/1  value/1
duplicate-keys                           value/1  value/1  value/1  value/1  value/1  value/1
slow-body seconds=0.02                   value/1  value/1  value/1  value/1  value/1  value/1
unsolicited-answer                       value/1  value/1  value/1  value/1  value/1  value/1
unsolicited-answer seconds=0             value/1  value/1  value/1  value/1  value/1  value/1

ConnectError: never sent
refuse                                   again/1  again/1  again/1  again/1  again/1  again/1
refuse seconds=none                      raise/0  raise/0  raise/0  raise/0  raise/0  raise/0

ConnectionLostError: sent, then lost or cut
reset-before-reading                     again/2  again/2  looks/3  doubt/2  doubt/1  lost/1
reset-after-reading                      again/2  again/2  looks/3  doubt/2  doubt/1  lost/1
reset-after-reading, applied             again/2  again/2  gone/2   gone/2   doubt/1  lost/1
reset-after-applying                     again/2  again/2  gone/2   gone/2   doubt/1  lost/1
close                                    again/2  again/2  looks/3  doubt/2  doubt/1  lost/1
close, applied                           again/2  again/2  gone/2   gone/2   doubt/1  lost/1
garbage                                  again/2  again/2  looks/3  doubt/2  doubt/1  lost/1
garbage, applied                         again/2  again/2  gone/2   gone/2   doubt/1  lost/1
cut-body                                 again/2  again/2  gone/2   gone/2   doubt/1  lost/1
cut-body size=0                          again/2  again/2  gone/2   gone/2   doubt/1  lost/1
cut-body size=-1                         again/2  again/2  gone/2   gone/2   doubt/1  saved/1
cut-chunk                                again/2  again/2  gone/2   gone/2   doubt/1  saved/1
204-with-body                            again/2  again/2  gone/2   gone/2   doubt/1  lost/1

RequestTimeoutError: sent, and too late
hang-before-headers                      again/2  again/2  looks/3  doubt/2  doubt/1  lost/1
hang-before-headers, applied             again/2  again/2  gone/2   gone/2   doubt/1  lost/1
hang-after-headers                       again/2  again/2  gone/2   gone/2   doubt/1  lost/1
slow-body seconds=60                     again/2  again/2  gone/2   gone/2   doubt/1  lost/1

ServerError: nobody knows
late-commit                              ·        again/2  ·        ·        doubt/1  lost/1
late-commit after=0                      ·        again/2  ·        ·        doubt/1  lost/1
late-delete                              ·        ·        looks/3  doubt/2  ·        ·
late-delete after=0                      ·        ·        gone/2   gone/2   ·        ·
json-500                                 again/2  again/2  looks/3  doubt/2  doubt/1  lost/1
json-500, applied                        again/2  again/2  gone/2   gone/2   doubt/1  lost/1
html-500                                 again/2  again/2  looks/3  doubt/2  doubt/1  lost/1
html-500, applied                        again/2  again/2  gone/2   gone/2   doubt/1  lost/1
empty-500                                again/2  again/2  looks/3  doubt/2  doubt/1  lost/1
empty-500, applied                       again/2  again/2  gone/2   gone/2   doubt/1  lost/1
html-502                                 again/2  again/2  looks/3  doubt/2  doubt/1  lost/1
html-502, applied                        again/2  again/2  gone/2   gone/2   doubt/1  lost/1
html-504                                 again/2  again/2  looks/3  doubt/2  doubt/1  lost/1
html-504, applied                        again/2  again/2  gone/2   gone/2   doubt/1  lost/1
html-520                                 again/2  again/2  looks/3  doubt/2  doubt/1  lost/1
html-520, applied                        again/2  again/2  gone/2   gone/2   doubt/1  lost/1

ServiceUnavailableError: nobody knows, for it is not the API that says it
html-503                                 again/2  again/2  looks/3  doubt/2  doubt/1  lost/1
html-503, applied                        again/2  again/2  gone/2   gone/2   doubt/1  lost/1
html-503 retry_after=3600                again/2  again/2  looks/3  doubt/2  doubt/1  lost/1

APIError: nobody knows
html-408                                 again/2  again/2  looks/3  doubt/2  doubt/1  lost/1
html-408, applied                        again/2  again/2  gone/2   gone/2   doubt/1  lost/1

RateLimitError: put off
rate-limited retry_after=0               waits/2  waits/2  waits/2  waits/2  waits/2  waits/2
rate-limited retry_after=0.01            waits/2  waits/2  waits/2  waits/2  waits/2  waits/2
rate-limited retry_after=none            waits/2  waits/2  waits/2  waits/2  waits/2  waits/2
rate-limited retry_after=-5              waits/2  waits/2  waits/2  waits/2  waits/2  waits/2
rate-limited retry_after=soon            waits/2  waits/2  waits/2  waits/2  waits/2  waits/2
rate-limited retry_after=A-DATE-LONG-AGO waits/2  waits/2  waits/2  waits/2  waits/2  waits/2
rate-limited retry_after=A-DATE-FAR-OFF  raise/1  raise/1  raise/1  raise/1  raise/1  raise/1
rate-limited retry_after=61              raise/1  raise/1  raise/1  raise/1  raise/1  raise/1
rate-limited retry_after=999999999       raise/1  raise/1  raise/1  raise/1  raise/1  raise/1
html-429                                 waits/2  waits/2  waits/2  waits/2  waits/2  waits/2
html-429 retry_after=3600                raise/1  raise/1  raise/1  raise/1  raise/1  raise/1

ServiceUnavailableError: put off by the API itself
json-503                                 waits/2  waits/2  waits/2  waits/2  waits/2  waits/2
json-503 retry_after=0.01                waits/2  waits/2  waits/2  waits/2  waits/2  waits/2
json-503 retry_after=3600                raise/1  raise/1  raise/1  raise/1  raise/1  raise/1

UnexpectedResponseError: refused, since nothing is sent on to anywhere
html-302                                 raise/1  raise/1  raise/1  raise/1  raise/1  raise/1
redirect-307                             raise/1  raise/1  raise/1  raise/1  raise/1  raise/1
redirect-308                             raise/1  raise/1  raise/1  raise/1  raise/1  raise/1

AuthenticationError: refused
token-revoked                            raise/1  raise/1  raise/1  raise/1  raise/1  raise/1
json-401                                 raise/1  raise/1  raise/1  raise/1  raise/1  raise/1
html-401                                 raise/1  raise/1  raise/1  raise/1  raise/1  raise/1

PermissionDeniedError: refused
json-403                                 raise/1  raise/1  raise/1  raise/1  raise/1  raise/1
html-403                                 raise/1  raise/1  raise/1  raise/1  raise/1  raise/1

NotFoundError: refused
json-404                                 raise/1  raise/1  raise/1  raise/1  raise/1  raise/1
html-404                                 raise/1  raise/1  raise/1  raise/1  raise/1  raise/1

ConflictError: refused
json-409                                 raise/1  raise/1  raise/1  raise/1  raise/1  raise/1

APIError: refused
json-413                                 raise/1  raise/1  raise/1  raise/1  raise/1  raise/1
json-419                                 raise/1  raise/1  raise/1  raise/1  raise/1  raise/1

UnexpectedResponseError: nothing to rely on
html-200                                 raise/1  doubt/1  looks/3  doubt/2  doubt/1  lost/1
html-200, applied                        raise/1  doubt/1  gone/2   gone/2   doubt/1  lost/1
no-data                                  raise/1  doubt/1  value/1  value/1  doubt/1  saved/1
null-data                                raise/1  doubt/1  value/1  value/1  doubt/1  saved/1
wrong-types                              raise/1  doubt/1  ·        ·        doubt/1  saved/1
missing-field                            raise/1  doubt/1  ·        ·        doubt/1  saved/1
missing-field field=created_at           raise/1  doubt/1  ·        ·        doubt/1  saved/1
other-resource                           raise/1  doubt/1  ·        ·        doubt/1  lost/1
next-page                                raise/1  ·        ·        ·        ·        ·
empty-body                               raise/1  doubt/1  ·        ·        doubt/1  lost/1
invalid-utf8                             raise/1  doubt/1  gone/2   gone/2   doubt/1  saved/1
nan                                      raise/1  doubt/1  gone/2   gone/2   doubt/1  saved/1
deep-nesting                             raise/1  doubt/1  gone/2   gone/2   doubt/1  saved/1
huge-body                                raise/1  doubt/1  gone/2   gone/2   doubt/1  lost/1
gzip-bomb                                raise/1  doubt/1  gone/2   gone/2   doubt/1  lost/1
"""

PERSISTENT = """
                                                                   DELETE            POST
                                         reads    PUT     DELETE   new      POST     credential

ConnectionLostError: three attempts; a DELETE has a look before each further one
reset-before-reading, always             raise/3  doubt/3  doubt/5  doubt/2  doubt/1  lost/1
reset-after-reading, always              raise/3  doubt/3  doubt/5  doubt/2  doubt/1  lost/1
reset-after-applying, always             raise/3  doubt/3  gone/2   gone/2   doubt/1  lost/1
close, always                            raise/3  doubt/3  doubt/5  doubt/2  doubt/1  lost/1
garbage, always, everywhere              raise/3  doubt/3  doubt/4  doubt/4  doubt/1  lost/1
reset-after-applying, always, everywhere raise/3  doubt/3  doubt/4  doubt/4  doubt/1  lost/1

RequestTimeoutError: three attempts
hang-before-headers, always              raise/3  doubt/3  doubt/5  doubt/2  doubt/1  lost/1

ServerError: three attempts
html-502, always                         raise/3  doubt/3  doubt/5  doubt/2  doubt/1  lost/1
html-502, applied, always                raise/3  doubt/3  gone/2   gone/2   doubt/1  lost/1
html-520, always, everywhere             raise/3  doubt/3  doubt/4  doubt/4  doubt/1  lost/1

ServiceUnavailableError: three attempts, or five where the API itself says it
html-503, always                         raise/3  doubt/3  doubt/5  doubt/2  doubt/1  lost/1
json-503, always                         raise/5  raise/5  raise/5  raise/5  raise/5  raise/5

RateLimitError: five attempts
rate-limited retry_after=0.001, always   raise/5  raise/5  raise/5  raise/5  raise/5  raise/5
rate-limited retry_after=-5, always      raise/5  raise/5  raise/5  raise/5  raise/5  raise/5
html-429 retry_after=A-DATE-LONG-AGO, always  raise/5  raise/5  raise/5  raise/5  raise/5  raise/5
html-429, always                         raise/5  raise/5  raise/5  raise/5  raise/5  raise/5
"""

SUCCESSIVE = """
                                                                   DELETE            POST
                                         reads    PUT     DELETE   new      POST     credential

UnmtaError: one thing after another, and then it is well
html-502 then close                      again/3  again/3  looks/5  ·        ·        ·
rate-limited retry_after=0 then html-502 again/3  again/3  looks/4  ·        ·        ·
html-502 then json-503                   again/3  again/3  looks/5  ·        ·        ·
json-503 then rate-limited retry_after=0 waits/3  waits/3  waits/3  waits/3  waits/3  waits/3

ServerError: what was in doubt stays so
json-503 then html-502                   ·        ·        ·        doubt/3  doubt/2  lost/2
rate-limited retry_after=0 then html-502 ·        ·        ·        doubt/3  doubt/2  lost/2

PermissionDeniedError: what was in doubt stays so, whatever is refused then
html-502 then json-403                   raise/2  doubt/2  doubt/3  ·        ·        ·
json-503 then json-403                   raise/2  raise/2  raise/2  raise/2  raise/2  raise/2

AuthenticationError: what was in doubt stays so
html-502 then token-revoked              raise/2  doubt/2  doubt/3  ·        ·        ·

RateLimitError: what was in doubt stays so
close then rate-limited retry_after=3600 raise/2  doubt/2  doubt/3  ·        ·        ·

ConnectError: what was in doubt stays so, though nothing more is sent
close then refuse seconds=none           raise/1  doubt/1  ·        ·        ·        ·

ConnectionLostError: a DELETE whose look does not get through is in its own doubt
close then refuse seconds=none           ·        ·        doubt/1  doubt/1  doubt/1  lost/1

NotFoundError: that a page says it is no proof that a DELETE was applied
html-502 then html-404                   raise/2  doubt/2  doubt/3  ·        ·        ·

ServerError: a look that fails, or is no look, leaves the DELETE in its doubt
html-502 then look json-403              ·        ·        doubt/2  doubt/2  ·        ·
html-502 then look html-404              ·        ·        doubt/2  doubt/2  ·        ·
html-502 then look html-302              ·        ·        doubt/2  doubt/2  ·        ·
html-502 then look html-200              ·        ·        doubt/2  doubt/2  ·        ·
html-502 then look no-data               ·        ·        doubt/2  doubt/2  ·        ·
html-502 then look other-resource        ·        ·        doubt/2  doubt/2  ·        ·
html-502, applied then look next-page    ·        ·        doubt/2  doubt/2  ·        ·
html-502 then look cut-body, always      ·        ·        doubt/4  doubt/4  ·        ·
html-502, applied then look html-502     ·        ·        gone/3   gone/3   ·        ·
html-502, applied then look json-503     ·        ·        gone/3   gone/3   ·        ·
html-502 then look close                 ·        ·        looks/4  doubt/3  ·        ·
"""

# The API said that it was busy, and had done it all the same.
BUSY = """
                                                                   DELETE            POST
                                         reads    PUT     DELETE   new      POST     credential

ValidationError: the name is taken, perhaps by this very call
json-503, applied                        waits/2  waits/2  ·        ·        doubt/2  lost/2
json-503, applied then cut-body          ·        ·        ·        ·        doubt/2  lost/2

NotFoundError: it is gone, perhaps by this very call
json-503, applied                        ·        ·        doubt/2  doubt/2  ·        ·
"""

# A refusal is believed. If it is a lie, nobody can tell.
LIES = """
                                                                   DELETE            POST
                                         reads    PUT     DELETE   new      POST     credential

UnexpectedResponseError: refused
html-302, applied                        raise/1  raise/1  raise/1  raise/1  raise/1  raise/1
redirect-307, applied                    raise/1  raise/1  raise/1  raise/1  raise/1  raise/1
redirect-308, applied                    raise/1  raise/1  raise/1  raise/1  raise/1  raise/1

AuthenticationError: refused
json-401, applied                        raise/1  raise/1  raise/1  raise/1  raise/1  raise/1
html-401, applied                        raise/1  raise/1  raise/1  raise/1  raise/1  raise/1

PermissionDeniedError: refused
json-403, applied                        raise/1  raise/1  raise/1  raise/1  raise/1  raise/1
html-403, applied                        raise/1  raise/1  raise/1  raise/1  raise/1  raise/1

NotFoundError: refused
json-404, applied                        raise/1  raise/1  raise/1  raise/1  raise/1  raise/1
html-404, applied                        raise/1  raise/1  raise/1  raise/1  raise/1  raise/1

ConflictError: refused
json-409, applied                        raise/1  raise/1  raise/1  raise/1  raise/1  raise/1

APIError: refused
json-413, applied                        raise/1  raise/1  raise/1  raise/1  raise/1  raise/1
json-419, applied                        raise/1  raise/1  raise/1  raise/1  raise/1  raise/1

ValidationError: put off, and then the name is taken
rate-limited retry_after=0, applied      waits/2  waits/2  ·        ·        raise/2  lost/2
html-429, applied                        waits/2  waits/2  ·        ·        raise/2  lost/2

NotFoundError: put off, and then it is gone
rate-limited retry_after=0, applied      ·        ·        raise/2  raise/2  ·        ·
html-429, applied                        ·        ·        raise/2  raise/2  ·        ·
"""

# With a callable for the token, which knows the new one each time it is asked.
RENEWED = """
                                                                   DELETE            POST
                                         reads    PUT     DELETE   new      POST     credential

AuthenticationError: the callable is asked again once, after a 401 of the API itself
token-revoked                            again/2  again/2  again/2  again/2  again/2  again/2
json-401                                 again/2  again/2  again/2  again/2  again/2  again/2
json-401, always                         raise/2  raise/2  raise/2  raise/2  raise/2  raise/2
html-401                                 raise/1  raise/1  raise/1  raise/1  raise/1  raise/1
html-502 then token-revoked              again/3  again/3  looks/5  ·        ·        ·
"""

# Over TLS it is as without.
TLS = """
                                                                   DELETE            POST
                                         reads    PUT     DELETE   new      POST     credential

ConnectionLostError: sent, then lost or cut
-                                        value/1  value/1  value/1  value/1  value/1  value/1
unsolicited-answer                       value/1  value/1  value/1  value/1  value/1  value/1
reset-before-reading                     again/2  again/2  looks/3  doubt/2  doubt/1  lost/1
reset-after-applying                     again/2  again/2  gone/2   gone/2   doubt/1  lost/1
close, applied                           again/2  again/2  gone/2   gone/2   doubt/1  lost/1
cut-body                                 again/2  again/2  gone/2   gone/2   doubt/1  lost/1
cut-body size=-1                         again/2  again/2  gone/2   gone/2   doubt/1  saved/1
cut-chunk                                again/2  again/2  gone/2   gone/2   doubt/1  saved/1
"""

_VALUES: Mapping[str, object] = {
    "none": None,
    "A-DATE-LONG-AGO": "Wed, 21 Oct 2015 07:28:00 GMT",
    "A-DATE-FAR-OFF": "Wed, 21 Oct 2099 07:28:00 GMT",
}
_KINDS: Mapping[str, type] = {"seconds": float, "size": int, "depth": int, "after": int}


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault to add to the sandbox; `where` is the call, its look, or everywhere."""

    where: str
    fault: str
    nth: int = 1
    times: int | None = 1
    applied: bool | None = None
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def hangs(self) -> bool:
        """Whether the client has to give up waiting."""
        seconds = self.details.get("seconds")
        return self.fault.startswith("hang") or (isinstance(seconds, float) and seconds > 1)


@dataclass(frozen=True, slots=True)
class Case:
    """A call, what goes wrong, and what is promised.

    Attributes:
        call: The call that the promise is about.
        row: What goes wrong, as the table has it.
        faults: The same.
        word: What is promised, one of `WORDS`.
        requests: How many requests reach the API.
        error: The class of the error, if there is one.
        first: A call before, which the faults hit in place of this one.
        believed: Whether the API lies, in a way that everybody has to believe.
        renews: Whether the token is given by a callable, which knows the new one.
        tls: Whether it is over TLS.
    """

    call: str
    row: str
    faults: tuple[Injection, ...]
    word: str
    requests: int
    error: str
    first: str = ""
    believed: bool = False
    renews: bool = False
    tls: bool = False

    @property
    def id(self) -> str:
        """Its name among the tests."""
        return "-".join(filter(None, (self.first, self.call, self.row)))

    @property
    def hangs(self) -> bool:
        """Whether the client has to give up waiting."""
        return any(injection.hangs for injection in self.faults)


OPERATIONS = {
    "GET": "domains.get",
    "list": "domains.list",
    "PUT": "credentials.update",
    "DELETE": "domains.delete",
    "DELETE new": "domains.delete",
    "DELETE credential": "credentials.delete",
    "DELETE new credential": "credentials.delete",
    "POST": "domains.create",
    "POST credential": "credentials.create",
}
FIRST = {f"first {call}": name for call, name in OPERATIONS.items() if "DELETE " not in call}
"""The same calls, about something else, which come before another one."""

LOOKS = {"domains.delete": "domains.get", "credentials.delete": "credentials.list"}


def operation_hit(injection: Injection, call: str) -> str:
    """Return the operation that a fault is added to."""
    if injection.where == "everywhere":
        return "*"
    operation = (OPERATIONS | FIRST)[call]
    return LOOKS[operation] if injection.where == "look" else operation


def _fits(injection: Injection, call: str) -> bool:
    return FAULTS[injection.fault].fits(operation_hit(injection, call))


def _value(name: str, text: str) -> object:
    return _VALUES[text] if text in _VALUES else _KINDS.get(name, str)(text)


def _injection(text: str, nth: int) -> Injection:
    first, *flags = text.split(", ")
    words = first.split()
    where = "call"
    if words[0] == "look":
        where, nth = words.pop(0), 1
    if "everywhere" in flags:
        where = "everywhere"
    details = dict(pair.split("=") for pair in words[1:])
    return Injection(
        where=where,
        fault=words[0],
        nth=nth,
        times=None if "always" in flags else 1,
        applied=True if "applied" in flags else None,
        details={name: _value(name, value) for name, value in details.items()},
    )


def injections(row: str) -> tuple[Injection, ...]:
    if row == "-":
        return ()
    return tuple(_injection(part, nth) for nth, part in enumerate(row.split(" then "), start=1))


def lines(table: str, columns: int = len(COLUMNS)) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the rows of a table: the error of its heading, the row's name, and its cells."""
    _, *blocks = table.strip("\n").split("\n\n")
    for block in blocks:
        heading, *rows = block.splitlines()
        error = heading.partition(":")[0]
        for row in rows:
            name, *cells = row.rsplit(maxsplit=columns)
            yield error, name, cells


def cases(table: str, **options: bool) -> list[Case]:
    """Return the cases of a table: for each cell one for each call of its column."""
    found: list[Case] = []
    for error, row, cells in lines(table):
        faults = injections(row)
        for cell, calls in zip(cells, COLUMNS.values(), strict=True):
            word, _, requests = cell.partition("/")
            found += [
                Case(call, row, faults, word, int(requests), error, **options)
                for call in calls
                if word != "·" and all(_fits(one, call) for one in faults)
            ]
    return found


ALL = [
    *cases(SANDBOX),
    *cases(PERSISTENT),
    *cases(SUCCESSIVE),
    *cases(BUSY),
    *cases(LIES, believed=True),
]
RENEWALS = cases(RENEWED, renews=True)
SECURE = cases(TLS, tls=True)

# What a call may leave behind on its connection; the next one does not take it for its answer.
LEFT_BEHIND = [
    ("first GET", "unsolicited-answer"),
    ("first list", "unsolicited-answer"),
    ("first PUT", "unsolicited-answer"),
    ("first DELETE", "unsolicited-answer"),
    ("first POST", "unsolicited-answer"),
    ("first POST credential", "unsolicited-answer"),
    ("first GET", "204-with-body"),
    ("first GET", "cut-body"),
    ("first GET", "cut-chunk"),
    ("first GET", "garbage"),
    ("first GET", "html-302"),
    ("first GET", "huge-body"),
    ("first GET", "gzip-bomb"),
]
NEXT = [
    Case(call, fault, injections(fault), "value", 1, "UnmtaError", first=first)
    for first, fault in LEFT_BEHIND
    for call in OPERATIONS
]
