"""How often each quality flag fires: on photographs, on worse copies, on what is no skin."""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from _benchmark_surfaces import SURFACES
from _benchmark_surfaces import draw as draw_surface
from numpy.typing import NDArray

from woundseg import datasets, measure, photo, quality, segment
from woundseg.masks import BoolMap, ByteMap, Segmentation
from woundseg.records import ModelFacts, Quality, Scale
from woundseg.simulate import ViewRanges, draw_view, render

BY_HAND = ModelFacts(name="by hand", version="", sha256="", device="", precision="")
SCALE = Scale("given", ((0.3, 0.0, 0.0), (0.0, 0.3, 0.0), (0.0, 0.0, 1.0)))
SEED = 12
LARGE = ViewRanges(sensors=(0, 0, 0, 1))
PHOTOGRAPHS = ("*.jpg", "*.jpeg", "*.png")

Change = Callable[[ByteMap, np.random.Generator], ByteMap]


def blurred(sigma: float, noise: float = 0.0) -> Change:
    def change(pixels: ByteMap, rng: np.random.Generator) -> ByteMap:
        soft = cv2.GaussianBlur(pixels, (0, 0), sigma) if sigma else pixels
        rough = soft + rng.normal(0, noise, soft.shape) if noise else soft
        return np.clip(np.round(rough), 0, 255).astype(np.uint8)

    return change


def exposed(stops: float) -> Change:
    def change(pixels: ByteMap, _rng: np.random.Generator) -> ByteMap:
        light = np.clip((np.arange(256) / 255) ** 2.2 * 2.0**stops, 0, 1)
        return np.round(255 * light ** (1 / 2.2)).astype(np.uint8)[pixels]

    return change


CHANGES: dict[str, Change] = {
    **{f"blur of {sigma:g} px": blurred(sigma) for sigma in (1, 2, 3, 5, 8)},
    "blur of 5 px, noise of 5 levels": blurred(5, 5),
    "blur of 8 px, noise of 10 levels": blurred(8, 10),
    "noise of 10 levels": blurred(0, 10),
    **{f"exposure {stops:+g} stops": exposed(stops) for stops in (-2, -3, -4, 1, 2, 3, 4)},
}


def judge(pixels: ByteMap, ulcer: BoolMap | None) -> Quality:
    """The flags with an outline drawn by hand, or with none found; nothing is said of a scale."""
    drawn = np.zeros(pixels.shape[:2], np.float32) if ulcer is None else ulcer.astype(np.float32)
    found = Segmentation(drawn, None, BY_HAND, 1.0, 3.0, 80)
    return quality.assess(pixels, found, measure.ulcers(found, None), SCALE)


def told(name: str, judged: Iterable[Quality]) -> None:
    """Prints one line: photographs, and per cent of them by flag."""
    photographs = list(judged)
    fired = Counter(
        f"{flag.code} {flag.severity}" for one in photographs for flag in set(one.flags)
    )
    shares = [f"{code} {100 * n / len(photographs):.1f}" for code, n in sorted(fired.items())]
    print(f"{name:44}{len(photographs):5d}  {', '.join(shares) or 'nothing'}", flush=True)


def of_hand(root: Path) -> None:
    """FUSeg with the outlines drawn by hand: as it is, and every tenth made worse."""
    pairs = [(pixels, label) for pixels, label in _read("fuseg", root)]
    told("FUSeg, as they are", (judge(*pair) for pair in pairs))
    for name, change in CHANGES.items():
        rng = np.random.default_rng(SEED)
        told(f"FUSeg, {name}", (judge(change(p, rng), label) for p, label in pairs[::10]))
    told("FUSeg, no ulcer found", (judge(pixels, None) for pixels, _ in pairs))


def _read(name: str, root: Path) -> Iterator[tuple[ByteMap, BoolMap | None]]:
    data = datasets.open(name, root)
    for sample in data.samples():
        pixels, label = data.read(sample)
        yield pixels, None if label is None else np.asarray(label, bool)


def of_folder(folder: Path) -> None:
    """Whatever lies in a folder, as if the network had found no ulcer."""
    paths = sorted(path for kind in PHOTOGRAPHS for path in folder.rglob(kind))
    told(f"{folder.name}, no ulcer found", (judge(photo.read(path).pixels, None) for path in paths))


def of_surfaces(each: int) -> None:
    for kind in SURFACES:
        told(f"{kind}, drawn", (judge(draw_surface(kind, seed), None) for seed in range(each)))


