"""Tissue maps beside labels over a data set: figures, a table a crop, the worst in view.

Maps come from a folder made earlier (out of fold), or from a network called crop by crop. They
hold ids of ``woundseg.classes``.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg import contact, datasets, files, tissue_map
from woundseg.classes import BACKGROUND, LABELLED_TISSUES, OTHER
from woundseg.datasets.base import Sample, limited
from woundseg.datasets.pictures import size_fault
from woundseg.datasets.tissue import TissueSet
from woundseg.errors import DataSetError
from woundseg.evaluate import chosen, line, row
from woundseg.metrics import Bootstrap, Estimate
from woundseg.quality import QualityOptions
from woundseg.tissue import figures
from woundseg.tissue.figures import NAMES, Called, CropScore, Labels
from woundseg.tissue.window import Window, over_bed

if TYPE_CHECKING:
    from woundseg.evaluate import Evaluation

ByteImage = NDArray[np.uint8]
UNCERTAIN_BELOW = QualityOptions().tissue_sure
FOLD = "%"
"""In the name of a weight file: the number of the fold that it was not trained on."""


class Maps(Protocol):
    """Where tissue maps come from."""

    source: str

    def __call__(self, sample: Sample, pixels: ByteImage, window: Window) -> Called:
        """What is called of a picture.

        Args:
            sample: which it is.
            pixels: all of it, uint8 RGB (H, W, 3).
            window: what a network looks at; outside it nothing is called.
        """


@dataclass(frozen=True)
class TissueReport:
    """What came out, with all that must be said beside it."""

    data_set: str
    maps: str
    split: str
    folds: tuple[int, ...]
    bootstrap: Bootstrap
    estimates: tuple[Estimate, ...]
    scores: tuple[CropScore, ...]

    def __getitem__(self, name: str) -> Estimate:
        """The figure of this name, such as ``dice_pooled``."""
        return {estimate.name: estimate for estimate in self.estimates}[name]

    def worst(self, number: int) -> list[CropScore]:
        """The crops with the lowest Dice over the labelled tissues."""
        return sorted(self.scores, key=lambda s: (s.dice_all, s.id))[:number]

    def to_dict(self) -> dict[str, Any]:
        """The content of metrics.json: undefined figures are null."""
        told = [{k: v for k, v in asdict(e).items() if k != "name"} for e in self.estimates]
        sd = figures.fraction_sd(self.scores)
        parted = figures.by_sureness(self.scores, UNCERTAIN_BELOW)
        return {
            "data_set": self.data_set,
            "split": self.split,
            "folds": list(self.folds) or "all",
            "maps": self.maps,
            "bootstrap": {"method": "percentile, groups drawn", **asdict(self.bootstrap)},
            "crops": len(self.scores),
            "fraction_sd": None if math.isnan(sd) else sd,
            "tissue_uncertain": parted and {k: _or_none(v) for k, v in vars(parted).items()},
            "figures": dict(zip((e.name for e in self.estimates), told, strict=True)),
        }

    def text(self) -> str:
        """A table to read."""
        groups = len({item.group for item in self.scores})
        folds = f"fold {', '.join(map(str, self.folds))}" if self.folds else "all folds"
        heading = [
            f"{self.data_set}, split {self.split}, {folds}: {len(self.scores)} crops in "
            f"{groups} groups",
            f"Maps: {self.maps}",
            "Fractions of granulation, slough, necrosis and other; errors are absolute.",
            "inside: of the labelled bed, as in use, where another network draws the outline;",
            "in the crop: of all that was called bed",
            f"Intervals: {self.bootstrap.level:.0%}, percentile bootstrap over groups, "
            f"{self.bootstrap.draws:,} draws, seed {self.bootstrap.seed}",
            "",
            row("figure", "how", "over", "n", "value", "interval"),
        ]
        rows = (line(estimate) for estimate in self.estimates)
        return "\n".join([*heading, *rows, *self._last_lines()])

    def _last_lines(self) -> Iterator[str]:
        sd = figures.fraction_sd(self.scores)
        if math.isnan(sd):
            yield "fraction_sd undefined: no bed is labelled"
            return
        yield f"fraction_sd {sd:.2f}: 95% of the fractions of labelled bed lie in such intervals"
        if parted := figures.by_sureness(self.scores, UNCERTAIN_BELOW):
            yield (
                f"tissue_uncertain (mean sureness below {parted.limit:g}): {parted.flagged} crops, "
                f"larger error of a fraction {parted.flagged_error:.3f} on average; the other "
                f"{parted.others}: {parted.others_error:.3f}"
            )


def run(
    evaluation: Evaluation, progress: Callable[[int, int], None] = lambda done, of: None
) -> TissueReport:
    """Runs one evaluation of tissue and writes its files; gives the report.

    Raises:
        WoundsegError: the data set is not there, or a map is missing or of another size.
    """
    source = evaluation.data
    data = datasets.open_tissue(source.name, source.root, folds=source.folds_csv)
    samples = limited(chosen(data, evaluation.split, evaluation.folds), evaluation.data.limit)
    maps = _maps(evaluation)
    scores = []
    for done, sample in enumerate(samples, start=1):
        pixels, label = data.read(sample)
        if label is not None:
            named = {"crop": sample.id, "group": sample.group}
            called = maps(sample, pixels, _window(data, label))
            labels = Labels(label, data.tissues, data.unlabelled_counts)
            scores.append(figures.score(labels, called, **named, fold=sample.fold))
        progress(done, len(samples))
    bootstrap = Bootstrap(evaluation.bootstrap_draws, evaluation.seed)
    report = TissueReport(
        data_set=data.title,
        maps=maps.source,
        split=evaluation.split,
        folds=tuple(evaluation.folds),
        bootstrap=bootstrap,
        estimates=figures.summarise(scores, bootstrap),
        scores=tuple(scores),
    )
    _write(report, data, maps, evaluation)
    return report


def _window(data: TissueSet, label: ByteImage) -> Window:
    """What a network is shown of a picture: all of a crop; of a photograph, the bed's window."""
    whole = slice(0, label.shape[0]), slice(0, label.shape[1])
    return whole if data.cut_from else over_bed(label)


