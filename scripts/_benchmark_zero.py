"""How often ``batch`` says 0 at an ulcer's place: healed, and covered, wrong or empty."""

from __future__ import annotations

import argparse
import csv
import hashlib
import pickle
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from _benchmark_coverings import BEYOND, COVERED, Asked, Picture, Taken, healed, taken_again
from _benchmark_match import PAIRS, read_pairs

from woundseg import segment
from woundseg.batch.conclude import ConcludeOptions
from woundseg.batch.one import Outcome, Task, measure
from woundseg.batch.run import BatchOptions, run
from woundseg.batch.workers import Setup
from woundseg.masks import Segmentation
from woundseg.match import FLAG_ADVICE
from woundseg.simulate import render
from woundseg.simulate.visits import Course, Healing, draw_visits
from woundseg.training.made.painted_out import paintable
from woundseg.trial import protocol
from woundseg.visits import VisitOptions

SEED = 22
MM_PER_PX = 0.5
PADDING = 14
"""Photographs padded to a square are darker than this there."""
LEAST_PX, MOST_SHARE = 300, 0.06
"""Ulcers that are covered: large enough to be seen, and small enough for a plaster."""
FIRST, SECOND = date(2026, 1, 5), date(2026, 3, 2)
HEALED = "healed"
DRAWN = "healed, drawn"
HALVES = ("tune", "report")

# --- photographs --------------------------------------------------------------------------


@dataclass(frozen=True)
class Second:
    """A second visit: which subject, of what kind, and the picture of it."""

    subject: str
    kind: str
    first: Callable[[], Picture | bytes]
    second: Callable[[], Picture | bytes]
    mm_per_px: float | None = MM_PER_PX


def read(root: Path, number: str) -> Taken:
    """A photograph of FUSeg with its ulcers, without its black padding."""
    (path,) = (root / "images").glob(f"{number}.*")
    pixels = np.asarray(cv2.imread(str(path)))[..., ::-1]
    label = np.asarray(cv2.imread(str(root / "labels" / f"{number}.png"))).max(axis=2) > 127
    bright = pixels.max(axis=2) > PADDING
    rows = np.flatnonzero(bright.mean(axis=1) > 0.05)
    columns = np.flatnonzero(bright.mean(axis=0) > 0.05)
    window = slice(rows[0] + 2, rows[-1] - 1), slice(columns[0] + 2, columns[-1] - 1)
    return Taken(np.ascontiguousarray(pixels[window]), label[window])


def numbers(root: Path, half: str) -> list[str]:
    """Photographs of one half, in an order drawn from the seed; of copies one."""
    with (root.parent / "folds.csv").open(encoding="utf-8", newline="") as stream:
        listed = [row for row in csv.DictReader(stream) if row["image"] == row["group"]]
    chosen = [row["image"] for row in listed if int(row["wound_px"]) >= LEAST_PX]
    order = np.random.default_rng(SEED).permutation(len(chosen))
    return [chosen[n] for n in order[HALVES.index(half) :: 2]]


def seconds(root: Path, half: str, healed_places: int, each: int) -> Iterator[Second]:
    """All second visits of one half; no photograph serves as a first visit twice."""
    others = {pair.one: pair.other for pair in read_pairs(PAIRS) if not pair.same}
    several = Photographs(root, numbers(root, half))
    for n in range(healed_places):
        number, taken = several.next()
        rng = np.random.default_rng((SEED, HALVES.index(half), n))
        yield _second(f"H{number}", HEALED, taken, partial(healed, taken, rng), rng)
    for k, (kind, make) in enumerate({**COVERED, **BEYOND}.items()):
        for n in range(each):
            number, taken = several.next(among=others)
            rng = np.random.default_rng((SEED, HALVES.index(half), 1000 + k, n))
            other = read(root, others[number])
            bare = healed(other, rng) if paintable(other.pixels, other.ulcer) else other.pixels
            asked = Asked(taken, bare)
            yield _second(f"C{number}", kind, taken, partial(make, asked, rng), rng)
    for tone in range(6):
        yield _drawn(tone, HALVES.index(half))


class Photographs:
    """Photographs whose ulcers can be painted out, each given once."""

    def __init__(self, root: Path, listed: list[str]) -> None:
        self._root, self._left = root, listed

    def next(self, among: Container[str] | None = None) -> tuple[str, Taken]:
        """The next one; out of ``among``, one with a single ulcer that can be covered."""
        for number in self._left:
            if among is not None and number not in among:
                continue
            taken = read(self._root, number)
            if among is not None and not _single(taken):
                continue
            if paintable(taken.pixels, taken.ulcer):
                self._left.remove(number)
                return number, taken
        sys.exit(f"{self._root}: too few photographs; ask for fewer with --healed or --each")


