"""Finding the scale of a photograph, or saying why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg import card
from woundseg.errors import UsageError
from woundseg.outlines import signed_area
from woundseg.records import Matrix3, NotEvaluable, Reason, Scale
from woundseg.scale.mapping import (
    DEFAULT_DISTANCE_MM,
    homography_log_area_sd,
    log_area_sd_at,
    to_plane_mm,
)
from woundseg.scale.markers import Grey, Sighting, look, look_again, look_coarse
from woundseg.scale.plane import Camera, Corners, PlaneFit, apply, consistent, fit

RgbImage = NDArray[np.uint8]

MARKER_DICTIONARIES: dict[str, str] = {
    "4X4_50": "DICT_4X4_50",
    "5X5_100": "DICT_5X5_100",
    "6X6_250": "DICT_6X6_250",
    "APRILTAG_36H11": "DICT_APRILTAG_36h11",
}
"""The families of single markers: by the name without prefix, OpenCV's name."""

_SIDE_TOLERANCE = 0.08  # two scales in one photograph may differ so much before they disagree


@dataclass(frozen=True)
class ScaleOptions:
    """What the user knows of the scale, and the limits; checked when made.

    Attributes:
        card_line_mm: what the card's 100 mm line measures in print, 90 to 110.
        marker_mm: side of the black border of a single marker used instead of the card.
        marker_dict: the single marker's family, with or without ``DICT_``.
        mm_per_px: scale known otherwise; a card in view is then a check.
        focal_px: focal length in px of this photograph, from EXIF.
        max_tilt_deg: a plane tilted more than this is refused.
        min_marker_px: a marker whose side is shorter is refused.
        max_area_sd: a scale whose relative area error (one standard deviation, at the card, the
            card's height not counted) is larger is refused.
        min_markers: with fewer of the card's markers in view it is refused.

    Raises:
        UsageError: a value that is not a number, or not one that can be; names the option.
    """

    card_line_mm: float | None = None
    marker_mm: float | None = None
    marker_dict: str = "DICT_4X4_50"
    mm_per_px: float | None = None
    focal_px: float | None = None
    max_tilt_deg: float = 45.0
    min_marker_px: float = 14.0
    max_area_sd: float = 0.03
    min_markers: int = 2

    def __post_init__(self) -> None:
        _check("--card-line-mm", self.card_line_mm, 90.0, 110.0, "Measure the card's line again")
        _check("--marker-mm", self.marker_mm, 3.0, 300.0, "Give the side of its black border in mm")
        _check("--mm-per-px", self.mm_per_px, 0.001, 5.0, "Give the mm that one pixel covers")
        _check("focal_px", self.focal_px, 10.0, 1e6, "Leave it out when it is not known")
        if self.mm_per_px is not None and self.marker_mm is not None:
            raise UsageError(
                "--mm-per-px", "stands beside --marker-mm", "Give one of the two, not both"
            )
        self.dictionary()

    def dictionary(self) -> str:
        """OpenCV's name of the single marker's family."""
        name = self.marker_dict.upper().removeprefix("DICT_")
        if name not in MARKER_DICTIONARIES:
            known = ", ".join(MARKER_DICTIONARIES.values())
            raise UsageError(
                "--marker-dict", f"no family is called {self.marker_dict!r}", f"Choose {known}"
            )
        return MARKER_DICTIONARIES[name]


def _check(option: str, value: float | None, low: float, high: float, remedy: str) -> None:
    if value is not None and not low <= value <= high:
        raise UsageError(option, f"{value} is not between {low:g} and {high:g}", remedy)


def find(pixels: RgbImage, options: ScaleOptions | None = None) -> Scale | NotEvaluable:
    """The scale of a photograph: from the card, from a single marker, or as given.

    With ``marker_mm`` the single marker is the scale, with ``mm_per_px`` the value given; a card in
    view is then a check, and one that disagrees is a refusal. Without ``marker_mm`` single markers
    are ignored: their side is unknown.

    Args:
        pixels: sRGB uint8 (H, W, 3).
        options: what the user knows, and the limits.

    Returns:
        The scale; or the reason why there is none, with advice.
    """
    options = options or ScaleOptions()
    grey: Grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    if options.marker_mm is not None:
        return _from_marker(grey, options, options.marker_mm)
    seen = [sighting for sighting in look(grey, card.DICTIONARY) if _card_of(sighting.id)]
    if options.mm_per_px is not None:
        return _as_given(grey, seen, options, options.mm_per_px)
    return _from_card(grey, seen, options)


