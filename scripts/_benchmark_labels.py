"""How far two groups of annotators agree on the same feet (FUSeg, DFUTissue)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from woundseg import datasets
from woundseg.classes import CALLUS, GRANULATION, SLOUGH
from woundseg.datasets.dfutissue import photograph_of
from woundseg.tissue import pieces

NAMES = {GRANULATION: "granulation", SLOUGH: "slough"}


def run(options: argparse.Namespace) -> int:
    crops = datasets.open_tissue("dfutissue", options.crops)
    photographs = datasets.open("fuseg", options.photographs)
    known = {sample.id: sample for sample in photographs.samples("train")}
    samples = [sample for sample in crops.samples("train") if sample.label_path]
    labels, outlines = [], []
    for sample in samples:
        photograph = known[photograph_of(sample.id)]
        pixels, label = crops.read(sample)
        mask = photographs.read(photograph)[1]
        if label is None or mask is None:
            sys.exit(f"{sample.id}: a label is missing")
        labels.append(label.ravel())
        box = pieces.place_of(sample, photograph)
        outlines.append(pieces.cut(mask, box, pixels).ravel())
    label, outline = np.concatenate(labels), np.concatenate(outlines)
    bed = np.isin(label, tuple(NAMES))
    both = int((bed & outline).sum())
    empty = int((outline & ~bed & (label != CALLUS)).sum())
    print(f"{len(samples)} crops, pixels of all together")
    print(f"bed by DFUTissue {bed.sum():,}, by FUSeg {outline.sum():,}, by both {both:,}")
    print(f"  Dice of the two: {2 * both / (bed.sum() + outline.sum()):.3f}")
    print(
        f"  where DFUTissue leaves bed without a label inside FUSeg's outline ({empty:,}), that "
        f"left out: {2 * both / (bed.sum() + outline.sum() - empty):.3f}"
    )
    print("Dice of a caller that is right wherever FUSeg has bed, and calls none elsewhere:")
    for tissue, name in NAMES.items():
        inside, whole = (label == tissue) & outline, label == tissue
        print(f"  {name:<12} {2 * inside.sum() / (inside.sum() + whole.sum()):.3f}")
    return 0


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "labels",
        help="how far FUSeg's outlines and DFUTissue's tissues agree on the same feet",
        description="Lays FUSeg's outlines over DFUTissue's crops of the same photographs: what "
        "one group of annotators calls bed beside what the other does.",
    )
    parser.add_argument("photographs", type=Path, help="folder of FUSeg")
    parser.add_argument("crops", type=Path, help="folder of DFUTissue")
    parser.set_defaults(run=run)
