"""Draws toy data sets in the published layouts: discs of skin colour, ulcers of counted area."""

from pathlib import Path

import cv2
import numpy as np

SKIN = (200, 160, 140)
WOUND = (150, 40, 40)
FUSEG_SIDE = 64
MEDETEC_SIDE = 32


def photograph(side: int, ulcer: np.ndarray) -> np.ndarray:
    """RGB uint8 (side, side, 3): skin everywhere, wound colour under the mask."""
    pixels = np.full((side, side, 3), SKIN, np.uint8)
    pixels[ulcer] = WOUND
    return pixels


def rectangle(side: int, height: int, width: int) -> np.ndarray:
    """Bool (side, side) with height × width pixels of ulcer from row 4, column 6."""
    mask = np.zeros((side, side), bool)
    mask[4 : 4 + height, 6 : 6 + width] = True
    return mask


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    bgr = array[..., ::-1] if array.ndim == 3 else array
    done, data = cv2.imencode(path.suffix, bgr)
    if not done:
        raise OSError(path)
    path.write_bytes(data.tobytes())


def save_pair(folder: Path, stem: str, mask: np.ndarray, *, kind: str, value: int = 255) -> None:
    save(folder / "images" / f"{stem}{kind}", photograph(len(mask), mask))
    grey = mask.astype(np.uint8) * value
    save(folder / "labels" / f"{stem}.png", np.dstack([grey, grey, grey]))


def draw_fuseg(root: Path, kind: str = ".png") -> Path:
    """Train 0011 to 0014 (0013 without ulcer), validation 0101, test 0201; folds for train."""
    sizes = {"0011": (5, 7), "0012": (5, 7), "0013": (0, 0), "0014": (10, 20)}
    for stem, (height, width) in sizes.items():
        mask = rectangle(FUSEG_SIDE, height, width)
        save_pair(root / "train", stem, mask, kind=kind)
    save_pair(root / "validation", "0101", rectangle(FUSEG_SIDE, 3, 3), kind=kind)
    blank = rectangle(FUSEG_SIDE, 2, 2)
    save(root / "test" / "images" / f"0201{kind}", photograph(FUSEG_SIDE, blank))
    rows = ["0011,a,0,35", "0012,a,0,35", "0013,0013,1,0", "0014,0014,1,200"]
    (root / "folds.csv").write_text("\n".join(["image,group,fold,wound_px", *rows]) + "\n")
    return root


def draw_medetec(root: Path) -> Path:
    """Two photographs and their copies, a series of two, the cut-off label; masks of 0 and 1."""
    stems = ("foot-ulcer-0001", "foot-ulcer-0001_1", "foot-ulcer-2-1", "foot-ulcer-2-2_3")
    for stem in (*stems, "foot-ulcer1-8", "foot-ulcer1-8_3"):
        save_pair(root / "train", stem, rectangle(MEDETEC_SIDE, 4, 5), kind=".png", value=1)
    cut = root / "train" / "labels" / "foot-ulcer1-8_3.png"
    cut.write_bytes(cut.read_bytes()[:60])
    save_pair(root / "test", "foot-ulcer-0001", rectangle(MEDETEC_SIDE, 4, 5), kind=".png", value=1)
    return root


def draw_folder(root: Path) -> Path:
    """Two photographs of your own, flat, JPEG beside PNG masks of one channel."""
    for stem in ("p01_v1", "p02_v1"):
        mask = rectangle(FUSEG_SIDE, 6, 6)
        save(root / "images" / f"{stem}.jpg", photograph(FUSEG_SIDE, mask))
        save(root / "labels" / f"{stem}.png", mask.astype(np.uint8) * 255)
    return root


FEET = {"unsplash_000": 0, "unsplash_001": 1, "nails_000": 0, "nails_001": 1, "floor_000": 1}
"""Fold of each photograph; the source is what stands before the number."""


