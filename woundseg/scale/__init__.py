"""The scale of a photograph: found from the card or a marker, and asked at any place.

One room in four modules: ``markers`` sees squares and places their corners, ``plane`` fits the
camera and the homography to them, ``finder`` decides and refuses, ``mapping`` answers.
"""

from woundseg.scale.finder import MARKER_DICTIONARIES, ScaleOptions, find
from woundseg.scale.mapping import (
    DEFAULT_DISTANCE_MM,
    PLANE_OFFSET_MM,
    log_area_sd_at,
    mm_per_px_at,
    to_pixels,
    to_plane_mm,
)

__all__ = [
    "DEFAULT_DISTANCE_MM",
    "MARKER_DICTIONARIES",
    "PLANE_OFFSET_MM",
    "ScaleOptions",
    "find",
    "log_area_sd_at",
    "mm_per_px_at",
    "to_pixels",
    "to_plane_mm",
]