def _camera(grey: Grey, options: ScaleOptions) -> Camera:
    return Camera(grey.shape[1], grey.shape[0], options.focal_px)


def _refuse(reason: Reason, advice: str) -> NotEvaluable:
    return NotEvaluable(reason, advice)


# --- the card ---------------------------------------------------------------------------------


def _from_card(grey: Grey, seen: list[Sighting], options: ScaleOptions) -> Scale | NotEvaluable:
    """The card's scale; a mirrored marker can read as another one by chance, so all are counted."""
    found = _from_sightings(grey, seen, options)
    more = max(options.min_markers, len(seen) + 1)
    if isinstance(found, NotEvaluable) and _is_mirrored(grey, card.DICTIONARY, more):
        return _mirrored()
    return found


def _from_sightings(
    grey: Grey, seen: list[Sighting], options: ScaleOptions
) -> Scale | NotEvaluable:
    if not seen:
        return _refuse(
            Reason.SCALE_NOT_FOUND,
            "No scale card was found: lay it flat beside the ulcer, whole, in light and in focus.",
        )
    cards = {_card_of(sighting.id) for sighting in seen}
    if len(cards) > 1 or _doubled(seen):
        return _two_cards()
    layout = card.layout(cards.pop() or "standard")
    if len(seen) < len(layout.markers):
        seen = _complete(grey, seen, layout)
        if _doubled(seen):
            return _two_cards()
    if len(seen) < options.min_markers:
        return _too_little(grey, seen, layout, options)
    return _card_scale(grey, seen, layout, options)


def _card_of(marker_id: int) -> card.CardSize | None:
    return next((size for size in card.SIZES if card.layout(size).marker(marker_id)), None)


def _doubled(seen: list[Sighting]) -> bool:
    return len({sighting.id for sighting in seen}) < len(seen)


def _two_cards() -> NotEvaluable:
    return _refuse(
        Reason.SCALE_DISAGREES,
        "Two scale cards are in view: leave one, beside the ulcer, and take the picture again.",
    )


def _complete(grey: Grey, seen: list[Sighting], layout: card.CardLayout) -> list[Sighting]:
    """The sightings, with those that a closer look at the card's place adds."""
    corners = _corners(seen, layout, 1.0)
    chosen = consistent(corners)
    if not chosen.any():
        return seen
    plane = fit(corners.keep(chosen), Camera(grey.shape[1], grey.shape[0], None))
    place = _project(plane, _outline(layout))
    low = np.clip(np.floor(place.min(0)), 0, [grey.shape[1], grey.shape[0]]).astype(int)
    high = np.clip(np.ceil(place.max(0)) + 1, 0, [grey.shape[1], grey.shape[0]]).astype(int)
    if (high - low < 20).any():
        return seen
    more = look_again(grey, card.DICTIONARY, (*low.tolist(), *high.tolist()))
    known = {sighting.id for sighting in seen}
    new = [s for s in more if s.id not in known and layout.marker(s.id)]
    return sorted([*seen, *new], key=lambda sighting: sighting.id)


def _outline(layout: card.CardLayout) -> NDArray[np.float64]:
    w, h = layout.width_mm, layout.height_mm
    return np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float64)