def of_bare_feet(views: int) -> None:
    """Simulated feet without an ulcer, of every skin tone from very light to very dark."""

    def drawn(view: int) -> ByteMap:
        spec = draw_view(np.random.default_rng((SEED, view)), ViewRanges(sensors=(1, 0, 0, 0)))
        foot = replace(spec.foot, tone=5 * view / max(1, views - 1))
        return render(replace(spec, foot=foot, ulcers=())).pixels

    told("simulated feet, no ulcer", (judge(drawn(view), None) for view in range(views)))


def of_large(views: int, folder: Path) -> None:
    """Simulated photographs of 12 megapixels, outlined by the network, and blurred further.

    Pixels of the closest look: what blurs the photograph already (focus and motion) counts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    segmenter = segment.load("cpu")
    judged: dict[str, list[Quality]] = {}
    for view in range(views):
        path = folder / f"{SEED}-{view:03d}.jpg"
        spec = draw_view(np.random.default_rng((SEED, view)), LARGE)
        if not path.exists():
            path.write_bytes(render(spec).jpeg)
        pixels = photo.read(path).pixels
        found = segmenter(pixels)
        own = math.hypot(spec.capture.blur_px, spec.capture.motion_px / math.sqrt(12))
        for wanted in (0.0, 4.0, 6.0):
            sigma = math.sqrt(max(0.0, (wanted / found.looked_px_per_px) ** 2 - own**2))
            worse = cv2.GaussianBlur(pixels, (0, 0), sigma) if sigma else pixels
            seen = segmenter(worse) if sigma else found
            name = f"12 megapixels, {f'blur of {wanted:g} px' if wanted else 'as drawn'}"
            figures = measure.ulcers(seen, None)
            judged.setdefault(name, []).append(quality.assess(worse, seen, figures, SCALE))
    for name, several in judged.items():
        told(name, several)


def of_peaks(root: Path) -> None:
    """Highest probability of what the network finds, where the label is empty and elsewhere."""
    segmenter = segment.load("cpu")
    data = datasets.open("fuseg", root)
    samples = [(sample, *data.read(sample)) for sample in data.samples()]
    bare = [one for one in samples if one[2] is not None and not one[2].any()]
    others = [one for one in samples if one[2] is not None and one[2].any()][::13][:60]
    for name, chosen in (("empty label", bare), ("with an ulcer", others)):
        right: list[float] = []
        wrong: list[float] = []
        for _, pixels, label in chosen:
            figures = measure.ulcers(segmenter(pixels), None)
            for place, peak in enumerate(figures.peaks, start=1):
                here: NDArray[np.bool_] = figures.labels == place
                (right if (here & label).sum() > 0.2 * here.sum() else wrong).append(peak)
        for kind, peaks in (("on the label", right), ("elsewhere", wrong)):
            low = sum(peak < quality.QualityOptions().sure for peak in peaks)
            few = ", ".join(f"{peak:.3f}" for peak in sorted(peaks)[:6])
            print(f"{name}, finds {kind}: {len(peaks)}, unsure {low}; lowest peaks {few}")


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "quality",
        help="how often each quality flag fires",
        description="Prints the share of photographs, in per cent, on which each flag fires.",
    )
    parser.add_argument("--fuseg", type=Path, help="FUSeg's folder: outlines drawn by hand")
    parser.add_argument(
        "--folder",
        type=Path,
        action="append",
        default=[],
        help="photographs (sub-folders too), taken as showing no ulcer; may be repeated",
    )
    parser.add_argument("--surfaces", type=int, default=0, help="drawn wood, fur ... of each kind")
    parser.add_argument("--feet", type=int, default=0, help="simulated feet without an ulcer")
    parser.add_argument("--views", type=int, default=0, help="simulated 12-megapixel views")
    parser.add_argument(
        "--keep", type=Path, default=Path("runs/views12"), help="where those views are kept"
    )
    parser.add_argument("--peaks", action="store_true", help="with --fuseg: the network's peaks")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Exit status 0; 2 when nothing was asked for."""
    for folder in options.folder:
        of_folder(folder)
    if options.surfaces:
        of_surfaces(options.surfaces)
    if options.feet:
        of_bare_feet(options.feet)
    if options.views:
        of_large(options.views, options.keep)
    if options.fuseg and options.peaks:
        of_peaks(options.fuseg)
    elif options.fuseg:
        of_hand(options.fuseg)
    if not (options.folder or options.surfaces or options.feet or options.views or options.fuseg):
        print(
            "Name at least one of --fuseg, --folder, --surfaces, --feet, --views", file=sys.stderr
        )
        return 2
    return 0