def _single(taken: Taken) -> bool:
    """Whether there is one ulcer, small enough for a plaster."""
    count, _ = cv2.connectedComponents(taken.ulcer.astype(np.uint8))
    return count == 2 and taken.ulcer.mean() < MOST_SHARE


def _second(
    subject: str, kind: str, taken: Taken, make: Callable[[], Picture], rng: np.random.Generator
) -> Second:
    return Second(subject, kind, lambda: taken.pixels, lambda: taken_again(make(), rng))


def _drawn(tone: int, half: int) -> Second:
    """A drawn foot of one skin tone: open, and closed at the next visit."""
    course = Course(100 + 10 * tone + half, healing=Healing(6.0, 20.0, 4.0))
    specs = [visit.spec for visit in draw_visits(course, 2)]
    specs = [replace(spec, foot=replace(spec.foot, tone=float(tone))) for spec in specs]

    def drawn(number: int) -> Callable[[], bytes]:
        return lambda: render(specs[number]).jpeg

    return Second(f"D{tone}{half}", DRAWN, drawn(0), drawn(1), None)


def write(folder: Path, several: Iterator[Second]) -> dict[str, str]:
    """Photographs and manifest.csv; gives each subject's kind. What is there is kept."""
    kinds = {}
    rows = []
    for one in several:
        kinds[one.subject] = one.kind
        for visit, day, make in (("V1", FIRST, one.first), ("V2", SECOND, one.second)):
            path = folder / one.subject / f"{visit}.jpg"
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(_jpeg(make()))
            rows.append((path.relative_to(folder), one.subject, visit, day, one.mm_per_px or ""))
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("path", "subject", "visit", "date", "mm_per_px"))
        writer.writerows(rows)
    return kinds


def _jpeg(made: Picture | bytes) -> bytes:
    if isinstance(made, bytes):
        return made
    bgr = cv2.cvtColor(made, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 90])[1])


# --- batch --------------------------------------------------------------------------------


class Remembered:
    """The shipped network; what it said of a picture is kept in a folder."""

    def __init__(self, folder: Path) -> None:
        self._segmenter = segment.load("cpu", threads=1)
        self._folder = folder / self._segmenter.model.sha256[:12]
        self._folder.mkdir(parents=True, exist_ok=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._segmenter, name)

    def __call__(self, pixels: Picture, without: Any = None) -> Segmentation:
        words = pixels.tobytes() + (b"" if without is None else np.asarray(without).tobytes())
        kept = self._folder / f"{hashlib.sha256(words).hexdigest()}.pickle"
        if kept.exists():
            return pickle.loads(kept.read_bytes())
        found = self._segmenter(pixels, without)
        kept.write_bytes(pickle.dumps(found))
        return found


