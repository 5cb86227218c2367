"""Whether the same ulcer is followed: real pairs of photographs, and simulated subjects."""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.match import Look, Named, RegisterOptions, Registration, follow, register
from woundseg.simulate import (
    Camera,
    CardPlace,
    Foot,
    Outline,
    Scene,
    SceneSpec,
    UlcerLook,
    ViewRanges,
    render,
)
from woundseg.simulate.scene import card_corners_mm
from woundseg.simulate.views import aim, draw_camera, draw_capture, draw_ulcer, place_card
from woundseg.simulate.visits import BEDSIDE

PAIRS = Path(__file__).parent / "match_pairs.csv"
THUMBNAIL_PX = 800
PADDING = 14
"""Photographs padded to a square are darker than this there."""

# --- real photographs ---------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """Two photographs by number; ``same`` says whether they show the same foot."""

    one: str
    other: str
    same: bool


@dataclass(frozen=True)
class PairAnswer:
    """What registration said of a pair.

    ``placed`` says whether the largest ulcer's place was established; ``met`` whether an outlined
    ulcer lies there (within 2 mm and two standard deviations, as following asks).
    """

    pair: Pair
    registered: bool
    placed: bool
    met: bool
    seconds: float


def read_pairs(path: Path) -> list[Pair]:
    with path.open(encoding="utf-8", newline="") as stream:
        return [Pair(r["one"], r["other"], r["same"] == "Y") for r in csv.DictReader(stream)]


def read_look(folder: Path, number: str) -> Look:
    """A photograph of FUSeg with its outlines, without its black padding."""
    files = sorted((folder / "images").glob(f"{number}.*"))
    if not files:
        sys.exit(f"{folder / 'images'}: no photograph {number}. Give FUSeg's folder with --photos.")
    photo = np.asarray(cv2.imread(str(files[0])))[:, :, ::-1]
    label = np.asarray(cv2.imread(str(folder / "labels" / f"{number}.png")))
    mask = label.max(axis=2) > 127
    bright = photo.max(axis=2) > PADDING
    rows = np.flatnonzero(bright.mean(axis=1) > 0.05)
    columns = np.flatnonzero(bright.mean(axis=0) > 0.05)
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    outlines = traced(mask[window], 20)
    sizes = tuple(float(cv2.contourArea(line.astype(np.float32))) for line in outlines)
    unknown = (None,) * len(outlines)
    return Look(np.ascontiguousarray(photo[window]), outlines, unknown, sizes)


def traced(mask: NDArray[np.bool_], least_px: float) -> tuple[NDArray[np.float64], ...]:
    """The outer outlines of a mask, the largest first."""
    lines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    kept = [line for line in lines if cv2.contourArea(line) > least_px]
    kept.sort(key=cv2.contourArea, reverse=True)
    return tuple(line.reshape(-1, 2).astype(np.float64) for line in kept)


def try_pair(pair: Pair, one: Look, other: Look) -> PairAnswer:
    start = time.process_time()
    found = register(one, other)
    seconds = time.process_time() - start
    if found is None or not one.outlines:
        return PairAnswer(pair, found is not None, False, False, seconds)
    placed, met = meets(found, one, other)
    return PairAnswer(pair, True, placed, met, seconds)


def meets(found: Registration, one: Look, other: Look) -> tuple[bool, bool]:
    """Whether the largest ulcer's place is established, and whether an ulcer lies there."""
    from woundseg.match.places import Drawn, Place

    place = Place(one.outlines[0])
    if not found.supports(place.centre, place.radius_px, RegisterOptions()):
        return False, False
    sd_px = found.sd_px(place.centre, place.radius_px)
    there = Place(found.place(place.outline), sd_px)
    slack_px = 2.0 / (250.0 / max(other.shape))
    drawn = Drawn(there, other.shape, 2 * sd_px + slack_px)
    masks = [np.zeros(other.shape, np.uint8) for _ in other.outlines]
    for mask, line in zip(masks, other.outlines, strict=True):
        cv2.fillPoly(mask, [np.rint(line).astype(np.int32)], 1)
    return True, any(drawn.gap_px(mask) <= drawn.reach_px for mask in masks)


