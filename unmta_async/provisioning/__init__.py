"""Wished states and many things at once, on top of the client and using nothing private of it."""

from .domains import Outcome, provision_domains
from .ensure import ensure_domain, ensure_domain_absent

__all__ = ["Outcome", "ensure_domain", "ensure_domain_absent", "provision_domains"]
