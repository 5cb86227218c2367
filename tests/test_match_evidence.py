"""An empty place counts as seen only where the skin around it is the same skin as before."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_foot import CLOTH, SHAPE, box, circle, foot, look, turned

from woundseg.match import follow, register
from woundseg.match.evidence import sight
from woundseg.match.look import filled
from woundseg.match.places import Place

ULCER = circle(200, 180, 24)
BEFORE = look(foot(), (ULCER,))
WHERE = turned(1.05, 8, (6, -4))


def seen_as(picture, where=WHERE, **more):
    """What evidence says of the ulcer's place on a picture of the same foot, taken again."""
    now = look(picture, (), where, **more)
    found = register(BEFORE, now)
    assert found is not None
    return sight(BEFORE, now, Place(ULCER), found)


def covered_by(colour, line, texture=0.0):
    """The foot with something flat, or woven, laid over it."""
    picture = foot()
    weave = np.indices(SHAPE).sum(axis=0) % 4 < 2
    inside = filled(line, SHAPE) > 0
    picture[inside] = np.clip(np.array(colour) * (1 + texture * weave[inside, None]), 0, 255)
    return picture


def test_skin_that_has_healed_is_seen():
    assert seen_as(foot()) == "seen"


@pytest.mark.parametrize("tint", [(14, -10, -6), (10, 14, 12)], ids=["pink", "pale"])
def test_a_scar_is_seen(tint):
    scar = cv2.GaussianBlur(filled(ULCER, SHAPE).astype(np.float32), (0, 0), 4)[..., None]
    assert seen_as(np.clip(foot() + scar * tint, 0, 255).astype(np.uint8)) == "seen"


def test_skin_is_seen_in_another_light():
    assert seen_as(np.clip(foot() * (0.8, 0.75, 0.7), 0, 255).astype(np.uint8)) == "seen"


SKIN = (196, 148, 124)  # drawn_foot's own


@pytest.mark.parametrize(
    ("colour", "texture"),
    [
        (SKIN, 0.0),
        ((226, 187, 152), 0.0),
        ((240, 238, 232), 0.0),
        (SKIN, 0.06),
        ((70, 110, 190), 0.0),
    ],
    ids=["plaster in the skin's colour", "beige plaster", "white", "cloth", "glove"],
)
def test_a_covered_place_is_not_seen(colour, texture):
    assert seen_as(covered_by(colour, box(140, 125, 260, 235), texture)) == "covered"


def test_a_piece_of_the_same_foots_skin_over_the_place_is_not_seen():
    picture = foot()
    picture[130:230, 150:250] = foot()[130:230, 270:370]
    assert seen_as(picture) == "covered"


def test_a_plaster_within_the_old_outline_is_not_seen():
    assert seen_as(covered_by((226, 187, 152), circle(200, 180, 20))) == "covered"


def test_a_place_in_the_dark_or_out_of_focus_is_unclear():
    dark, blurred = foot(), foot()
    dark[110:250, 130:270] //= 8
    soft = cv2.GaussianBlur(foot(), (0, 0), 6)
    blurred[110:250, 130:270] = soft[110:250, 130:270]
    assert seen_as(dark) == "unclear"
    assert seen_as(blurred) == "unclear"


def test_a_place_beyond_the_foots_edge_is_not_seen():
    picture = foot()
    picture[100:260, 120:280] = CLOTH
    assert seen_as(picture) in ("covered", "unclear")


def test_a_place_out_of_the_frame_is_unclear():
    assert seen_as(foot(), turned(1, 0, (-215, 0))) == "unclear"


def test_what_covers_a_place_now_may_not_vouch_for_it_later():
    """The same plaster on two photographs is the same surface, and no skin."""
    plaster = covered_by(SKIN, box(150, 135, 250, 225), 0.06)
    named = follow([BEFORE, look(plaster, (), WHERE), look(plaster, ())])
    assert [one.closed for one in named] == [(), (), ()]
    assert [one.codes("u1") for one in named[1:]] == [("match_unsure", "covered")] * 2


def test_an_ulcer_is_closed_where_its_place_is_bare_again():
    plaster = covered_by((240, 238, 232), box(150, 135, 250, 225))
    named = follow([BEFORE, look(plaster, (), WHERE), look(foot(), ())])
    assert (named[1].unsure, named[2].closed) == (("u1",), ("u1",))