def _maps(evaluation: Evaluation) -> Maps:
    if evaluation.predictions is not None:
        return Folder(Path(evaluation.predictions).expanduser())
    network: Network | ByFold
    if evaluation.weights is not None and FOLD in evaluation.weights:
        network = ByFold(evaluation)
    else:
        weights = None if evaluation.weights is None else Path(evaluation.weights)
        network = Network(tissue_map.load(evaluation.device, evaluation.precision, weights))
    return network if evaluation.keep is None else Kept(network, Path(evaluation.keep))


class Network:
    """Maps of a network, made when asked for."""

    def __init__(self, reader: tissue_map.TissueReader) -> None:
        self._reader = reader
        self.source = f"{reader.model.name} {reader.model.version} ({reader.model.sha256[:12]})"

    def __call__(self, sample: Sample, pixels: ByteImage, window: Window) -> Called:
        """See ``Maps``."""
        probability = self._reader.look(pixels[window])
        classes = np.full(pixels.shape[:2], BACKGROUND, np.uint8)
        bed, sure = np.full(pixels.shape[:2], OTHER, np.uint8), np.zeros(pixels.shape[:2], np.uint8)
        classes[window] = tissue_map.called(probability)
        bed[window], sure[window] = tissue_map.told(probability)
        return Called(classes, bed, sure)