def read_looks(pairs: list[Pair], folder: Path) -> dict[str, Look]:
    numbers = sorted({n for pair in pairs for n in (pair.one, pair.other)})
    looks: dict[str, Look] = {}
    spent = 0.0
    for count, number in enumerate(numbers, 1):
        looks[number] = read_look(folder, number)
        start = time.process_time()
        _ = looks[number].features
        spent += time.process_time() - start
        tell("features", count, len(numbers))
    print(f"features of a photograph: {1000 * spent / len(numbers):.0f} ms of one core")
    return looks


def try_pairs(pairs: list[Pair], looks: dict[str, Look]) -> list[PairAnswer]:
    answers = []
    for count, pair in enumerate(pairs, 1):
        answers.append(try_pair(pair, looks[pair.one], looks[pair.other]))
        tell("pairs", count, len(pairs))
    return answers


def real_series(pairs: list[Pair]) -> list[tuple[str, ...]]:
    """Photographs that pairs join, each series in order of its numbers."""
    series: dict[str, set[str]] = {}
    for pair in pairs:
        if pair.same:
            joined = series.get(pair.one, {pair.one}) | series.get(pair.other, {pair.other})
            series.update(dict.fromkeys(joined, joined))
    return sorted({tuple(sorted(numbers)) for numbers in series.values()})


def follow_series(pairs: list[Pair], looks: dict[str, Look]) -> Counter[str]:
    """What the only ulcer of each photograph of a series is called, after the first photograph."""
    found: Counter[str] = Counter()
    for numbers in real_series(pairs):
        seen = [looks[n] for n in numbers]
        if max(len(look.outlines) for look in seen) > 1 or not seen[0].outlines:
            continue
        found["series"] += 1
        for look, said, number in list(zip(seen, follow(seen), numbers, strict=True))[1:]:
            outcome = said.names[0] or "unsure" if look.outlines else "no outline: closed"
            if not look.outlines and "u1" not in said.closed:
                outcome = "no outline: unsure"
            likely = any(code == "match_unregistered" for _, code in said.flags)
            found[f"{outcome}, by likeness" if likely else outcome] += 1
            if outcome not in ("u1", "unsure") or likely:
                print(f"  {numbers[0]} … {number}: {outcome} {said.flags}")
    return found


