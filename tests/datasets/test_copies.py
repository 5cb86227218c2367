"""Copies and crops of drawn pictures are found, and others are not."""

import csv
import io
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import toy
from hypothesis import given, settings
from hypothesis import strategies as st

from woundseg.datasets import copies
from woundseg.datasets.base import Sample
from woundseg.datasets.copies import Pair, Search, find_crops, folds_of, same_photographs, trimmed
from woundseg.datasets.folds import FoldRow
from woundseg.errors import DataSetError

SCRIPT = Path(__file__).parents[2] / "scripts" / "find_copies"


def scene(seed: int, height: int = 200, width: int = 160) -> np.ndarray:
    """RGB blobs of skin and wound colours over finer grain, no two seeds alike."""
    chance = np.random.default_rng(seed)
    layers = np.zeros((height, width, 3))
    for cells, weight in ((4, 70), (12, 40), (40, 25)):
        coarse = chance.normal(size=(cells, cells, 3))
        layers += weight * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(layers + np.array([170, 130, 110]), 20, 255).astype(np.uint8)


def padded(pixels: np.ndarray, side: int) -> np.ndarray:
    height, width = pixels.shape[:2]
    return np.pad(pixels, [(0, side - height), (0, side - width), (0, 0)])


def saved(path: Path, pixels: np.ndarray) -> Sample:
    toy.save(path, pixels)
    return Sample(path.stem, path, None, path.stem, None)


@pytest.fixture
def photographs(tmp_path):
    """Six of 160 × 200 px, padded with black to 220 × 220."""
    return [
        saved(tmp_path / "photos" / f"{seed:04d}.png", padded(scene(seed), 220))
        for seed in range(6)
    ]


def cut(photograph: Sample, box: tuple[int, int, int, int], scale: float) -> np.ndarray:
    """The box (top, left, height, width) of a photograph, reduced by ``scale``."""
    top, left, height, width = box
    whole = cv2.imread(str(photograph.image_path))[..., ::-1]
    piece = np.ascontiguousarray(whole[top : top + height, left : left + width])
    size = (round(width / scale), round(height / scale))
    return cv2.resize(piece, size, interpolation=cv2.INTER_AREA)


class TestWholePhotographs:
    def test_smaller_jpegs_of_other_padding_are_found(self, tmp_path, photographs):
        copied = [
            saved(
                tmp_path / "copies" / f"c{seed}.jpg",
                padded(cv2.resize(scene(seed), (80, 100), interpolation=cv2.INTER_AREA), 112),
            )
            for seed in (4, 1)
        ]
        strangers = [saved(tmp_path / "copies" / f"s{n}.png", scene(n)) for n in range(20, 30)]
        pairs = same_photographs([*strangers, *copied], photographs)
        assert {(pair.picture, pair.photograph) for pair in pairs} == {
            ("c4", "0004"),
            ("c1", "0001"),
        }
        for pair in pairs:
            assert pair.correlation > copies.MIN_CORRELATION
            assert pair.scale == pytest.approx(2, abs=0.1)
            assert (pair.mirrored, pair.turned_deg) == (False, 0)
            # The padding begins at row 200 and column 160; three pixels go with it.
            assert (pair.x_px, pair.y_px, pair.width_px, pair.height_px) == (0, 0, 157, 197)

    @pytest.mark.parametrize("mirrored", [False, True])
    @pytest.mark.parametrize("quarters", [0, 1, 2, 3])
    def test_mirrored_and_turned_copies_are_found(self, tmp_path, mirrored, quarters):
        """The photograph is the picture, mirrored and then turned."""
        picture = scene(7)
        turned = np.rot90(picture[:, ::-1] if mirrored else picture, quarters)
        (pair,) = same_photographs(
            [saved(tmp_path / "a.png", picture)],
            [saved(tmp_path / "b.png", np.ascontiguousarray(turned))],
        )
        assert (pair.mirrored, pair.turned_deg) == (mirrored, 90 * quarters)
        assert pair.correlation == 1

    def test_within_one_set_each_pair_is_told_once_and_none_with_itself(self, photographs):
        twin = saved(photographs[0].image_path.with_name("twin.png"), padded(scene(2), 220))
        everything = [*photographs, twin]
        pairs = same_photographs(everything, everything)
        assert [{pair.picture, pair.photograph} for pair in pairs] == [{"0002", "twin"}]

    def test_like_hashes_alone_make_no_pair(self, tmp_path, monkeypatch):
        monkeypatch.setattr(copies, "MAX_BITS", 63)  # everything is near
        ours, theirs = (saved(tmp_path / f"{n}.png", scene(n)) for n in (1, 2))
        assert same_photographs([ours], [theirs]) == []

    def test_black_pictures_are_like_nothing(self, tmp_path):
        black = [saved(tmp_path / f"{name}.png", np.zeros((40, 40, 3), np.uint8)) for name in "ab"]
        assert same_photographs(black[:1], black[1:]) == []
        assert same_photographs([], black) == []

    def test_a_file_that_does_not_decode_is_named(self, tmp_path):
        broken = tmp_path / "a.png"
        broken.write_bytes(b"no picture")
        with pytest.raises(DataSetError, match=r"a\.png: cannot be decoded"):
            same_photographs([Sample("a", broken, None, "a", None)], [])


