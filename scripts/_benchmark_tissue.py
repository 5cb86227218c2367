"""Whether tissue is called right, whether light moves it, and what it costs in time.

Lights. The light's colour is a black body's of 3,000 to 7,500 K. In linear sRGB it is a factor on
each channel (von Kries) against the light of 6,500 K, scaled so that a white surface keeps its
luminance: what a meter would do. Exposures of −1 and +1 stop come on top. The camera does nothing
about it: no white balance, no metering.

- Simulated (``--light``): the factors act on the light that falls on the sensor. Then come the
  lens's blur, the sensor's noise (as strong as that light asks for), clipping at full scale, the
  sRGB curve, the phone's sharpening, 8 bits, JPEG: ``simulate.develop``. Scale and greys are found
  in each photograph anew; the estimate looks at the same photograph without the card. The outline
  is the true one, so that only colour plays a part.
- Real (``--real``): photographs of FUSeg are 8 bits, balanced and sharpened already, and what was
  burnt stays so. sRGB is undone, the factors act, and clipping, sRGB, 8 bits and JPEG follow. No
  card lies in them: one is drawn flat, photographed in the same light, and its greys are read as
  in use. What they say beyond what they say under 6,500 K is applied to the photograph.

The move of a fraction is its distance from that ulcer's own at 6,500 K and 0 stops. Moves are
told over all lights, and beside it over those under which no flag asks for other light.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg import (
    card,
    colour,
    contact,
    datasets,
    engines,
    masks,
    measure,
    photo,
    pipeline,
    quality,
    resources,
    scale,
    segment,
    tissue_map,
)
from woundseg.classes import BACKGROUND, LABELLED_TISSUES, TISSUE_NAMES, TISSUES
from woundseg.colour import Balanced
from woundseg.files import write_bytes
from woundseg.masks import Segmentation
from woundseg.records import Scale
from woundseg.simulate import SceneSpec, draw_view, render
from woundseg.simulate import scene as drawing
from woundseg.simulate.develop import Exif, decode_jpeg, develop, encode_jpeg
from woundseg.simulate.light import factors
from woundseg.simulate.visits import BEDSIDE
from woundseg.tissue.judged import SHIPPED, Judged, read_judged
from woundseg.tissue.window import window_over
from woundseg.tissue_map import TissueReader

ByteImage = NDArray[np.uint8]
BoolMap = NDArray[np.bool_]
Values = NDArray[np.float64]
Summary = dict[str, Any]

MOVE_AIM = 0.10
RATIO_AIM = 1.25
NAMES = {tissue.id: tissue.name for tissue in LABELLED_TISSUES}
NO_BED = "callus/none"


def shares(tissue: ByteImage, ulcer: BoolMap) -> Values:
    """Granulation, slough, necrosis and other of the bed (4,); zeros where there is none."""
    counts = np.bincount(tissue[ulcer], minlength=len(TISSUES) + 1)[1 : len(TISSUES) + 1]
    return np.asarray(counts / max(1, counts.sum()), np.float64)


def verdict(name: str, value: float, limit: float) -> str:
    met = "met" if value <= limit else "MISSED"
    return f"  {name}: {value:.2f}, target at most {limit:.2f}: {met}"


def tell(what: str, count: int, whole: int) -> None:
    if count % max(1, min(100, whole // 4)) == 0 or count == whole:
        print(f"{what}: {count}/{whole}", file=sys.stderr, flush=True)


# --- crops judged by eye ------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """A judged crop and what was called in it.

    ``parts`` holds the share of the ulcer's pixels by name of tissue, callus (no bed) too.
    """

    crop: Judged
    parts: dict[str, float]
    tile: contact.TissueTile

    @property
    def judged(self) -> str:
        return NAMES[self.crop.tissue]

    @property
    def called(self) -> str:
        return max(self.parts, key=lambda name: self.parts[name])

    @property
    def told(self) -> str:
        named = [f"{name} {share:.2f}" for name, share in self.parts.items() if share >= 0.005]
        return f"{self.crop.image}  {self.judged}, called {self.called}:  {', '.join(named)}"


def call_crops(root: Path, reader: TissueReader) -> list[Call]:
    data = datasets.open("fuseg", root)
    samples = {sample.id: sample for sample in data.samples()}
    crops = read_judged(resources.path(SHIPPED))
    calls = []
    for count, crop in enumerate(crops, 1):
        if crop.image not in samples:
            sys.exit(f"{root}: no photograph {crop.image}. Give FUSeg's whole folder.")
        pixels, mask = data.read(samples[crop.image])
        if mask is not None:
            calls.append(call_crop(crop, pixels, mask, reader))
        tell("judged crops", count, len(crops))
    return calls


def call_crop(crop: Judged, pixels: ByteImage, mask: BoolMap, reader: TissueReader) -> Call:
    """Reads the tissue where FUSeg's mask lies in the crop's box."""
    ulcer = np.zeros_like(mask)
    ulcer[crop.window()] = mask[crop.window()]
    found = reader(pixels, ulcer, colour.balance(pixels, None)).tissue
    counts = np.bincount(found[ulcer], minlength=len(TISSUES) + 1)
    names = (*TISSUE_NAMES, NO_BED)
    parts = [*counts[1 : len(TISSUES) + 1], counts[BACKGROUND]]
    kept = {name: float(n / max(1, ulcer.sum())) for name, n in zip(names, parts, strict=True)}
    around = window_over(crop.box_px, mask.shape)
    label = np.where(ulcer, crop.tissue, BACKGROUND).astype(np.uint8)
    call = Call(crop, kept, contact.TissueTile(pixels[around], label[around], found[around], ""))
    mark = "" if call.called == call.judged else "WRONG "
    caption = f"{mark}{crop.image} {crop.why}: {call.judged}, called {call.called}"
    return replace(call, tile=replace(call.tile, caption=f"{caption} {kept[call.called]:.2f}"))


def judged_summary(calls: list[Call]) -> Summary:
    pairs = Counter((call.judged, call.called) for call in calls)
    kinds = [name for name in TISSUE_NAMES if any(call.judged == name for call in calls)]
    columns = (*TISSUE_NAMES, NO_BED)
    return {
        "crops": len(calls),
        "right": sum(call.judged == call.called for call in calls),
        "confusion": {one: {other: pairs[one, other] for other in columns} for one in kinds},
        "wrong": [call.told for call in calls if call.judged != call.called],
        "share of the judged tissue, median": {
            kind: statistics.median(c.parts[kind] for c in calls if c.judged == kind)
            for kind in kinds
        },
    }


def report_judged(found: Summary) -> str:
    columns = (*TISSUE_NAMES, NO_BED)
    lines = [f"{'judged, called:':18}" + "".join(f"{name:>13}" for name in columns)]
    for kind, row in found["confusion"].items():
        lines.append(f"{kind:18}" + "".join(f"{row[name]:13d}" for name in columns))
    lines.append(f"right: {found['right']} of {found['crops']}")
    for kind, share in found["share of the judged tissue, median"].items():
        lines.append(f"  {kind}: median share {share:.2f} where it was judged")
    return "\n".join([*lines, *(f"  wrong: {told}" for told in found["wrong"])])


# --- lights -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Light:
    """Its colour temperature, and how many stops the exposure lies off."""

    kelvin: int
    stops: int

    def __str__(self) -> str:
        return f"{self.kelvin} K {self.stops:+d}"

    @property
    def factors(self) -> Values:
        """On linear sRGB, against 6,500 K and 0 stops (3,)."""
        return factors(self.kelvin, self.stops)


KELVINS, STOPS = (3000, 4000, 5000, 6500, 7500), (-1, 0, 1)
LIGHTS = tuple(Light(kelvin, stops) for kelvin in KELVINS for stops in STOPS)
REFERENCE = Light(6500, 0)
ALL, UNBURNT, USED = "colour and exposure", "both, hardly burnt", "both, no flag of light"
CHANGES: dict[str, Callable[[Light], bool]] = {
    ALL: lambda light: True,
    UNBURNT: lambda light: True,
    USED: lambda light: True,
    "colour alone, 0 stops": lambda light: light.stops == REFERENCE.stops,
    "exposure alone, 6500 K": lambda light: light.kelvin == REFERENCE.kelvin,
}
HARDLY = 0.02
"""Share of an ulcer with a burnt channel: where more is burnt, no balance brings it back."""

OF_LIGHT = ("too_bright", "too_dark", "glare", "coloured_light")
"""Flags that ask for another photograph because of its light."""

WAYS = {"card": "the card's greys", "estimate": "no card, estimate", "none": "no balance"}


@dataclass(frozen=True, eq=False)
class View:
    """An ulcer photographed in one light, and the ways in which its colours are put right."""

    light: Light
    pixels: ByteImage
    ways: dict[str, Balanced]


@dataclass(frozen=True, eq=False)
class Subject:
    """An ulcer under all lights, in their order.

    ``truth`` holds the bed's true fractions (4,); None where nobody knows them.
    """

    name: str
    ulcer: BoolMap
    truth: Values | None
    views: Iterator[View]


@dataclass(frozen=True, eq=False)
class Series:
    """What was read of one ulcer under all lights.

    Attributes:
        name: what it is.
        truth: fractions (4,); None where nobody knows them.
        read: fractions (lights, 4) by way.
        callus: share of the ulcer that is taken for no bed, by the card's way (lights,).
        burnt: share of the ulcer with a burnt channel (lights,).
        flagged: whether a flag asks for other light, bool (lights,).
        sources: what each light's balance by the card rests on.
    """

    name: str
    truth: Values | None
    read: dict[str, Values]
    callus: Values
    burnt: Values
    flagged: BoolMap
    sources: tuple[str, ...]

    def moves(self, way: str) -> Values:
        """Of each fraction under each light, (lights, 4)."""
        read = self.read[way]
        return np.abs(read - read[LIGHTS.index(REFERENCE)])

    def largest(self, way: str, change: str = ALL) -> float:
        """Of any fraction under any light of a change; 0 where no light is left."""
        of = np.array([CHANGES[change](light) for light in LIGHTS])
        if change == UNBURNT:
            of &= self.burnt <= HARDLY
        if change == USED:
            of &= ~self.flagged
        return float(self.moves(way)[of].max(initial=0.0))

    def summary(self) -> Summary:
        here = LIGHTS.index(REFERENCE)
        return {
            "name": self.name,
            "truth": None if self.truth is None else self.truth.tolist(),
            "reference": {way: read[here].tolist() for way, read in self.read.items()},
            "largest move": {way: self.moves(way).max(axis=0).tolist() for way in self.read},
            "any": {way: {change: self.largest(way, change) for change in CHANGES} for way in WAYS},
        }


def read_series(subject: Subject, reader: TissueReader, pictures: Path | None) -> Series:
    read: dict[str, list[Values]] = {way: [] for way in WAYS}
    callus, burnt, flagged, sources, columns = [], [], [], [], []
    ulcer = subject.ulcer
    for view in subject.views:
        for way, balanced in view.ways.items():
            found = reader(view.pixels, ulcer, balanced).tissue
            read[way].append(shares(found, ulcer))
            if way == "card":
                flagged.append(asks_for_light(view, ulcer, found))
                callus.append(float((found[ulcer] == BACKGROUND).mean()))
                columns.append(column(view, ulcer, found) if pictures else None)
        burnt.append(float((view.pixels[ulcer] >= colour.BURNT).any(axis=-1).mean()))
        sources.append(view.ways["card"].source)
    if pictures:
        write_picture(pictures / f"{subject.name.replace(' ', '_')}.jpg", columns)
    return Series(
        name=subject.name,
        truth=subject.truth,
        read={way: np.stack(several) for way, several in read.items()},
        callus=np.array(callus),
        burnt=np.array(burnt),
        flagged=np.array(flagged),
        sources=tuple(sources),
    )


def asks_for_light(view: View, ulcer: BoolMap, tissue: ByteImage) -> bool:
    """Whether a nurse is told to take the photograph again in another light."""
    seen = Segmentation(ulcer.astype(np.float32), tissue, pipeline.BY_HAND, 1.0, 3.0, 80)
    judged = quality.assess(view.pixels, seen, measure.ulcers(seen, None), None)
    judged = quality.with_light(judged, view.ways["card"])
    return any(flag.code in OF_LIGHT for flag in judged.flags)


TILE_PX = 150


def column(view: View, ulcer: BoolMap, found: ByteImage) -> ByteImage:
    """The ulcer as photographed, by the card's greys, by the estimate, and the map called."""
    x, y, width, height = cv2.boundingRect(ulcer.astype(np.uint8))
    around = window_over((x, y, width, height), ulcer.shape)
    cut = view.pixels[around]
    shown = [cut, view.ways["card"].apply(cut), view.ways["estimate"].apply(cut)]
    shown.append(contact.painted(found[around]))
    size = (TILE_PX, TILE_PX)
    return np.concatenate([cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in shown])