def draw_feet(root: Path) -> Path:
    """Five photographs of three sources without an ulcer, JPEG of 48 × 64 px, and ``feet.csv``."""
    rows = []
    for stem, fold in FEET.items():
        bare = rectangle(FUSEG_SIDE, 0, 0)
        save(root / "images" / f"{stem}.jpg", photograph(FUSEG_SIDE, bare)[:48])
        rows.append(f"{stem}.jpg,{stem.split('_')[0]},{stem},{fold},64,48")
    (root / "feet.csv").write_text(
        "\n".join(["image,source,group,fold,width,height", *rows]) + "\n"
    )
    return root


FIBRIN, GRANULATION, CALLUS = 1, 2, 3
"""Values in DFUTissue's label maps."""


def tissue_map(side: int) -> np.ndarray:
    """Uint8 (side, side): 20 × 24 px of callus, in it 10 × 12 granulation, in that 4 × 5 fibrin."""
    values = np.zeros((side, side), np.uint8)
    values[4:24, 6:30] = CALLUS
    values[8:18, 10:22] = GRANULATION
    values[10:14, 12:17] = FIBRIN
    return values


def draw_dfutissue(root: Path, kind: str = ".png") -> Path:
    """TrainVal 0011 to 0013 (the last in the validation list), Test 0014, Unlabeled 0020.

    FUSeg's fold table lies beside, as ``../fuseg/folds.csv``; it does not know 0014 (of 0013).
    """
    original = root / "Labeled" / "Original"
    for folder, stems in {"TrainVal": ("0011", "0012", "0013"), "Test": ("0014",)}.items():
        for number, stem in enumerate(stems):
            values = tissue_map(48 + number)
            save(original / "Images" / folder / f"{stem}.png", photograph(48 + number, values > 0))
            save(original / "Annotations" / folder / f"{stem}.png", values)
    save(root / "Unlabeled" / f"0020{kind}", photograph(64, rectangle(64, 9, 9)))
    (root / "Labeled" / "labeled_train_names.txt").write_text("0012\n0011\n")
    (root / "Labeled" / "labeled_val_names.txt").write_text("0013\n")
    rows = ["0012,a,3", "0013,0013,1", "0015,0015,0", "0021,b,2"]
    (root.parent / "fuseg").mkdir(parents=True, exist_ok=True)
    table = "\n".join(["image,group,fold", *rows]) + "\n"
    (root.parent / "fuseg" / "folds.csv").write_text(table)
    return root


WOUND_COLOURS = {
    "background": (0, 0, 255),
    "granulation": (255, 0, 0),
    "slough": (255, 255, 0),
    "maceration": (255, 255, 255),
    "necrosis": (0, 0, 0),
    "tendon": (135, 206, 235),
    "bone": (255, 253, 208),
}


def wound_map(scale: int = 1, colours: dict[str, tuple] = WOUND_COLOURS) -> np.ndarray:
    """RGB uint8 (60, 80) × scale: a wound of 40 × 60 px with an edge of maceration, 4 px wide.

    In it 16 × 20 slough that touches the edge, 10 × 10 necrosis, 6 × 8 tendon and 5 × 6 bone.
    """
    pixels = np.full((60 * scale, 80 * scale, 3), colours["background"], np.uint8)
    for name, top, left, height, width in (
        ("maceration", 10, 10, 40, 60),
        ("granulation", 14, 14, 32, 52),
        ("slough", 14, 14, 16, 20),
        ("necrosis", 20, 40, 10, 10),
        ("tendon", 36, 20, 6, 8),
        ("bone", 36, 50, 5, 6),
    ):
        pixels[top * scale : (top + height) * scale, left * scale : (left + width) * scale] = (
            colours[name]
        )
    return pixels


def draw_woundtissue(root: Path) -> Path:
    """Two photographs as published: ``img (1)`` and ``img (2)``."""
    for number in (1, 2):
        labels = wound_map()
        skin = np.full_like(labels, SKIN)
        skin[(labels != WOUND_COLOURS["background"]).any(axis=2)] = WOUND
        save(root / "image" / f"img ({number}).png", skin)
        save(root / "label" / f"img ({number}).png", labels)
    return root


if __name__ == "__main__":
    import sys

    target = Path(sys.argv[1])
    draws = (draw_fuseg, draw_medetec, draw_feet, draw_folder, draw_dfutissue, draw_woundtissue)
    for draw in draws:
        draw(target / draw.__name__.removeprefix("draw_"))