class TestTrimming:
    def test_padding_goes_with_its_rim_and_the_first_pixel_is_told(self):
        pixels = np.pad(np.full((30, 40, 3), 90, np.uint8), [(5, 7), (0, 9), (0, 0)])
        kept, x, y = trimmed(pixels)
        assert (x, y) == (0, 5 + copies.RIM)
        assert kept.shape == (30 - 2 * copies.RIM, 40 - copies.RIM, 3)
        assert (kept == 90).all()

    def test_a_strip_thinner_than_its_rims_keeps_its_rows(self):
        pixels = np.zeros((20, 20, 3), np.uint8)
        pixels[8:12] = 200
        kept, x, y = trimmed(pixels)
        assert (kept.shape, x, y) == ((20, 20, 3), 0, 0)

    @settings(deadline=None, max_examples=40)
    @given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1))
    def test_what_is_left_is_part_of_the_picture(self, height, width, seed):
        chance = np.random.default_rng(seed)
        shown = chance.integers(0, 2, (height, width, 1)) * 200
        pixels = np.repeat(shown, 3, axis=2).astype(np.uint8)
        kept, x, y = trimmed(pixels)
        assert kept.size > 0
        assert np.array_equal(kept, pixels[y : y + kept.shape[0], x : x + kept.shape[1]])


class TestCrops:
    @pytest.mark.parametrize("scale", [1.0, 1.2, 1.6, 0.9])
    def test_a_crop_is_found_with_its_place_and_scale(self, tmp_path, photographs, scale):
        crop = cut(photographs[3], (61, 40, 84, 72), scale)
        sample = saved(tmp_path / "crops" / "crop.jpg", crop)
        (pair,) = find_crops([sample], photographs)
        assert (pair.picture, pair.photograph) == ("crop", "0003")
        assert pair.x_px == pytest.approx(40, abs=2)
        assert pair.y_px == pytest.approx(61, abs=2)
        assert pair.width_px == pytest.approx(72, abs=2)
        assert pair.height_px == pytest.approx(84, abs=2)
        assert pair.scale == pytest.approx(scale, rel=0.02)
        assert pair.correlation > 0.97

    def test_black_padding_of_a_crop_is_left_out(self, tmp_path, photographs):
        crop = padded(cut(photographs[0], (20, 30, 90, 96), 1.2), 128)
        sample = saved(tmp_path / "crops" / "crop.jpg", crop)
        (pair,) = find_crops([sample], photographs, Search(scales=(1.2,)))
        assert pair.photograph == "0000"
        assert (pair.x_px, pair.y_px) == (pytest.approx(30, abs=2), pytest.approx(20, abs=2))

    def test_a_crop_of_another_photograph_is_in_none(self, tmp_path, photographs):
        sample = saved(tmp_path / "crops" / "stranger.png", scene(99)[40:120, 30:100])
        assert find_crops([sample], photographs) == []

    def test_a_photograph_twice_gives_two_pairs(self, tmp_path, photographs):
        twin = saved(tmp_path / "photos" / "twin.png", padded(scene(2), 220))
        sample = saved(tmp_path / "crop.png", cut(photographs[2], (50, 50, 80, 80), 1.2))
        pairs = find_crops([sample], [*photographs, twin], Search(scales=(1.2,)))
        assert sorted(pair.photograph for pair in pairs) == ["0002", "twin"]

    @pytest.mark.parametrize("shape", [(40, 40), (300, 300), (30, 300), (4, 4)])
    def test_a_flat_crop_and_one_that_does_not_fit_are_in_none(self, tmp_path, photographs, shape):
        flat = saved(tmp_path / "flat.png", np.full((*shape, 3), 128, np.uint8))
        grain = saved(tmp_path / "grain.png", scene(5, *shape))
        assert find_crops([flat], photographs) == []
        if shape != (40, 40):
            assert find_crops([grain], photographs) == []

    def test_progress_is_told(self, tmp_path, photographs):
        seen = []
        crops = [saved(tmp_path / f"c{n}.png", scene(n)[:60, :60]) for n in (0, 50)]
        find_crops(crops, photographs, Search(scales=(1.0,)), lambda *told: seen.append(told))
        assert seen == [(1, 2), (2, 2)]


def pair(picture, photograph, correlation=0.99):
    return Pair(picture, photograph, 1, 2, 30, 40, 1.2, False, 0, correlation)


FOLDS = {"0002": FoldRow("a", 3), "0003": FoldRow("a", 3), "0004": FoldRow("0004", 1)}


