"""The wished state of clusters: built in Python, read from a file, or written down from life.

Nothing here changes anything.
"""

from ._faults import ManifestError, ManifestFault
from ._manifest import Manifest
from ._specs import ClusterSpec, CredentialSpec

__all__ = ["ClusterSpec", "CredentialSpec", "Manifest", "ManifestError", "ManifestFault"]
