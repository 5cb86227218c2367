"""The same ulcer from visit to visit of one subject."""

from woundseg.match.following import MatchOptions, Named, follow
from woundseg.match.look import Look

__all__ = ["Look", "MatchOptions", "Named", "follow"]