class TestFolds:
    def test_a_crop_has_group_and_fold_of_its_photograph(self):
        pairs = [pair("0001", "0002"), pair("0003", "0004"), pair("0008", "0009")]
        assert folds_of(pairs, FOLDS) == {
            "0001": FoldRow("a", 3),
            "0003": FoldRow("0004", 1),
        }

    def test_copies_of_one_photograph_in_one_fold_are_no_fault(self):
        pairs = [pair("0001", "0003"), pair("0001", "0002")]
        assert folds_of(pairs, FOLDS) == {"0001": FoldRow("a", 3)}

    def test_photographs_of_two_folds_are_refused(self):
        with pytest.raises(DataSetError, match="0001: shows photographs of folds 3 and 1"):
            folds_of([pair("0001", "0002"), pair("0001", "0004")], FOLDS)

    def test_the_table(self):
        rows = list(
            csv.DictReader(
                io.StringIO(copies.to_csv([pair("0001", "0002"), pair("7", "8")], FOLDS))
            )
        )
        assert [row["fold"] for row in rows] == ["3", ""]
        assert rows[0]["picture"] == "0001"
        assert (rows[0]["x_px"], rows[0]["height_px"], rows[0]["correlation"]) == (
            "1",
            "40",
            "0.99",
        )
        assert copies.to_csv([]) == ",".join(copies.COLUMNS) + "\n"


class TestScript:
    def run(self, *words):
        command = [sys.executable, str(SCRIPT), *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    @pytest.fixture
    def sets(self, tmp_path):
        """FUSeg's photographs 0012, 0013, 0015, and DFUTissue's crops of 0012 and 0013."""
        fuseg = tmp_path / "fuseg"
        for stem, seed in (("0012", 0), ("0013", 1), ("0015", 2)):
            toy.save(fuseg / "train" / "images" / f"{stem}.png", padded(scene(seed), 220))
            toy.save(fuseg / "train" / "labels" / f"{stem}.png", np.zeros((220, 220), np.uint8))
        table = "image,group,fold\n0012,0012,0\n0013,0013,4\n0015,0015,1\n"
        (fuseg / "folds.csv").write_text(table)
        original = tmp_path / "dfutissue" / "Labeled" / "Original"
        for stem, seed in (("0011", 0), ("0012", 2), ("0019", 77)):
            crop = cv2.resize(scene(seed)[30:132, 20:122], (85, 85), interpolation=cv2.INTER_AREA)
            toy.save(original / "Images" / "TrainVal" / f"{stem}.png", crop)
            toy.save(original / "Annotations" / "TrainVal" / f"{stem}.png", crop[..., 0] * 0)
        return f"dfutissue={tmp_path / 'dfutissue'}", f"fuseg={fuseg}"

    def test_pairs_folds_and_what_is_not_as_named(self, sets, tmp_path):
        out = tmp_path / "pairs.csv"
        done = self.run("crops", *sets, "--scales", 1.2, "--out", out)
        assert done.returncode == 0, done.stderr
        rows = list(csv.DictReader(out.open()))
        assert [(r["picture"], r["photograph"], r["fold"]) for r in rows] == [
            ("0011", "0012", "0"),
            ("0012", "0015", "1"),
        ]
        assert abs(int(rows[0]["x_px"]) - 20) <= 1
        assert abs(int(rows[0]["y_px"]) - 30) <= 1
        told = done.stdout.splitlines()
        assert told[0] == "2 of 3 pictures show one of 3 photographs"
        assert told[2] == "in none: 0019"
        assert told[3] == "1 of 2 lie in the photograph numbered one more"
        assert told[4].startswith("  0012 lies in 0015 (0.9")
        assert told[5] == "pictures by their photograph's fold: 1 in fold 0, 1 in fold 1"
        # By its name 0012 is of photograph 0013, and so of fold 4.
        assert told[6] == "in another fold than their photograph: 0012"

    def test_a_crop_in_two_copies_of_its_photograph_is_as_named(self, sets, tmp_path):
        images = tmp_path / "fuseg" / "train" / "images"
        shutil.copy(images / "0012.png", images / "0009.png")
        labels = images.parent / "labels"
        shutil.copy(labels / "0012.png", labels / "0009.png")
        done = self.run("crops", *sets, "--scales", 1.2)
        assert done.stdout.splitlines()[3] == "1 of 2 lie in the photograph numbered one more"
        assert "3 pairs" in done.stdout

    def test_whole_photographs(self, sets):
        done = self.run("whole", sets[1], sets[1])
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("0 of 3 pictures show one of 3 photographs")

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("whole", "fuseg", "fuseg"), "fuseg: names no folder. Write NAME=FOLDER."),
            (("crops", "fuseg=nowhere", "fuseg=nowhere"), "nowhere: there is no such folder"),
        ],
    )
    def test_faults_are_told_on_one_line(self, words, told):
        done = self.run(*words)
        assert done.returncode == 2
        assert done.stderr.startswith(told)
        assert done.stderr.count("\n") == 1
