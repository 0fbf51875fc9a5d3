"""A stateful fake unMTA, for tests and demonstrations without an account.

It speaks the Management API over HTTP on a port of this machine and knows nothing of the client.
"""

from .app import Call
from .checks import Refusal
from .clock import Clock
from .faults import FAULTS, Fault, FaultName, Faults, InjectedFault
from .journal import StateFileError
from .rules import RULES, Rule
from .server import Sandbox
from .state import State

__all__ = [
    "FAULTS",
    "RULES",
    "Call",
    "Clock",
    "Fault",
    "FaultName",
    "Faults",
    "InjectedFault",
    "Refusal",
    "Rule",
    "Sandbox",
    "State",
    "StateFileError",
]
