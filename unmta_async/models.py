"""The models of the API, as the contract has them."""

from ._generated.models import *  # noqa: F403 - its __all__ names every model
from ._generated.models import __all__ as __all__