class ByFold:
    """Each crop by the network that was trained without its fold."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.source = f"{evaluation.weights}, {FOLD} is the crop's own fold, not trained on"
        self._evaluation = evaluation
        self._networks: dict[int | None, Network] = {}

    def __call__(self, sample: Sample, pixels: ByteImage, window: Window) -> Called:
        """See ``Maps``."""
        if sample.fold not in self._networks:
            asked = self._evaluation
            weights = Path(str(asked.weights).replace(FOLD, str(sample.fold)))
            self._networks[sample.fold] = Network(
                tissue_map.load(asked.device, asked.precision, weights)
            )
        return self._networks[sample.fold](sample, pixels, window)


class Kept:
    """Maps written down as they are made."""

    def __init__(self, network: Maps, folder: Path) -> None:
        self.source = network.source
        self._network = network
        self._folder = files.make_folder(folder)

    def __call__(self, sample: Sample, pixels: ByteImage, window: Window) -> Called:
        """See ``Maps``."""
        found = self._network(sample, pixels, window)
        _, encoded = cv2.imencode(".png", found.classes)
        files.write_bytes(self._folder / f"{sample.id}.png", encoded.tobytes())
        return found


class Folder:
    """Maps made earlier: ``<id>.png`` in a folder, 8-bit grey."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise DataSetError(folder, "there is no such folder", "Name the folder of maps")
        self.source = str(folder)
        self._folder = folder

    def __call__(self, sample: Sample, pixels: ByteImage, window: Window) -> Called:
        """See ``Maps``.

        Raises:
            DataSetError: there is none for this crop, or it holds something else or has another
                size.
        """
        path = self._folder / f"{sample.id}.png"
        if not path.is_file():
            raise DataSetError(path, "is not there", "Name the folds that were predicted")
        values = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
        known = [BACKGROUND, *(tissue.id for tissue in LABELLED_TISSUES)]
        if values is None or values.ndim != 2 or not np.isin(values, known).all():
            raise DataSetError(path, "is no map of tissues", "Write ids of classes as grey PNG")
        if values.shape != pixels.shape[:2]:
            raise DataSetError(path, size_fault(pixels, values), "Write it at the crop's own size")
        return Called.of_classes(np.asarray(values, np.uint8))


# --- files ------------------------------------------------------------------------------------


def _write(report: TissueReport, data: TissueSet, maps: Maps, evaluation: Evaluation) -> None:
    folder = files.make_folder(Path(evaluation.out))
    text = json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n"
    files.write_text(folder / "metrics.json", text)
    files.write_text(folder / "per_crop.csv", per_crop_csv(report.scores))
    worst = report.worst(evaluation.worst)
    title = f"{report.data_set}: the {len(worst)} lowest Dice of {len(report.scores)} crops"
    sheet = contact.tissue_sheet(_tiles(worst, data, maps, report.split), title)
    files.write_bytes(folder / "worst.jpg", sheet)


def per_crop_csv(scores: Sequence[CropScore]) -> str:
    """One row a crop, of one at least; blank is undefined."""
    ends = ("label_px", "predicted_px", "common_px", "dice")
    tissues, in_bed = scores[0].label_px, scores[0].label_fraction
    columns = [
        "id",
        "group",
        "fold",
        *(f"{NAMES[each]}_{end}" for each in tissues for end in ends),
    ]
    columns += [f"{NAMES[e]}_{end}" for e in in_bed for end in ("label", "inside", "crop")]
    columns.append("inside_sure")
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for item in scores:
        cells: list[Any] = [item.id, item.group, item.fold]
        for each in tissues:
            cells += [item.label_px[each], item.predicted_px[each], item.common_px[each]]
            cells.append(_cell(item.dice(each)))
        for each in in_bed:
            shares = (item.label_fraction, item.inside_fraction, item.predicted_fraction)
            cells += [_cell(share[each]) for share in shares]
        cells.append(_cell(item.inside_sure))
        writer.writerow(cells)
    return stream.getvalue()


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _cell(value: float | None) -> str:
    return "" if value is None or np.isnan(value) else f"{value:.6g}"


def _tiles(
    worst: Sequence[CropScore], data: TissueSet, maps: Maps, split: str
) -> list[contact.TissueTile]:
    samples = {sample.id: sample for sample in data.samples(split)}
    tiles = []
    for item in worst:
        pixels, label = data.read(samples[item.id])
        if label is not None:
            caption = f"{item.id}   Dice {item.dice_all:.3f}"
            called = maps(samples[item.id], pixels, _window(data, label)).classes
            tiles.append(contact.TissueTile(pixels, label, called, caption))
    return tiles