class Here:
    """Workers in this process."""

    def __init__(self, segmenter: Any) -> None:
        self._segmenter = segmenter

    def outcomes(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        for count, task in enumerate(tasks, 1):
            yield measure(task, self._segmenter)
            if count % 20 == 0:
                print(f"measured: {count}", file=sys.stderr, flush=True)

    def ask(self, function: Callable[[Any], Any], argument: Any) -> Callable[[], Any]:
        answer = function(argument)
        return lambda: answer


def batch(photos: Path, out: Path, segmenter: Any) -> list[dict[str, str]]:
    """The rows of visits.csv."""
    options = BatchOptions(
        visits=VisitOptions(manifest=photos / "manifest.csv"),
        setup=Setup(),
        conclude=ConcludeOptions(protocol=protocol.load(None), as_of=SECOND, study="zero"),
        now=lambda: datetime.combine(SECOND + timedelta(1), datetime.min.time(), UTC),
    )
    run(photos, out, options, Here(segmenter))
    with (out / "visits.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


# --- tables -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """What batch said at the second visit of an ulcer known from the first."""

    subject: str
    kind: str
    outcome: str
    flags: tuple[str, ...]


def places(rows: list[dict[str, str]], kinds: dict[str, str]) -> list[Place]:
    """The largest ulcer of each first visit, and at healed ones every other as well."""
    found = []
    for subject, kind in kinds.items():
        own = [row for row in rows if row["subject"] == subject]
        known = [r["ulcer"] for r in own if r["visit"] == "V1" and float(r["area_cm2"] or 0) > 0]
        second = {r["ulcer"]: r for r in own if r["visit"] == "V2"}
        for ulcer in known if kind == HEALED else known[:1]:
            row = second.get(ulcer)
            if row is None:
                found.append(Place(subject, kind, "no row", ()))
                continue
            flags = tuple(row["flags"].split(";"))
            found.append(Place(subject, kind, _outcome(row), flags))
    return found


def _outcome(row: dict[str, str]) -> str:
    if row["evaluable"] != "Y":
        return "N"
    return "0" if float(row["area_cm2"]) == 0 else "open"


def tell(several: list[Place]) -> None:
    """Prints one line for each kind."""
    print(f"{'second visit':30}{'n':>5}{'0':>5}{'N':>5}{'open':>6}  why N, by matching's flags")
    for kind in dict.fromkeys(place.kind for place in several):
        own = [place for place in several if place.kind == kind]
        counts = Counter(place.outcome for place in own)
        codes = {"no_skin", "skin_unsure", "too_dark", "blurred", "closed_unsure", *FLAG_ADVICE}
        why = Counter(
            "+".join(sorted(codes & set(place.flags) - {"match_unsure"})) or "match_unsure"
            for place in own
            if place.outcome == "N"
        )
        told = ", ".join(f"{name} {n}" for name, n in why.most_common())
        print(f"{kind:30}{len(own):5d}{counts['0']:5d}{counts['N']:5d}{counts['open']:6d}  {told}")


def sheet(photos: Path, several: list[Place], path: Path) -> None:
    """First and second visits beside each other, to look at."""
    cells = []
    for place in several[:60]:
        pair = [cv2.imread(str(photos / place.subject / f"{v}.jpg")) for v in ("V1", "V2")]
        shown = np.full((210, 380, 3), 40, np.uint8)
        for n, picture in enumerate(pair):
            factor = 190 / max(picture.shape[:2])
            small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            shown[: small.shape[0], 190 * n : 190 * n + small.shape[1]] = small
        words = f"{place.subject} {place.outcome} {'+'.join(place.flags[-2:])}"
        cv2.putText(shown, words, (2, 205), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1)
        cells.append(shown)
    cells += [np.zeros_like(cells[0])] * (-len(cells) % 4)
    rows = [np.hstack(cells[n : n + 4]) for n in range(0, len(cells), 4)]
    cv2.imwrite(str(path), np.vstack(rows))


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "zero",
        help="how often 0 is said at healed places, and at covered or wrong ones",
        description="Makes second visits from FUSeg photographs, runs batch, and prints by kind "
        "how many places of known ulcers read 0.",
    )
    parser.add_argument("--photos", type=Path, required=True, help="FUSeg's images/ and labels/")
    parser.add_argument("--half", choices=HALVES, default="report", help="of the photographs")
    parser.add_argument("--healed", type=int, default=60, help="photographs healed (default 60)")
    parser.add_argument("--each", type=int, default=6, help="of each other kind (default 6)")
    parser.add_argument("--keep", type=Path, help="folder for photographs and network's answers")
    parser.add_argument("--sheets", type=Path, help="folder for contact sheets of each outcome")
    parser.set_defaults(run=run_zero)


def run_zero(options: argparse.Namespace) -> int:
    """Exit status 0 where nothing covered, wrong or empty reads 0."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as made:
        keep = options.keep or Path(made)
        photos = keep / options.half
        kinds = write(photos, seconds(options.photos, options.half, options.healed, options.each))
        out = Path(made) / "study"
        several = places(batch(photos, out, Remembered(keep / "answers")), kinds)
    tell(several)
    true = [place for place in several if place.kind in (HEALED, DRAWN)]
    false = [place for place in several if place.kind in COVERED]
    for name, own in (("healed", true), ("covered, wrong or empty", false)):
        zeros = sum(place.outcome == "0" for place in own)
        print(f"{name}: {zeros} of {len(own)} read 0 ({100 * zeros / max(1, len(own)):.0f}%)")
    if options.sheets is not None:
        options.sheets.mkdir(parents=True, exist_ok=True)
        for name, own in (("healed", true), ("other", false)):
            for outcome in ("0", "N", "open"):
                shown = [place for place in own if place.outcome == outcome]
                if shown:
                    sheet(photos, shown, options.sheets / f"{options.half}_{name}_{outcome}.png")
    return int(any(place.outcome == "0" for place in false))
