"""Many things at once, on top of the public client and using nothing private of it."""

from .domains import Outcome, provision_domains

__all__ = ["Outcome", "provision_domains"]
