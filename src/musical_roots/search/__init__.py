"""Nearest neighbours by cosine, exactly or approximately, with one contract: see `contract`."""

from musical_roots.search.contract import EXCLUSIONS
from musical_roots.search.exact import matches
from musical_roots.search.vectors import cosines

__all__ = ["EXCLUSIONS", "cosines", "matches"]
