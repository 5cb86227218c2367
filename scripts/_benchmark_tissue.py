"""How tissue is called: on beds judged by eye, under changing light, and in how much time."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg import (
    colour,
    contact,
    datasets,
    photo,
    pipeline,
    resources,
    scale,
    segment,
    tissue_map,
)
from woundseg.classes import TISSUES
from woundseg.colour import Balanced
from woundseg.files import write_bytes
from woundseg.records import Scale
from woundseg.scale import ScaleOptions
from woundseg.simulate import Scene, SceneSpec, draw_view, render
from woundseg.simulate.visits import BEDSIDE
from woundseg.tissue import judged
from woundseg.tissue_map import TissueReader

KELVINS = (3000.0, 4000.0, 5000.0, 6500.0, 7500.0)
STOPS = (-1.0, 0.0, 1.0)
NEUTRAL_K = 6500.0
EXPOSED = 0.5
"""Light factor of the middle exposure: one stop more puts a white card just below full scale."""
MOST_MOVED = 0.10
MOST_TIME = 1.25
PRIMARIES_NM = (611.0, 549.0, 464.0)
"""Wavelengths at which red, green and blue are taken to see (sRGB's primaries' dominant ones)."""
LUMINANCE = np.array((0.2126, 0.7152, 0.0722))
"""Of linear sRGB (IEC 61966-2-1)."""

Fractions = NDArray[np.float64]
"""Of the bed, in the order of ``TISSUES``."""


def light_of(kelvin: float) -> NDArray[np.float64]:
    """Red, green and blue of a black body's light against 6,500 K, of the same luminance.

    Planck's law at three wavelengths; a change of light is then a factor on each channel.
    """
    second_nm_k = 1.438777e7  # hc/k (CODATA)
    nm = np.array(PRIMARIES_NM)
    factors = np.expm1(second_nm_k / (nm * NEUTRAL_K)) / np.expm1(second_nm_k / (nm * kelvin))
    return np.asarray(factors / (LUMINANCE @ factors), np.float64)


# --- judged by eye ----------------------------------------------------------------------------


def judge(reader: TissueReader, options: argparse.Namespace) -> bool:
    """The confusion matrix over the crops judged by eye; whether all are called right."""
    data = datasets.open("fuseg", options.judged)
    photographs = {sample.id: sample for sample in data.samples("train")}
    columns = ("no bed", *(tissue.name for tissue in TISSUES))
    counts = np.zeros((len(TISSUES) + 1, len(columns)), int)
    wrong, tiles = [], []
    for crop in judged.read_judged(resources.path(judged.SHIPPED)):
        pixels, mask = data.read(photographs[crop.image])
        if mask is None:
            continue
        ulcer = np.zeros_like(mask)
        ulcer[crop.window()] = mask[crop.window()]
        bed = reader(pixels, ulcer, colour.balance(pixels, None)).tissue
        shares = np.bincount(bed[ulcer], minlength=len(columns)) / max(1, int(ulcer.sum()))
        called = int(shares.argmax())
        counts[crop.tissue, called] += 1
        word = f"{crop.image}  {columns[crop.tissue]}"
        if called != crop.tissue:
            told = ", ".join(f"{n} {s:.2f}" for n, s in zip(columns, shares, strict=True) if s > 0)
            wrong.append(f"  {word}: {told}")
        label = np.where(ulcer, crop.tissue, 0).astype(np.uint8)[crop.window()]
        tiles.append(contact.TissueTile(pixels[crop.window()], label, bed[crop.window()], word))
    print(f"{'judged':<14}" + "".join(f"{name:>13}" for name in columns))
    for tissue in TISSUES:
        if counts[tissue.id].any():
            row = "".join(f"{count:>13}" for count in counts[tissue.id])
            print(f"{tissue.name:<14}{row}")
    right = int(np.trace(counts))
    print(f"{right} of {counts.sum()} crops are called as they were judged", *wrong, sep="\n")
    if options.sheet:
        write_bytes(options.sheet, contact.tissue_sheet(tiles, "judged by eye, and called"))
    return right == counts.sum()


# --- under changing light ---------------------------------------------------------------------


def under_light(reader: TissueReader, ulcers: int) -> bool:
    """How far each fraction moves from that at 6,500 K and 0 stops; whether none moves too far."""
    moves: dict[str, dict[str, list[float]]] = {}
    off: list[Fractions] = []
    for number in range(ulcers):
        spec = _spec(number)
        seen = {light: _seen(reader, spec, *light) for light in product(KELVINS, STOPS)}
        truth, told = seen[NEUTRAL_K, 0.0]
        off.append(np.abs(told["card"] - truth))
        for way, reference in told.items():
            for name, lights in _series():
                moved = [
                    float(np.nanmax(np.abs(seen[light][1][way] - reference))) for light in lights
                ]
                moves.setdefault(way, {}).setdefault(name, []).append(max(moved))
        print(f"\rlight: {number + 1}/{ulcers}", end="", file=sys.stderr)
    print(file=sys.stderr)
    print(f"{'balanced by':<14}{'changed':<30}{'median':>8}{'p95':>8}{'max':>8}   (largest move of")
    print(f"{'':<68}   any fraction, {ulcers} ulcers)")
    for way, series in moves.items():
        for name, values in series.items():
            figures = (median(values), float(np.quantile(values, 0.95)), max(values))
            print(f"{way:<14}{name:<30}" + "".join(f"{value:>8.3f}" for value in figures))
    worst = max(max(values) for values in moves["card"].values())
    verdict = "met" if worst <= MOST_MOVED else "MISSED"
    print(f"with the card's greys: at most {worst:.3f}, target {MOST_MOVED}: {verdict}")
    errors = np.mean(off, axis=0)
    told = ", ".join(f"{t.name} {e:.3f}" for t, e in zip(TISSUES, errors, strict=True))
    print(f"mean absolute error against the true fractions, card, 6,500 K: {told}")
    return worst <= MOST_MOVED


def _series() -> Iterator[tuple[str, list[tuple[float, float]]]]:
    yield "3,000 to 7,500 K", [(kelvin, 0.0) for kelvin in KELVINS]
    yield "-1 to +1 stop", [(NEUTRAL_K, stops) for stops in STOPS]
    yield "both together", list(product(KELVINS, STOPS))


def _spec(number: int) -> SceneSpec:
    """A careful photograph of an ulcer whose bed has up to three tissues."""
    rng = np.random.default_rng((7, number))
    ranges = replace(BEDSIDE, sensors=(1.0, 0.0, 0.0, 0.0), area_cm2=(3.0, 12.0), small_card=0.0)
    spec = draw_view(rng, replace(ranges, hidden=0.0))
    look = replace(
        spec.ulcers[0],
        slough=float(rng.uniform(0.1, 0.5)),
        necrosis=float(rng.choice([0.0, rng.uniform(0.1, 0.5)])),
    )
    return replace(spec, ulcers=(look, *spec.ulcers[1:]))


def _seen(
    reader: TissueReader, spec: SceneSpec, kelvin: float, stops: float
) -> tuple[Fractions, dict[str, Fractions]]:
    """The true fractions and those called, by how colours were put right."""
    red, green, blue = light_of(kelvin)
    capture = replace(
        spec.capture,
        exposure=EXPOSED * 2**stops * float(green),
        white_balance=(float(red / green), float(blue / green)),
    )
    scene: Scene = render(replace(spec, capture=capture))
    found = scale.find(scene.pixels, ScaleOptions())
    usable = found if isinstance(found, Scale) else None
    ways = {
        "card": colour.balance(scene.pixels, usable),
        "estimate": colour.balance(scene.pixels, None),
        "nothing": Balanced("none"),
    }
    told = {
        name: _fractions(reader(scene.pixels, scene.mask, balanced).tissue)
        for name, balanced in ways.items()
    }
    return _fractions(scene.tissue), told


def _fractions(tissue: NDArray[np.uint8]) -> Fractions:
    counts = np.bincount(tissue.ravel(), minlength=len(TISSUES) + 1)[1:].astype(np.float64)
    return counts / counts.sum() if counts.any() else np.full(len(TISSUES), math.nan)


# --- time -------------------------------------------------------------------------------------


def timed(photographs: int) -> bool:
    """Seconds of the network's part and of a whole score, without tissue and with it."""
    ranges = replace(BEDSIDE, sensors=(0.0, 0.0, 0.0, 1.0))
    segmenter = segment.load("cpu")
    seconds: dict[str, list[float]] = {}
    for number in range(photographs):
        scene = render(draw_view(np.random.default_rng((9, number)), ranges))
        with tempfile.TemporaryDirectory() as folder:
            write_bytes(Path(folder) / "photo.jpg", scene.jpeg)
            read = photo.read(Path(folder) / "photo.jpg")
        options = pipeline.ScoreOptions()
        pipeline.score(read, segmenter, options)
        for _ in range(3):
            found = pipeline.scale_of(read, options)
            card = pipeline.card_outline(found if isinstance(found, Scale) else None)
            middle = time.perf_counter()
            looked = segmenter(read.pixels, card)
            masked = time.perf_counter()
            pipeline.with_tissue(read, looked, found, options, segmenter.tissue)
            end = time.perf_counter()
            seconds.setdefault("mask", []).append(masked - middle)
            seconds.setdefault("colour and tissue", []).append(end - masked)
            begin = time.perf_counter()
            pipeline.score(read, segmenter, options)
            seconds.setdefault("whole score", []).append(time.perf_counter() - begin)
    mask, more, whole = (median(seconds[n]) for n in ("mask", "colour and tissue", "whole score"))
    for name, values in seconds.items():
        print(f"{name:<20} {median(values):.3f} s, median of {len(values)}")
    ratio = (mask + more) / mask
    print(
        f"the whole score beside the same without colour and tissue: {whole / (whole - more):.2f}"
    )
    verdict = "met" if ratio <= MOST_TIME else "MISSED"
    print(f"mask with tissue beside the mask alone: {ratio:.2f}, target {MOST_TIME}: {verdict}")
    return ratio <= MOST_TIME


def run(options: argparse.Namespace) -> int:
    cv2.setNumThreads(2)
    met = []
    reader = tissue_map.load("cpu", weights=options.weights)
    if options.judged:
        met.append(judge(reader, options))
    if options.light:
        met.append(under_light(reader, options.light))
    if options.time:
        met.append(timed(options.time))
    return int(not all(met))


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "tissue",
        help="tissues judged by eye, under changing light, and their time",
        description="Calls the beds of configs/tissue/judged.csv; draws ulcers with the card under"
        " changing light; times the mask with and without tissue.",
    )
    parser.add_argument("--judged", type=Path, metavar="FUSEG", help="folder of FUSeg")
    parser.add_argument("--sheet", type=Path, help="JPEG of the judged crops beside what is called")
    parser.add_argument("--light", type=int, default=0, metavar="N", help="so many drawn ulcers")
    parser.add_argument("--time", type=int, default=0, metavar="N", help="so many photographs")
    parser.add_argument("--weights", type=Path, help="other weights (ONNX)")
    parser.set_defaults(run=run)