def tell(what: str, count: int, whole: int) -> None:
    if count % max(1, min(100, whole // 4)) == 0 or count == whole:
        print(f"{what}: {count}/{whole}", file=sys.stderr, flush=True)


def report_pairs(answers: list[PairAnswer]) -> int:
    """Prints the table; returns how many registrations were false."""
    seconds = [a.seconds for a in answers]
    print(
        f"a registration: {1000 * float(np.mean(seconds)):.0f} ms of one core, "
        f"95th percentile {1000 * float(np.percentile(seconds, 95)):.0f} ms"
    )
    print(f"{'':24}{'pairs':>7}{'registered':>12}{'ulcer placed':>14}{'ulcer met there':>17}")
    for same, name in ((True, "the same foot"), (False, "different feet")):
        group = [a for a in answers if a.pair.same == same]
        counts = [sum(getattr(a, key) for a in group) for key in ("registered", "placed", "met")]
        print(f"{name:24}{len(group):7d}{counts[0]:12d}{counts[1]:14d}{counts[2]:17d}")
    false = [a for a in answers if a.registered and not a.pair.same]
    for a in false:
        placed = "ulcer placed" if a.placed else "no ulcer placed"
        print(f"  false: {a.pair.one} on {a.pair.other} ({placed})")
    return sum(a.placed for a in false)


# --- simulated subjects -------------------------------------------------------------------

DAYS = (0, 14, 28, 56, 84, 112)
SMALL = (1.0, 0.0, 0.0, 0.0)
CARE = {
    "taken with care": replace(BEDSIDE, sensors=SMALL),
    "taken anyhow": ViewRanges(sensors=SMALL, small_card=0.0, hidden=0.0),
}
"""How the photographs are taken: the second with up to 30° of tilt, more blur, any light."""

ROLL_DEG = 12.0
NEW_FROM_CM2 = 0.25


@dataclass(frozen=True)
class Curve:
    """An ulcer's area at each visit; 0 is closed, or not there yet."""

    site: int
    areas_cm2: tuple[float, ...]
    shift_mm: tuple[float, float] = (0.0, 0.0)


STORIES: dict[str, tuple[Curve, ...]] = {
    "one heals": (Curve(0, (6.0, 4.2, 2.6, 1.1, 0.4, 0.0)),),
    "one grows": (Curve(0, (2.0, 2.6, 3.4, 4.5, 5.5, 6.5)),),
    "two, one heals": (
        Curve(0, (4.0, 2.8, 1.5, 0.6, 0.0, 0.0)),
        Curve(2, (3.0, 3.1, 2.9, 2.6, 2.2, 1.9)),
    ),
    "three heal": (
        Curve(0, (5.0, 3.2, 1.9, 0.8, 0.0, 0.0)),
        Curve(2, (3.0, 2.2, 1.2, 0.0, 0.0, 0.0)),
        Curve(3, (2.0, 1.7, 1.4, 1.0, 0.7, 0.4)),
    ),
    "one appears": (
        Curve(0, (4.0, 3.2, 2.5, 1.8, 1.2, 0.8)),
        Curve(2, (0.0, 0.0, 0.15, 0.6, 1.1, 1.4)),
    ),
    "two grow together": (
        Curve(1, (2.2, 2.6, 3.2, 4.2, 5.2, 5.6), (-9.0, 0.0)),
        Curve(1, (1.2, 1.4, 1.8, 2.6, 3.4, 3.8), (9.0, 0.0)),
    ),
    "heals, comes back": (Curve(0, (3.0, 1.5, 0.0, 0.0, 0.8, 1.6)),),
}


@dataclass(frozen=True)
class Truth:
    """One look, and for each of its outlines the numbers of the curves that it shows."""

    look: Look
    shows: tuple[frozenset[int], ...]
    whole: tuple[bool, ...]


@dataclass(frozen=True)
class Visit:
    """Which visit is drawn, and how its photograph is taken."""

    curves: tuple[Curve, ...]
    number: int
    ranges: ViewRanges


def draw_subject(seed: int, curves: tuple[Curve, ...], ranges: ViewRanges) -> Iterator[Truth]:
    """The visits of one simulated subject."""
    rng = np.random.default_rng((seed, 50))
    foot = Foot(
        seed=int(rng.integers(2**31)),
        tone=float(rng.uniform(0.3, 4.5)),
        left=bool(rng.random() < 0.5),
    )
    side = -1.0 if foot.left else 1.0
    looks = []
    for curve in curves:
        x, y = foot.sites_mm()[curve.site]
        centre = (x + side * curve.shift_mm[0], y + curve.shift_mm[1])
        looks.append(draw_ulcer(rng, centre, max(curve.areas_cm2)))
    for visit in range(len(DAYS)):
        own = np.random.default_rng((seed, 51, visit))
        spec = draw_visit(own, foot, looks, Visit(curves, visit, ranges))
        yield show(render(spec), curves, visit)


def draw_visit(
    rng: np.random.Generator,
    foot: Foot,
    looks: list[UlcerLook],
    asked: Visit,
) -> SceneSpec:
    curves, visit = asked.curves, asked.number
    now = [
        replace(look, outline=look.outline.of_area(curve.areas_cm2[visit]))
        for look, curve in zip(looks, curves, strict=True)
    ]
    was_open = [max(curve.areas_cm2[: visit + 1]) > 0 for curve in curves]
    open_now = [look for look in now if look.outline.area_cm2 > 0]
    scars = [
        replace(look, outline=look.outline.of_area(0.6))
        for look, had in zip(now, was_open, strict=True)
        if had and look.outline.area_cm2 == 0
    ]
    first = looks[0]
    angle = float(rng.choice([0.0, 90.0, 180.0, 270.0]) + rng.normal(0, 8))
    card = place_card(rng, foot, first, CardPlace(first.outline.centre_mm, angle))
    camera = draw_camera(rng, asked.ranges)
    upright = replace(camera.pose, roll_deg=float(rng.normal(0, ROLL_DEG)))
    around = replace(first, outline=Outline(first.outline.centre_mm, 60.0))
    camera = aim(Camera(camera.lens, upright), around, card)
    return SceneSpec(
        camera=camera,
        foot=foot,
        ulcers=tuple(open_now),
        scars=tuple(scars),
        card=card,
        capture=draw_capture(rng, asked.ranges, camera.lens),
        cloth="blue",
        light_deg=float(rng.uniform(-150, -60)),
        seed=int(rng.integers(2**31)),
    )


def show(scene: Scene, curves: tuple[Curve, ...], visit: int) -> Truth:
    """The scene as matching sees it: a thumbnail with true outlines."""
    spec = scene.spec
    factor = THUMBNAIL_PX / max(scene.pixels.shape[:2])
    pixels = cv2.resize(scene.pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    shape = pixels.shape[:2]
    numbers = [n for n, curve in enumerate(curves) if curve.areas_cm2[visit] > 0]
    masks = {
        n: filled((ulcer.outline_px + 0.5) * factor - 0.5, shape)
        for n, ulcer in zip(numbers, scene.ulcers, strict=True)
    }
    together = np.any([*masks.values(), np.zeros(shape, bool)], axis=0)
    outlines = traced(together, 3)
    shows = tuple(
        frozenset(n for n, mask in masks.items() if (mask & filled(line, shape)).any())
        for line in outlines
    )
    mm_per_px = 1 / (spec.camera.px_per_mm(spec.camera.pose.target_mm) * factor)
    sizes = tuple(float(np.count_nonzero(filled(line, shape))) for line in outlines)
    card = spec.card
    corners = (
        np.zeros((0, 2))
        if card is None
        else spec.camera.project(card_corners_mm(card), card.height_mm)
    )
    look = Look(
        pixels=np.asarray(pixels),
        outlines=outlines,
        areas_cm2=tuple(size * mm_per_px**2 / 100 for size in sizes),
        areas_px=sizes,
        mm_per_px=mm_per_px,
        hidden=(corners + 0.5) * factor - 0.5,
    )
    return Truth(look, shows, whole_places(scene, curves, factor, shape))


def whole_places(
    scene: Scene, curves: tuple[Curve, ...], factor: float, shape: tuple[int, int]
) -> tuple[bool, ...]:
    """Which ulcers' places lie in the frame, open or not."""
    spec = scene.spec
    foot = spec.foot
    side = -1.0 if foot.left else 1.0
    inside = []
    for curve in curves:
        x, y = foot.sites_mm()[curve.site]
        centre = np.array([[x + side * curve.shift_mm[0], y + curve.shift_mm[1]]])
        u, v = spec.camera.project(centre)[0] * factor
        inside.append(0 <= u < shape[1] and 0 <= v < shape[0])
    return tuple(inside)


def filled(line: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(line).astype(np.int32)], 1)
    return mask > 0


def judge(truth: list[Truth], named: list[Named], count: int) -> Counter[str]:
    """Each ulcer at each visit: right, unsure (said so), or wrong."""
    outcome: Counter[str] = Counter()
    names: dict[int, str] = {}
    for seen, said in zip(truth, named, strict=True):
        for ulcer in range(count):
            outcome[_judged(ulcer, seen, said, names)] += 1
        for shown, name in zip(seen.shows, said.names, strict=True):
            fresh = [n for n in shown if n not in names]
            if name is not None and len(shown) == 1 and fresh and name not in names.values():
                names[fresh[0]] = name
    return outcome


def _judged(ulcer: int, seen: Truth, said: Named, names: dict[int, str]) -> str:
    where = [f for f, shown in enumerate(seen.shows) if ulcer in shown]
    if where and len(seen.shows[where[0]]) > 1 and ulcer in names:
        return _judged_merged(names[ulcer], seen.shows[where[0]], said.names[where[0]], said, names)
    if where and ulcer in names:
        given = said.names[where[0]]
        right = "unsure: open" if given is None else "WRONG: name"
        right = "right: open" if given == names[ulcer] else right
        return "WRONG: closed while open" if names[ulcer] in said.closed else right
    if where:
        return _judged_new(seen, said, where[0], names)
    if ulcer not in names:
        return "not there yet"
    return _judged_closed(names[ulcer], said, seen.whole[ulcer])


def _judged_new(seen: Truth, said: Named, f: int, names: dict[int, str]) -> str:
    given = said.names[f]
    if given is None:
        small = (seen.look.areas_cm2[f] or 0) < NEW_FROM_CM2
        return "right: too small to open" if small else "unsure: new"
    others = {names[n] for n in seen.shows[f] if n in names}
    taken = given in names.values() and given not in others
    return "WRONG: known name on a new one" if taken else "right: new"


def _judged_closed(name: str, said: Named, in_frame: bool) -> str:
    if name in said.closed:
        return "right: closed" if in_frame else "WRONG: closed out of view"
    if name in said.names:
        return "WRONG: name on another"
    return "unsure: closed" if in_frame else "right: out of view"


def _judged_merged(
    name: str, shown: frozenset[int], given: str | None, said: Named, names: dict[int, str]
) -> str:
    if given is None:
        return "unsure: merged"
    noted = given == name or "merged" in said.codes(name)
    told = given in {names.get(n) for n in shown} and name not in said.closed
    return "right: merged" if noted and told else "WRONG: merged"


def try_subjects(subjects: int, seed: int, ranges: ViewRanges) -> dict[str, Counter[str]]:
    table: dict[str, Counter[str]] = {story: Counter() for story in STORIES}
    for number in range(subjects):
        story = list(STORIES)[number % len(STORIES)]
        truth = list(draw_subject(seed * 1000 + number, STORIES[story], ranges))
        named = follow([seen.look for seen in truth])
        found = judge(truth, named, len(STORIES[story]))
        table[story] += found
        if any(key.startswith("WRONG") for key in found):
            print(f"  subject {number} ({story}): {dict(found)}")
            for said in named:
                print(f"    {said}")
        tell("subjects", number + 1, subjects)
    return table


def report_subjects(table: dict[str, Counter[str]]) -> int:
    """Prints the table; returns how many were wrong."""
    kinds = ("right", "unsure", "WRONG")
    print(f"{'':24}" + "".join(f"{kind.lower():>9}" for kind in kinds))
    for story, found in table.items():
        counts = [sum(c for key, c in found.items() if key.startswith(kind)) for kind in kinds]
        print(f"{story:24}" + "".join(f"{c:9d}" for c in counts))
    whole: Counter[str] = sum(table.values(), Counter())
    for key, count in sorted(whole.items()):
        print(f"  {count:5d} {key}")
    return sum(c for key, c in whole.items() if key.startswith("WRONG"))


# --- the command --------------------------------------------------------------------------


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "match",
        help="the same ulcer from visit to visit",
        description="Registers listed pairs of FUSeg photographs of the same foot and of different"
        " feet, follows the ulcers of simulated subjects, and prints what was right.",
    )
    parser.add_argument("--photos", type=Path, help="FUSeg's folder with images/ and labels/")
    parser.add_argument("--pairs", type=Path, default=PAIRS, help="which pairs (CSV)")
    parser.add_argument("--subjects", type=int, default=21, help="simulated (default 21)")
    parser.add_argument("--seed", type=int, default=1, help="of the subjects (default 1)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Exit status 0 when no place is false and no name wrong."""
    cv2.setNumThreads(1)
    wrong = 0
    if options.photos is not None:
        pairs = read_pairs(options.pairs)
        looks = read_looks(pairs, options.photos)
        wrong += report_pairs(try_pairs(pairs, looks))
        print("series of one foot with one ulcer, after the first photograph:")
        for outcome, count in sorted(follow_series(pairs, looks).items()):
            print(f"  {count:5d} {outcome}")
    for care, ranges in CARE.items() if options.subjects else ():
        print(f"{options.subjects} simulated subjects, {care}")
        wrong += report_subjects(try_subjects(options.subjects, options.seed, ranges))
    print("nothing wrong" if wrong == 0 else f"WRONG: {wrong}")
    return int(wrong > 0)