def _project(plane: PlaneFit, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    return apply(np.asarray(np.linalg.inv(plane.px_to_mm), np.float64), points_mm)


def _corners(seen: list[Sighting], layout: card.CardLayout, factor: float) -> Corners:
    drawn = {marker.id: marker.corners() for marker in layout.markers}
    return Corners(
        px=np.stack([sighting.corners for sighting in seen]),
        mm=np.array([drawn[sighting.id] for sighting in seen]) * factor,
        sd_px=np.array([sighting.sd_px for sighting in seen]),
    )


def _too_little(
    grey: Grey, seen: list[Sighting], layout: card.CardLayout, options: ScaleOptions
) -> NotEvaluable:
    """Too few markers: too small to read, cut when the outline leaves the frame, else covered."""
    corners = _corners(seen, layout, 1.0)
    place = _project(fit(corners, _camera(grey, options)), _outline(layout))
    size = np.array([grey.shape[1], grey.shape[0]])
    shown = f"Only {len(seen)} of the card's {len(layout.markers)} markers can be read: "
    if (place < 0).any() or (place > size - 1).any():
        return _refuse(Reason.SCALE_CUT, shown + "the frame cuts the card; take all of it in.")
    if max(sighting.side_px for sighting in seen) < 2 * options.min_marker_px:
        return _refuse(Reason.SCALE_SMALL, shown + "it is too small in the picture; go closer.")
    return _refuse(Reason.SCALE_CUT, shown + "uncover the card, and keep glare off it.")


def _card_scale(
    grey: Grey, seen: list[Sighting], layout: card.CardLayout, options: ScaleOptions
) -> Scale | NotEvaluable:
    factor = (options.card_line_mm or card.LINE_MM) / card.LINE_MM
    corners = _corners(seen, layout, factor)
    chosen = consistent(corners)
    if chosen.sum() < options.min_markers or 2 * chosen.sum() <= len(seen):
        return _bent()
    corners, plane = _settle(corners.keep(chosen), _camera(grey, options), options.min_markers)
    scale = _scale("card", corners, plane, options)
    return _within_limits(scale, corners, options)


def _is_mirrored(grey: Grey, dictionary: str, least: int) -> bool:
    """Whether so many markers can be read in the mirror image, after the picture gave no scale.

    Those of the card alone count, or with another dictionary any; each must be crisp, for a
    pattern that is one by chance rarely is.
    """
    seen = look_coarse(np.ascontiguousarray(grey[:, ::-1]), dictionary)
    any_id = dictionary != card.DICTIONARY
    known = {one.id for one in seen if one.crisp and (any_id or _card_of(one.id))}
    return len(known) >= least


def _mirrored() -> NotEvaluable:
    """No scale, although a mirrored card would give one.

    The area would be right, but left and right are swapped: an ulcer could not be followed to
    the place where earlier photographs show it.
    """
    return _refuse(
        Reason.MIRRORED,
        "The photograph is mirrored, as front cameras do it: use the back camera, or switch off "
        "mirroring, and take it again.",
    )


def _bent() -> NotEvaluable:
    return _refuse(
        Reason.SCALE_DISAGREES,
        "The card's markers disagree: it is bent, or two cards are in view; lay one flat.",
    )


def _settle(corners: Corners, camera: Camera, least: int) -> tuple[Corners, PlaneFit]:
    """The fit, without the markers that stand out from it (half covered, smeared by glare)."""
    plane = fit(corners, camera)
    while len(corners.px) > max(least, 2):
        worst = int(plane.residual_px.argmax())
        usual = float(np.median(plane.residual_px))
        side = float(np.linalg.norm(corners.px[worst, 0] - corners.px[worst, 2])) / math.sqrt(2)
        if plane.residual_px[worst] < max(4 * usual, 0.4, 0.004 * side):
            break
        kept = [k for k in range(len(corners.px)) if k != worst]
        corners = corners.keep(kept)
        plane = fit(corners, camera)
    return corners, plane


# --- a single marker --------------------------------------------------------------------------


def _from_marker(grey: Grey, options: ScaleOptions, side_mm: float) -> Scale | NotEvaluable:
    seen = [sighting for sighting in look(grey, options.dictionary()) if sighting.crisp]
    if not seen:
        if _is_mirrored(grey, options.dictionary(), 1):
            return _mirrored()
        return _refuse(
            Reason.SCALE_NOT_FOUND,
            f"No marker of {options.dictionary()} was found: lay it flat beside the ulcer, with "
            "white around it, or name its family with --marker-dict.",
        )
    seen.sort(key=lambda sighting: -sighting.side_px)
    square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float64) * side_mm
    corners = Corners(seen[0].corners[None], square[None], np.array([seen[0].sd_px]))
    scale = _scale("marker", corners, fit(corners, _camera(grey, options)), options)
    others = [(sighting, side_mm) for sighting in seen[1:]]
    layouts = [(s, _card_of(s.id)) for s in look(grey, card.DICTIONARY)]
    factor = (options.card_line_mm or card.LINE_MM) / card.LINE_MM
    others += [(s, card.layout(size).markers[0].side * factor) for s, size in layouts if size]
    if any(_disagrees(scale, sighting, mm) for sighting, mm in others):
        return _refuse(
            Reason.SCALE_DISAGREES,
            "Another marker or card in view gives another scale: leave one, or check --marker-mm.",
        )
    return _within_limits(scale, corners, options)


