"""The same ulcer from visit to visit of one subject, on thumbnails.

::

    look          a photograph as matching sees it: thumbnail, outlines, features of the skin
    mapping       similarities and homographies by least squares
    likeness      features that look alike, and the maps that many of them agree on
    registration  the best map, its evidence, and whether it can be trusted
    places        where an ulcer lies on a look, and whether that is in view
    evidence      whether an empty place is bare: the skin around it is the same as before
    assign        outlines and known places brought together on one look
    following     a subject's looks in order of time: names, closed, unsure, flags
    same          whether two looks are one photograph, saved twice

``docs/matching.md`` says what is done, when a person is asked, and how well it works.
"""

from woundseg.match.following import FLAG_ADVICE, MatchOptions, Named, follow
from woundseg.match.likeness import LikenessOptions
from woundseg.match.look import Look
from woundseg.match.registration import RegisterOptions, Registration, register
from woundseg.match.same import SameOptions, copies, same

__all__ = [
    "FLAG_ADVICE",
    "LikenessOptions",
    "Look",
    "MatchOptions",
    "Named",
    "RegisterOptions",
    "Registration",
    "SameOptions",
    "copies",
    "follow",
    "register",
    "same",
]