def write_picture(path: Path, columns: list[ByteImage | None]) -> None:
    """A JPEG with a column for each light."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = np.concatenate([one for one in columns if one is not None], axis=1)
    for number, light in enumerate(LIGHTS):
        place = (number * TILE_PX + 3, 13)
        cv2.putText(whole, str(light), place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255))
    write_bytes(path, encode_jpeg(whole, 90, Exif(28.0)))


# --- simulated ulcers ---------------------------------------------------------------------

SIMULATED = replace(
    BEDSIDE, white_balance=(1.0, 1.0), sensors=(1.0, 0.0, 0.0, 0.0), area_cm2=(1.5, 12.0)
)
"""Taken with some care, of 1.6 megapixels, by a camera that balances nothing."""
MIXTURES = {
    "granulation": ((0.0, 0.05), (0.0, 0.0)),
    "some slough": ((0.2, 0.5), (0.0, 0.0)),
    "slough": ((0.7, 0.95), (0.0, 0.0)),
    "some necrosis": ((0.0, 0.1), (0.25, 0.55)),
    "necrosis": ((0.0, 0.1), (0.8, 0.97)),
    "all three": ((0.25, 0.5), (0.2, 0.4)),
}
"""Slough and necrosis are drawn from these ranges."""
SKINS = {"light skin": (0.0, 2.0), "dark skin": (3.5, 5.0)}
"""Ranges of the tone (Fitzpatrick's type − 1)."""


def draw_subject(number: int, seed: int, exposure: float) -> tuple[str, SceneSpec]:
    """What it is called and drawn from; number 7 is the same however many are drawn."""
    rng = np.random.default_rng((seed, 60, number))
    mixture = list(MIXTURES)[number % len(MIXTURES)]
    skin = list(SKINS)[number // len(MIXTURES) % len(SKINS)]
    spec = draw_view(rng, replace(SIMULATED, exposure=(exposure, exposure)))
    slough, necrosis = (float(rng.uniform(*range_)) for range_ in MIXTURES[mixture])
    look = replace(spec.ulcers[0], slough=slough, necrosis=necrosis)
    foot = replace(spec.foot, tone=float(rng.uniform(*SKINS[skin])))
    return f"{number:03d} {mixture}, {skin}", replace(spec, foot=foot, ulcers=(look,))


def simulated(number: int, seed: int, exposure: float) -> Subject:
    name, spec = draw_subject(number, seed, exposure)
    scene = render(spec)
    truth = shares(scene.tissue, scene.mask)
    return Subject(name, scene.mask, truth, _simulated_views(spec))


def _simulated_views(spec: SceneSpec) -> Iterator[View]:
    falling, bare = (drawing.light_on_sensor(one) for one in (spec, replace(spec, card=None)))
    for number, light in enumerate(LIGHTS):
        own = replace(spec, seed=spec.seed + number)
        pixels = taken(falling * light.factors.astype(np.float32), own)
        known = scale.ScaleOptions(focal_px=spec.camera.lens.focal_px)
        found = scale.find(pixels, known)
        ways = {
            "card": colour.balance(pixels, found if isinstance(found, Scale) else None),
            "estimate": colour.balance(taken(bare * light.factors.astype(np.float32), own), None),
            "none": Balanced("none"),
        }
        yield View(light, pixels, ways)


def taken(falling: NDArray[np.float32], spec: SceneSpec) -> ByteImage:
    """What comes out of the camera's file."""
    developed = develop(falling, spec.capture, spec.seed)
    facts = Exif(spec.camera.lens.focal_35mm)
    return decode_jpeg(encode_jpeg(developed, spec.capture.jpeg_quality, facts))


# --- real ulcers --------------------------------------------------------------------------

CARD_PX_PER_MM = 8
QUALITY = 90
LEAST_ULCER_PX = 400


def encoded(linear: NDArray[np.floating]) -> ByteImage:
    """Clipped, as sRGB of 8 bits, through JPEG."""
    pixels = np.asarray(colour.to_srgb(linear.astype(np.float32)) * 255 + 0.5, np.uint8)
    return np.asarray(decode_jpeg(encode_jpeg(pixels, QUALITY, Exif(28.0))))


@cache
def card_gains(light: Light, exposure: float) -> tuple[float, float, float] | None:
    """What the greys of a card say in this light; None where they cannot be read."""
    inks = colour.to_linear(card.draw_card("standard", CARD_PX_PER_MM))
    sheet = drawing.INK + (drawing.PAPER - drawing.INK) * inks
    sheet = cv2.copyMakeBorder(sheet, 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=(0.2, 0.2, 0.2))
    found = scale.find(encoded(sheet * exposure))
    if not isinstance(found, Scale):
        sys.exit(f"the drawn card is not found: {found.advice}")
    balanced = colour.balance(encoded(sheet * exposure * light.factors), found)
    return balanced.gains if balanced.source == "card" else None


def real(root: Path, count: int, seed: int, exposure: float) -> Iterator[Subject]:
    """The largest ulcer of each of ``count`` photographs of FUSeg, drawn by ``seed``."""
    data = datasets.open("fuseg", root)
    samples = data.samples()
    given = 0
    for number in np.random.default_rng((seed, 61)).permutation(len(samples)):
        if given == count:
            return
        pixels, mask = data.read(samples[number])
        parts = () if mask is None else masks.components(mask, LEAST_ULCER_PX)
        if parts:
            given += 1
            ulcer = parts[0].in_full(pixels.shape[:2])
            views = _real_views(pixels, exposure)
            yield Subject(f"FUSeg {samples[number].id}", ulcer, None, views)


def _real_views(pixels: ByteImage, exposure: float) -> Iterator[View]:
    before = card_gains(REFERENCE, exposure)
    if before is None:
        sys.exit("the drawn card's greys cannot be read under the reference")
    for light in LIGHTS:
        seen = encoded(colour.to_linear(pixels) * light.factors)
        estimate, now = colour.balance(seen, None), card_gains(light, exposure)
        by_card = estimate
        if now is not None:
            red, green, blue = (float(a / b) for a, b in zip(now, before, strict=True))
            matrix = ((red, 0.0, 0.0), (0.0, green, 0.0), (0.0, 0.0, blue))
            by_card = Balanced("card", matrix)
        ways = {"card": by_card, "estimate": estimate, "none": Balanced("none")}
        yield View(light, seen, ways)


# --- summing up moves ---------------------------------------------------------------------


def spread(values: Values) -> Summary:
    return {
        "median": float(np.median(values)),
        "p95": float(np.percentile(values, 95)),
        "max": float(values.max()),
        "over the aim": int((values > MOVE_AIM).sum()),
    }


def moves_summary(several: list[Series]) -> Summary:
    """Over ulcers: the largest move of any fraction, by what changes and under each light."""
    sums: Summary = {"ulcers": len(several), "moves": {}, "by light": {}}
    for way in WAYS:
        sums["moves"][way] = {
            change: spread(np.array([one.largest(way, change) for one in several]))
            for change in CHANGES
        }
    for place, light in enumerate(LIGHTS):
        largest = {w: np.array([one.moves(w)[place].max() for one in several]) for w in WAYS}
        sums["by light"][str(light)] = {
            **{way: spread(values) for way, values in largest.items()},
            "burnt": float(np.mean([one.burnt[place] for one in several])),
            "callus": float(np.mean([one.callus[place] for one in several])),
            "flagged": sum(bool(one.flagged[place]) for one in several),
            "card not read": sum(one.sources[place] != "card" for one in several),
        }
    known = [one for one in several if one.truth is not None]
    if known:
        sums["beside the truth"] = {way: truth_summary(known, way) for way in WAYS}
    sums["each"] = [one.summary() for one in several]
    return sums


def truth_summary(known: list[Series], way: str) -> Summary:
    """Mean absolute errors of the fractions: under the reference, and over all lights."""
    truth = np.stack([one.truth for one in known if one.truth is not None])
    read = np.stack([one.read[way] for one in known])
    off = np.abs(read - truth[:, None])
    here = LIGHTS.index(REFERENCE)
    most = truth.argmax(axis=1)
    return {
        "reference": dict(zip(TISSUE_NAMES, off[:, here].mean(axis=0).tolist(), strict=True)),
        "all lights": dict(zip(TISSUE_NAMES, off.mean(axis=(0, 1)).tolist(), strict=True)),
        "called by its largest tissue": int((read[:, here].argmax(axis=1) == most).sum()),
    }


def report_moves(several: list[Series], sums: Summary) -> str:
    named = "".join(f"{name[:6]:>8}" for name in TISSUE_NAMES)
    known = several[0].truth is not None
    lines = [
        f"{'':30}{'  largest move by the card':47}any fraction   "
        f"{'true, and read' if known else 'read'} by the card, {REFERENCE}",
        f"{'':30}{named}  {'under':11}  estimate   none   in the order of the columns",
        *(ulcer_line(one) for one in several),
        "",
        f"{'largest move of any fraction':44}{'median':>8}{'p95':>8}{'max':>8}  over {MOVE_AIM}",
    ]
    for way, name in WAYS.items():
        for change, one in sums["moves"][way].items():
            figures = "".join(f"{one[key]:8.3f}" for key in ("median", "p95", "max"))
            over = f"{one['over the aim']:6d} of {sums['ulcers']}"
            lines.append(f"{name:20}{change:24}{figures}{over}")
    lines.append(f"  hardly burnt: lights under which at most {HARDLY:.0%} of the ulcer is burnt")
    lines.append(f"  no flag of light: lights without {', '.join(OF_LIGHT)}")
    lines += ["", *light_table(sums), ""]
    for way, found in sums.get("beside the truth", {}).items():
        lines += truth_lines(way, found, sums["ulcers"])
    return "\n".join([*lines, "by the card's greys: targets", *moves_verdicts(sums)])


def ulcer_line(one: Series) -> str:
    moves, here = one.moves("card"), LIGHTS.index(REFERENCE)
    figures = "".join(f"{value:8.3f}" for value in moves.max(axis=0))
    worst = str(LIGHTS[int(moves.max(axis=1).argmax())])
    others = f"{one.largest('estimate'):10.3f}{one.largest('none'):7.3f}"
    truth = "" if one.truth is None else joined(one.truth)
    read = joined(one.read["card"][here])
    return f"{one.name:30}{figures}  {worst:11}{others}   {truth} {read}"


def joined(fractions: Values) -> str:
    return "/".join(f"{value:.2f}" for value in fractions)


def truth_lines(way: str, found: Summary, ulcers: int) -> list[str]:
    lines = [f"mean absolute error beside the truth, {WAYS[way]}:"]
    for key in ("reference", "all lights"):
        told = ", ".join(f"{name} {value:.3f}" for name, value in found[key].items())
        lines.append(f"  {key}: {told}")
    right = found["called by its largest tissue"]
    return [*lines, f"  largest tissue called right under the reference: {right} of {ulcers}"]


def light_table(sums: Summary) -> list[str]:
    heads = "".join(f"{name:>20}" for name in WAYS.values())
    lines = [
        "median/p95/max of the largest move; burnt, callus: share of the ulcers",
        f"{'light, stops':12}{heads}{'burnt':>8}{'callus':>8}  flagged  card not read",
    ]
    for light, row in sums["by light"].items():
        told = ["/".join(f"{row[way][k]:.3f}" for k in ("median", "p95", "max")) for way in WAYS]
        figures = "".join(f"{one:>20}" for one in told)
        rest = f"{100 * row['burnt']:7.1f}%{100 * row['callus']:7.1f}%{row['flagged']:9d}"
        lines.append(f"{light:12}{figures}{rest}{row['card not read']:15d}")
    return lines


def moves_verdicts(sums: Summary) -> list[str]:
    found = sums["moves"]["card"][ALL]
    return [verdict(f"{key} over ulcers", found[key], MOVE_AIM) for key in ("median", "p95", "max")]


# --- time ---------------------------------------------------------------------------------

LARGE = replace(BEDSIDE, sensors=(0.0, 0.0, 0.0, 1.0))


def draw_photos(folder: Path, count: int, seed: int) -> list[photo.Photo]:
    """Simulated photographs of 12 megapixels, read from their files."""
    photos = []
    for number in range(count):
        path = folder / f"{number}.jpg"
        path.write_bytes(render(draw_view(np.random.default_rng((seed, 62, number)), LARGE)).jpeg)
        photos.append(photo.read(path))
        tell("photographs of 12 megapixels", number + 1, count)
    return photos


def time_scores(photos: list[photo.Photo], repeats: int, reader: TissueReader) -> Summary:
    """Median seconds of ``pipeline.score`` of each photograph, the two ways in turn, warm."""
    path = segment.weights_path()
    engine = engines.load(path, "cpu")
    alone = segment.on_engine(engine, path)
    both = segment.on_engine(engine, path, None, lambda: reader)
    found = [pipeline.scale_of(one, pipeline.ScoreOptions()) for one in photos]
    scales = [one if isinstance(one, Scale) else None for one in found]
    ways: dict[str, Callable[[int], Any]] = {
        "mask alone": lambda n: pipeline.score(photos[n], alone),
        "with tissue": lambda n: pipeline.score(photos[n], both),
        "white balance": lambda n: colour.balance(photos[n].pixels, scales[n]),
    }
    seconds: dict[str, list[list[float]]] = {name: [[] for _ in photos] for name in ways}
    for repeat in range(repeats + 1):
        for number in range(len(photos)):
            for name, way in ways.items():
                start = time.perf_counter()
                way(number)
                if repeat:  # the first round warms up
                    seconds[name][number].append(time.perf_counter() - start)
        tell("rounds", repeat, repeats)
    medians = {name: [statistics.median(s) for s in each] for name, each in seconds.items()}
    sums = {name: sum(each) for name, each in medians.items()}
    return {
        "ulcers": [len(pipeline.score(one, both).record.ulcers) for one in photos],
        "rounds": repeats,
        "seconds": medians,
        "ratio": sums["with tissue"] / sums["mask alone"],
        "ratio, white balance counted to tissue": sums["with tissue"]
        / (sums["mask alone"] - sums["white balance"]),
    }


def report_times(found: Summary) -> str:
    names = list(found["seconds"])
    lines = [f"{'photograph':12}{'ulcers':>8}" + "".join(f"{name:>16}" for name in names)]
    for number, ulcers in enumerate(found["ulcers"]):
        row = "".join(f"{found['seconds'][name][number]:14.3f} s" for name in names)
        lines.append(f"{number:<12}{ulcers:8d}{row}")
    more = "ratio, white balance counted to tissue"
    lines += [
        f"medians of {found['rounds']} rounds without reading the file; white balance is in both",
        f"{more}: {found[more]:.2f}",
        verdict("score with tissue over the mask alone", found["ratio"], RATIO_AIM),
    ]
    return "\n".join(lines)


# --- the command --------------------------------------------------------------------------


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "tissue",
        help="whether tissue is called right, under any light, and in what time",
        description="Calls the crops that were judged by eye, moves the light over simulated and"
        " real ulcers, and times a score with and without tissue. Each part is asked for by its"
        " own option. Time it with nothing else running.",
        epilog="example: scripts/benchmark tissue --light 24 --pictures runs/lights",
    )
    parser.add_argument(
        "--judged", type=Path, metavar="FUSEG_FOLDER", help="the crops judged by eye"
    )
    parser.add_argument("--sheet", type=Path, help="with --judged: a contact sheet (JPEG)")
    parser.add_argument("--light", type=int, default=0, metavar="N", help="simulated ulcers")
    parser.add_argument(
        "--real", type=Path, metavar="FUSEG_FOLDER", help="change the light of real photographs"
    )
    parser.add_argument("--ulcers", type=int, default=40, help="with --real (default 40)")
    parser.add_argument(
        "--exposure",
        type=float,
        default=0.5,
        help="of the reference with --light and of the card with --real: 1 puts a white card just"
        " below full scale, and the default 0.5 does so at +1 stop",
    )
    parser.add_argument("--pictures", type=Path, help="a folder: what each light gave, to look at")
    parser.add_argument("--time", action="store_true", help="seconds with and without tissue")
    parser.add_argument("--photos", type=int, default=3, help="with --time: photographs (3)")
    parser.add_argument("--repeats", type=int, default=7, help="with --time: rounds (default 7)")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn (default 1)")
    parser.add_argument("--weights", type=Path, help="other tissue weights (ONNX)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Exit status 0 when every target is met, 1 when one is missed, 2 when nothing was asked."""
    if not (options.judged or options.light or options.real or options.time):
        print("Name at least one of --judged, --light, --real, --time", file=sys.stderr)
        return 2
    reader = tissue_map.load("cpu", weights=options.weights)
    figures: Summary = {"weights": reader.model.model_dump()}
    parts = {
        "judged": (options.judged, run_judged),
        "light": (options.light, run_light),
        "real": (options.real, run_real),
        "time": (options.time, run_time),
    }
    texts = [f"weights {reader.model.name} {reader.model.version} ({reader.model.sha256[:12]})"]
    for name, (asked, part) in parts.items():
        if asked:
            figures[name], text = part(options, reader)
            texts.append(text)
    print(json.dumps(figures, indent=2) if options.json else "\n\n".join(texts))
    return int(any("MISSED" in text for text in texts))


def run_judged(options: argparse.Namespace, reader: TissueReader) -> tuple[Summary, str]:
    calls = call_crops(options.judged, reader)
    found = judged_summary(calls)
    if options.sheet:
        options.sheet.parent.mkdir(parents=True, exist_ok=True)
        title = f"Judged crops: photograph, as judged, as called; {found['right']} right of "
        tiles = [call.tile for call in calls]
        write_bytes(options.sheet, contact.tissue_sheet(tiles, f"{title}{found['crops']}"))
    return found, "crops judged by eye\n" + report_judged(found)


def run_light(options: argparse.Namespace, reader: TissueReader) -> tuple[Summary, str]:
    numbers = range(options.light)
    drawn = (simulated(number, options.seed, options.exposure) for number in numbers)
    return run_moves("simulated", drawn, reader, options.pictures)


def run_real(options: argparse.Namespace, reader: TissueReader) -> tuple[Summary, str]:
    drawn = real(options.real, options.ulcers, options.seed, options.exposure)
    return run_moves("real", drawn, reader, options.pictures)


def run_moves(
    kind: str, subjects: Iterator[Subject], reader: TissueReader, pictures: Path | None
) -> tuple[Summary, str]:
    several: list[Series] = []
    for subject in subjects:
        several.append(read_series(subject, reader, pictures))
        print(f"{kind} ulcers under all lights: {len(several)}", file=sys.stderr, flush=True)
    if not several:
        sys.exit(f"no {kind} ulcer of at least {LEAST_ULCER_PX} px")
    sums = moves_summary(several)
    head = f"{len(several)} {kind} ulcers, each under {len(LIGHTS)} lights"
    return sums, f"{head}\n{report_moves(several, sums)}"


def run_time(options: argparse.Namespace, reader: TissueReader) -> tuple[Summary, str]:
    with tempfile.TemporaryDirectory() as folder:
        photos = draw_photos(Path(folder), options.photos, options.seed)
        found = time_scores(photos, options.repeats, reader)
    return found, "time of a score\n" + report_times(found)