def _disagrees(scale: Scale, other: Sighting, side_mm: float) -> bool:
    """Whether another marker's area, as this scale has it, differs from what it should be."""
    area = abs(signed_area(to_plane_mm(scale, other.corners)))
    difference = abs(math.log(max(area, 1e-9) / side_mm**2))
    return difference > 2 * _SIDE_TOLERANCE + 3 * log_area_sd_at(scale, *other.centre.tolist())


# --- a scale given ----------------------------------------------------------------------------


def _as_given(
    grey: Grey, seen: list[Sighting], options: ScaleOptions, step: float
) -> Scale | NotEvaluable:
    """The scale given, unless the card in view contradicts it (``docs/scale.md`` has the limit)."""
    found = _from_card(grey, seen, options)
    if isinstance(found, NotEvaluable) and found.reason is Reason.MIRRORED:
        return found
    by_card = found if isinstance(found, Scale) else None
    crisp = [sighting for sighting in seen if sighting.crisp]
    if crisp:
        told = float(np.median([_mm_per_px_of(sighting, options) for sighting in crisp]))
        tilt = None if by_card is None else by_card.tilt_deg
        leant = math.radians(options.max_tilt_deg if tilt is None else tilt)
        blur = max(sighting.sd_px / sighting.side_px for sighting in crisp)
        limit = _SIDE_TOLERANCE - 0.5 * math.log(math.cos(leant)) + 3 * blur
        if abs(math.log(step / told)) > limit:
            return _refuse(
                Reason.SCALE_DISAGREES,
                f"The card in view gives {told:.3g} mm for each pixel, not the {step:g} given: "
                "leave the given scale out, or take the picture without the card.",
            )
    given = ((step, 0.0, 0.0), (0.0, step, 0.0), (0.0, 0.0, 1.0))
    return Scale("given", given, by_card=by_card)


def _mm_per_px_of(sighting: Sighting, options: ScaleOptions) -> float:
    """The root of the area in mm² of a pixel on one marker of the card."""
    size = _card_of(sighting.id) or "standard"
    factor = (options.card_line_mm or card.LINE_MM) / card.LINE_MM
    side_px = math.sqrt(max(abs(signed_area(sighting.corners)), 1e-9))
    return card.layout(size).markers[0].side * factor / side_px


# --- both -------------------------------------------------------------------------------------


def _scale(source: str, corners: Corners, plane: PlaneFit, options: ScaleOptions) -> Scale:
    first, second, third = ((float(x), float(y), float(w)) for x, y, w in plane.px_to_mm)
    matrix: Matrix3 = (first, second, third)
    marker = source == "marker"
    return Scale(
        source="marker" if marker else "card",
        px_to_mm=matrix,
        covariance=tuple(tuple(row) for row in plane.covariance.tolist()),
        tilt_deg=plane.tilt_deg,
        residual_px=plane.rms_px,
        distance_mm=DEFAULT_DISTANCE_MM if options.focal_px is None else plane.distance_mm,
        corners_px=tuple((x, y) for x, y in corners.px.reshape(-1, 2).tolist()),
        radial=plane.radial,
        verified=marker or options.card_line_mm is not None,
    )


def _within_limits(scale: Scale, corners: Corners, options: ScaleOptions) -> Scale | NotEvaluable:
    tilt = scale.tilt_deg or 0.0
    if tilt > options.max_tilt_deg:
        return _refuse(
            Reason.SCALE_TILTED,
            f"The card is tilted by {tilt:.0f}° to the camera (limit {options.max_tilt_deg:.0f}°): "
            "hold the camera straight above it.",
        )
    sides = np.linalg.norm(corners.px - np.roll(corners.px, -1, axis=1), axis=2)
    side = float(np.median(sides))
    x, y = corners.px.reshape(-1, 2).mean(axis=0).tolist()
    area_sd = homography_log_area_sd(scale, x, y)
    if side >= options.min_marker_px and (scale.residual_px or 0.0) > max(1.0, 0.03 * side):
        return _bent()
    if side < options.min_marker_px or area_sd > options.max_area_sd:
        return _refuse(
            Reason.SCALE_SMALL,
            f"The card is too small in the picture (markers of {side:.0f} px, area to "
            f"±{196 * area_sd:.0f}%): go closer, or use a finer picture.",
        )
    return scale
