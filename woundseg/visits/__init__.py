"""From a folder of photographs to a plan: who, which visit and when, and what is wrong with it."""

from woundseg.visits.calendar import Calendar
from woundseg.visits.ledger import Photos
from woundseg.visits.patterns import DEFAULT_PATTERNS
from woundseg.visits.planning import Plan, VisitOptions, plan
from woundseg.visits.shown import document, faults, table
from woundseg.visits.walk import PHOTO_SUFFIXES, find_photos

__all__ = [
    "DEFAULT_PATTERNS",
    "PHOTO_SUFFIXES",
    "Calendar",
    "Photos",
    "Plan",
    "VisitOptions",
    "document",
    "faults",
    "find_photos",
    "plan",
    "table",
]
