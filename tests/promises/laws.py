"""What holds in every case, whatever was promised: each law returns how it was broken, or None."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from test_secrecy import shown

from unmta_async import UnmtaError
from unmta_async.sandbox.changes import CredentialCreated, TokenIssued, TokenRevoked

from .cases import RETURNS
from .stage import ALLOWED_IPS, EFFECTS, PASSWORD, HungError, Run

Law = Callable[[Run], str | None]


def it_ends(run: Run) -> str | None:
    """A call ends in its time."""
    return "it hangs" if isinstance(run.told.error, HungError) else None


def what_it_returns_is_so(run: Run) -> str | None:
    """A value is that of the resource asked for, and a change that succeeded was made."""
    if run.told.claim != "done":
        return None
    verb, what = EFFECTS[run.case.call].split()
    value, is_now = run.told.value, run.after.get(run.target)
    if what == "domains":
        listed = {one.get("name") for one in _dicts(value)}
        really = {name for cluster, kind, name in run.before if (cluster, kind) == run.target[:2]}
        return None if listed == really else f"it lists {listed}, and there are {really}"
    if verb == "delete":
        return None if is_now is None else "it says deleted, and it is still there"
    if is_now is None:
        return f"it says {verb}, and there is none"
    if verb == "update" and is_now["allowed_ips"] != ALLOWED_IPS:
        return "it says updated, and it is as it was"
    return None if _same(value, is_now) else f"it returns {value}, and there is {is_now}"


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one if isinstance(one, dict) else {} for one in value] if _is_list(value) else []


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _same(value: object, real: dict[str, Any]) -> bool:
    """Whether a value tells of a resource; its status may be one that the answer made up."""
    told = value if isinstance(value, dict) else {}
    return all(told.get(name) == real[name] for name in real if name != "status")


def not_applied_means_not_applied(run: Run) -> str | None:
    """An error that rules a change out is right."""
    if run.told.claim != "not applied" or run.case.believed or not changes(run):
        return None
    return f"it says not applied, and it was: {changes(run)}"


def nothing_is_applied_twice(run: Run) -> str | None:
    """A change is made once, but for an update, which may be made again."""
    made = changes(run)
    once = 1 if run.case.call != "PUT" else len(made)
    return f"it was applied {len(made)} times: {made}" if len(made) > once else None


def nothing_else_is_touched(run: Run) -> str | None:
    """Other resources are as they were."""
    touched = {
        name: (run.before.get(name), run.after.get(name))
        for name in run.before.keys() | run.after.keys()
        if name != run.target and run.before.get(name) != run.after.get(name)
    }
    return f"it changed {touched}" if touched else None


def no_password_is_lost_unsaid(run: Run) -> str | None:
    """A password that arrived is handed over; of any other one is told that it is lost."""
    if run.case.believed or not is_created(run):
        return None
    return None if run.told.password == PASSWORD or run.told.is_lost else "a password is lost"


def no_password_that_arrived_is_lost(run: Run) -> str | None:
    """The same, for those who have no word for a lost password."""
    if run.case.believed or not is_created(run) or run.told.password == PASSWORD:
        return None
    arrived = run.case.word in {*RETURNS, "saved"}
    return "a password that arrived is lost" if arrived else None


def no_password_is_of_somebody_else(run: Run) -> str | None:
    """Whoever is given a password can sign in with it."""
    if run.told.password is None or (is_created(run) and run.told.password == PASSWORD):
        return None
    return "it gives a password that is none of this credential"


def no_secret_is_shown(run: Run) -> str | None:
    """Neither the error, nor its traceback with locals, nor the log holds a token or a password."""
    text = run.log + (shown(run.told.error) if run.told.error else "")
    return "it shows a secret" if any(secret in text for secret in run.secrets) else None


def no_secret_is_printed(run: Run) -> str | None:
    """The same for what is logged of any error, its traceback without locals."""
    text = run.log + (f"{run.told.error!r} {run.told.error}" if run.told.error else "")
    return "it prints a secret" if any(secret in text for secret in run.secrets) else None


def its_errors_are_its_own(run: Run) -> str | None:
    """An error is an UnmtaError, can be pickled, and says in plain text what it knows."""
    error = run.told.error
    if error is None:
        return None
    if not isinstance(error, UnmtaError):
        return f"it raises {error!r}"
    if not str(error).isprintable():
        return f"it says {str(error)!r}"
    return None if str(pickle.loads(pickle.dumps(error))) else "it does not survive a pickle"


def nothing_is_left_behind(run: Run) -> str | None:
    """No task and no connection outlives its client."""
    return f"it leaves {run.leftovers}" if run.leftovers else None


def changes(run: Run) -> list[Any]:
    """Return what was changed, but for the token."""
    return [one for one in run.changes if not isinstance(one, TokenIssued | TokenRevoked)]


def is_created(run: Run) -> bool:
    """Whether a credential was created."""
    return any(isinstance(one, CredentialCreated) for one in run.changes)


OURS: tuple[Law, ...] = (
    it_ends,
    what_it_returns_is_so,
    not_applied_means_not_applied,
    nothing_is_applied_twice,
    nothing_else_is_touched,
    no_password_is_lost_unsaid,
    no_password_that_arrived_is_lost,
    no_password_is_of_somebody_else,
    no_secret_is_shown,
    its_errors_are_its_own,
    nothing_is_left_behind,
)


def broken(run: Run, laws: tuple[Law, ...] = OURS) -> list[str]:
    """Return how the laws are broken."""
    return [f"{law.__name__}: {how}" for law in laws if (how := law(run))]
