"""Wished states and many things at once, on top of the client and using nothing private of it."""

from ._details import domain_details
from ._patience import RunTimeoutError
from .auditing import AuditFinding, Report, audit
from .credentials import grant, rotate
from .domains import Outcome, provision_domains
from .ensure import ensure_domain, ensure_domain_absent
from .manifest import ClusterSpec, CredentialSpec, Manifest, ManifestError, ManifestFault
from .plan import Action, Change, Plan, make_plan
from .progress import Progress
from .rates import MessageRate, effective_rate
from .recreate import Recreation, recreate_lost
from .run import ActionOutcome, apply
from .stores import (
    CallableSink,
    CommandSink,
    Entry,
    Intent,
    JsonlStore,
    PasswordStore,
    SqliteStore,
    StoreError,
)
from .waiting import Laggard, NotVerifiedError, StatusChange, wait_verified

__all__ = [
    "Action",
    "ActionOutcome",
    "AuditFinding",
    "CallableSink",
    "Change",
    "ClusterSpec",
    "CommandSink",
    "CredentialSpec",
    "Entry",
    "Intent",
    "JsonlStore",
    "Laggard",
    "Manifest",
    "ManifestError",
    "ManifestFault",
    "MessageRate",
    "NotVerifiedError",
    "Outcome",
    "PasswordStore",
    "Plan",
    "Progress",
    "Recreation",
    "Report",
    "RunTimeoutError",
    "SqliteStore",
    "StatusChange",
    "StoreError",
    "apply",
    "audit",
    "domain_details",
    "effective_rate",
    "ensure_domain",
    "ensure_domain_absent",
    "grant",
    "make_plan",
    "provision_domains",
    "recreate_lost",
    "rotate",
    "wait_verified",
]
