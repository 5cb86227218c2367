"""Predictions beside labels over a data set: figures, a table a photograph, the worst in view.

Predictions come from a folder or a CSV of masks made earlier (out of fold), or from a network
called photograph by photograph.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg import contact, datasets, files, metrics, segment
from woundseg.datasets.base import IMAGE_SUFFIXES, DataSet, LabelledSet, Sample, limited
from woundseg.engines import Device, Precision
from woundseg.errors import DataSetError, TableError, UsageError

BoolMask = NDArray[np.bool_]
ByteImage = NDArray[np.uint8]
FloatMap = NDArray[np.float32]

NAMED_IN_MESSAGE = 3
FULL_SCALE = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}
COLUMNS = (
    *("id", "group", "fold", "label_px", "predicted_px", "common_px"),
    *("dice", "iou", "precision", "recall", "hd95_px", "assd_px"),
)
"""Of per_photo.csv; blank is undefined."""


class Predictions(Protocol):
    """Where predictions come from."""

    source: str
    """What to call them in the report."""

    def expect(self, samples: Sequence[Sample]) -> None:
        """Raise when a sample has no prediction, before any work starts."""

    def __call__(self, sample: Sample, pixels: ByteImage) -> FloatMap:
        """Ulcer probability, float32 (H, W), 0 to 1, of a photograph uint8 RGB (H, W, 3)."""

    def finish(self) -> None:
        """Raise when, with all of them seen, they cannot have been what was meant."""


@dataclass(frozen=True)
class EvaluateOptions:
    """What to evaluate and how.

    Attributes:
        split: of the data set.
        folds: only photographs of these folds; all when empty.
        limit: no more of them than this, spread over the set; None takes all.
        threshold: probability above which a pixel is ulcer.
        min_ulcer_px: smaller pieces of a prediction are no ulcers [px]; 0 keeps all.
        worst: photographs on the contact sheet.
        bootstrap: draws, seed and level of the intervals.
    """

    split: str = "train"
    folds: tuple[int, ...] = ()
    limit: int | None = None
    threshold: float = 0.5
    min_ulcer_px: int = 0
    worst: int = 20
    bootstrap: metrics.Bootstrap = field(default_factory=metrics.Bootstrap)


@dataclass(frozen=True)
class DataSource:
    """Where the data set lies (``configs/data``)."""

    name: str
    root: str
    folds_csv: str | None = None
    ulcer_value: int | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Evaluation:
    """A run of ``woundseg evaluate``, as ``configs/evaluate.yaml`` lays it out."""

    data: DataSource
    out: str
    predictions: str | None
    weights: str | None
    device: Device
    precision: Precision
    split: str
    folds: list[int]
    seed: int
    bootstrap_draws: int
    threshold: float
    min_ulcer_px: int | None
    worst: int
    keep: str | None


@dataclass(frozen=True)
class Report:
    """What came out, with all that must be said beside it."""

    data_set: str
    predictions: str
    options: EvaluateOptions
    counts: metrics.Counts
    estimates: tuple[metrics.Estimate, ...]
    scores: tuple[metrics.PhotoScore, ...]
    sources: dict[str, metrics.Counts] = field(default_factory=dict)
    """Counts of each source, where the set names several."""

    def __getitem__(self, name: str) -> metrics.Estimate:
        """The figure of this name, such as ``dice_pooled``."""
        return {estimate.name: estimate for estimate in self.estimates}[name]

    def worst(self) -> list[metrics.PhotoScore]:
        """The photographs with the lowest Dice, the largest ulcer first among equals."""
        ranked = sorted(self.scores, key=lambda s: (s.dice, -max(s.label_px, s.predicted_px), s.id))
        return ranked[: self.options.worst]

    def to_dict(self) -> dict[str, Any]:
        """The content of metrics.json: undefined figures are null."""
        options = self.options
        return {
            "data_set": self.data_set,
            "split": options.split,
            "folds": list(options.folds) or "all",
            "predictions": self.predictions,
            "threshold": options.threshold,
            "min_ulcer_px": options.min_ulcer_px,
            "empty_masks": metrics.EMPTY_RULE,
            "bootstrap": {"method": "percentile, groups drawn", **asdict(options.bootstrap)},
            "counts": asdict(self.counts),
            "sources": {source: asdict(counts) for source, counts in self.sources.items()},
            "figures": {estimate.name: _without_name(estimate) for estimate in self.estimates},
        }

    def text(self) -> str:
        """A table to read: each figure with how, over which photographs, n and interval."""
        lines = [*_heading(self), "", row("figure", "how", "over", "n", "value", "interval")]
        return "\n".join(lines + [line(estimate) for estimate in self.estimates])


def run(
    evaluation: Evaluation, progress: Callable[[int, int], None] = lambda done, of: None
) -> Report:
    """Runs one evaluation and writes its files; gives the report.

    Raises:
        WoundsegError: as ``evaluate`` and ``write`` do; a device that is not there.
    """
    source = evaluation.data
    own = {} if source.ulcer_value is None else {"ulcer_value": source.ulcer_value}
    data = datasets.open(source.name, source.root, folds=source.folds_csv, **own)
    predictions, smallest = _predictions(evaluation)
    options = EvaluateOptions(
        split=evaluation.split,
        folds=tuple(evaluation.folds),
        limit=source.limit,
        threshold=evaluation.threshold,
        min_ulcer_px=smallest if evaluation.min_ulcer_px is None else evaluation.min_ulcer_px,
        worst=evaluation.worst,
        bootstrap=metrics.Bootstrap(evaluation.bootstrap_draws, evaluation.seed),
    )
    report = evaluate(data, predictions, options, progress)
    write(report, data, predictions, Path(evaluation.out))
    return report


def _predictions(evaluation: Evaluation) -> tuple[Predictions, int]:
    """What to evaluate, and the size below which its pieces are no ulcers."""
    if evaluation.predictions is not None:
        return predictions_at(evaluation.predictions), 0
    weights = None if evaluation.weights is None else Path(evaluation.weights)
    segmenter = segment.load(evaluation.device, evaluation.precision, weights)
    name = f"{segmenter.model.name} {segmenter.model.version} ({segmenter.model.sha256[:12]})"
    network = Network(lambda pixels: segmenter(pixels).probability, name)
    if evaluation.keep is None:
        return network, segmenter.min_ulcer_px
    return Kept(network, Path(evaluation.keep)), segmenter.min_ulcer_px


def evaluate(
    data: DataSet,
    predictions: Predictions,
    options: EvaluateOptions | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Report:
    """Compare predictions with labels, photograph by photograph, and sum up.

    Args:
        data: the data set.
        predictions: ``folder``, ``table`` or ``network`` of this module.
        options: what and how; None takes the defaults.
        progress: told how many photographs are done, of how many.

    Raises:
        DataSetError: the split is not there or has no labels, or predictions are missing.
        UsageError: a fold has no photograph, or a prediction is not of its photograph's size.
    """
    options = options or EvaluateOptions()
    samples = limited(chosen(data, options.split, options.folds), options.limit)
    predictions.expect(samples)
    scores = []
    for done, sample in enumerate(samples, start=1):
        pixels, label = data.read(sample)
        if label is None:
            continue
        predicted = _mask(predictions(sample, pixels), options)
        scores.append(
            metrics.score(label, predicted, photo=sample.id, group=sample.group, fold=sample.fold)
        )
        progress(done, len(samples))
    predictions.finish()
    return Report(
        data_set=data.title,
        predictions=predictions.source,
        options=options,
        counts=metrics.counts(scores),
        estimates=metrics.summarise(scores, options.bootstrap),
        scores=tuple(scores),
        sources=_by_source(samples, scores),
    )


def _by_source(
    samples: Sequence[Sample], scores: Sequence[metrics.PhotoScore]
) -> dict[str, metrics.Counts]:
    source_of = {sample.id: sample.source for sample in samples}
    return {
        source: metrics.counts([score for score in scores if source_of[score.id] == source])
        for source in sorted(set(source_of.values()) - {""})
    }


def chosen(data: LabelledSet[Any], split: str, folds: Sequence[int]) -> list[Sample]:
    """The labelled photographs of the split and folds asked for.

    Raises:
        DataSetError: there is no split of that name, or none of its photographs has a label.
        UsageError: a fold has no photograph.
    """
    samples = [sample for sample in data.samples(split) if sample.labelled]
    if not samples:
        raise DataSetError(
            data.root, f"split {split!r} has no labels to compare with", "Take another"
        )
    known = sorted({sample.fold for sample in samples if sample.fold is not None})
    absent = [fold for fold in folds if fold not in known]
    if absent:
        raise UsageError(
            f"folds={list(folds)}",
            f"no photograph is of fold {absent[0]} (folds: {known})",
            "Name folds of folds.csv",
        )
    return [s for s in samples if not folds or s.fold in folds]


def write(report: Report, data: DataSet, predictions: Predictions, out: Path) -> list[Path]:
    """Write metrics.json, per_photo.csv and worst.jpg into ``out``; gives their paths.

    Raises:
        OutputError: they cannot be written.
    """
    folder = files.make_folder(out)
    paths = [folder / name for name in ("metrics.json", "per_photo.csv", "worst.jpg")]
    files.write_text(paths[0], json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n")
    files.write_text(paths[1], per_photo_csv(report.scores))
    files.write_bytes(paths[2], contact.sheet(_tiles(report, data, predictions), _legend(report)))
    return paths


def per_photo_csv(scores: Sequence[metrics.PhotoScore]) -> str:
    """One row a photograph, ``COLUMNS``; blank is undefined."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for score in scores:
        writer.writerow([_cell(getattr(score, name)) for name in COLUMNS])
    return stream.getvalue()


class Network:
    """Predictions of a network, made when asked for.

    Args:
        segment: photograph uint8 RGB (H, W, 3) to ulcer probability float32 (H, W).
        source: what to call it in the report.
    """

    def __init__(self, segment: Callable[[ByteImage], FloatMap], source: str = "network") -> None:
        self.source = source
        self._segment = segment

    def expect(self, samples: Sequence[Sample]) -> None:
        """A network answers to every photograph."""

    def __call__(self, sample: Sample, pixels: ByteImage) -> FloatMap:
        """See ``Predictions``."""
        return self._segment(pixels)

    def finish(self) -> None:
        """A network's probabilities are taken as they are."""


class Kept:
    """Predictions written down as they are made, and read back when asked for again."""

    def __init__(self, network: Network, folder: Path) -> None:
        self.source = network.source
        self._network = network
        self._folder = files.make_folder(folder)

    def expect(self, samples: Sequence[Sample]) -> None:
        """See ``Predictions``."""
        self._network.expect(samples)

    def __call__(self, sample: Sample, pixels: ByteImage) -> FloatMap:
        """See ``Predictions``."""
        probability = self._network(sample, pixels)
        levels = np.rint(probability * 255).astype(np.uint8)
        _, encoded = cv2.imencode(".png", levels)
        files.write_bytes(self._folder / f"{sample.id}.png", encoded.tobytes())
        return probability

    def finish(self) -> None:
        """See ``Predictions``."""
        self._network.finish()


class Masks:
    """Predictions made earlier: 8- or 16-bit grey images, full scale is probability 1.

    Masks of 0 and 255 are the case with nothing between.

    Args:
        paths: by photograph id.
        source: where they come from, as the user wrote it.
    """

    def __init__(self, paths: dict[str, Path], source: str) -> None:
        self.source = source
        self._paths = paths
        self._highest = 0.0

    def expect(self, samples: Sequence[Sample]) -> None:
        """Raise a DataSetError that names every photograph without a prediction."""
        missing = [s.id for s in samples if s.id not in self._paths]
        gone = [str(p) for s in samples if (p := self._paths.get(s.id)) and not p.is_file()]
        if missing or gone:
            named = ", ".join((missing + gone)[:NAMED_IN_MESSAGE])
            raise DataSetError(
                self.source,
                f"{len(missing) + len(gone)} of {len(samples)} photographs have no prediction: "
                f"{named}",
                "Add them, or name the folds that were predicted (folds=[0,1])",
                tuple(missing + gone),
            )

    def __call__(self, sample: Sample, pixels: ByteImage) -> FloatMap:
        """See ``Predictions``."""
        path = self._paths[sample.id]
        values = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
        if values is None or values.dtype not in FULL_SCALE:
            raise DataSetError(path, "is no 8- or 16-bit image", "Write predictions as grey PNG")
        grey = values if values.ndim == 2 else values[..., 0]
        self._highest = max(self._highest, float(grey.max()))
        return (grey / FULL_SCALE[values.dtype]).astype(np.float32)

    def finish(self) -> None:
        """Masks of 0 and 1 would pass for probabilities of next to nothing."""
        if self._highest == 1:
            raise DataSetError(
                self.source, "holds no value above 1", "Write ulcer as 255, or probability × 255"
            )


def folder(path: str | Path) -> Masks:
    """Predictions as ``<id>.png`` in a folder.

    Raises:
        DataSetError: there is no such folder.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        raise DataSetError(root, "there is no such folder", "Name the folder of predicted masks")
    found = {p.stem: p for p in sorted(root.iterdir()) if p.suffix.lower() in IMAGE_SUFFIXES}
    return Masks(found, str(path))


def table(path: str | Path) -> Masks:
    """Predictions as a CSV ``id,path`` names them; paths are relative to the CSV.

    Raises:
        TableError: it cannot be read, lacks a column, or names a photograph twice.
    """
    source = Path(path).expanduser()
    try:
        with source.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        cause = f"cannot be read ({error})"
        raise TableError(source, cause, "Give a CSV with the columns id,path") from error
    if not {"id", "path"} <= set(reader.fieldnames or ()):
        raise TableError(source, "lacks the column id or path", "Name the columns id,path")
    paths: dict[str, Path] = {}
    for number, row in enumerate(rows, start=2):
        name, where = (row["id"] or "").strip(), (row["path"] or "").strip()
        if not name or not where or name in paths:
            cause = f"row {number}: id {name!r} is blank, there twice, or has no path"
            raise TableError(source, cause, "Give each photograph one row")
        paths[name] = source.parent / where
    return Masks(paths, str(path))


def predictions_at(path: str | Path) -> Masks:
    """Predictions of a folder or a CSV, whichever ``path`` is."""
    return folder(path) if Path(path).expanduser().is_dir() else table(path)


def _mask(probability: FloatMap, options: EvaluateOptions) -> BoolMask:
    ulcer: BoolMask = probability > options.threshold
    if options.min_ulcer_px <= 1 or not ulcer.any():
        return ulcer
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ulcer.astype(np.uint8), connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= options.min_ulcer_px
    keep[0] = False
    kept: BoolMask = keep[labels]
    return kept


def _tiles(report: Report, data: DataSet, predictions: Predictions) -> list[contact.Tile]:
    samples = {sample.id: sample for sample in data.samples(report.options.split)}
    tiles = []
    for score in report.worst():
        pixels, label = data.read(samples[score.id])
        if label is None:
            continue
        predicted = _mask(predictions(samples[score.id], pixels), report.options)
        caption = (
            f"{score.id}   Dice {score.dice:.3f}   "
            f"label {score.label_px:,} px, predicted {score.predicted_px:,} px"
        )
        tiles.append(contact.Tile(pixels, label, predicted, caption))
    return tiles


def _legend(report: Report) -> str:
    return (
        f"{report.data_set}, split {report.options.split}, {_folds(report.options)}: "
        f"the {len(report.worst())} lowest Dice of {report.counts.photographs} photographs"
    )


def _heading(report: Report) -> list[str]:
    counts, options = report.counts, report.options
    bootstrap = options.bootstrap
    return [
        f"{report.data_set}, split {options.split}, {_folds(options)}: {counts.photographs} "
        f"photographs in {counts.groups} groups",
        f"Predictions: {report.predictions}; ulcer above {options.threshold:g}"
        + (f", pieces under {options.min_ulcer_px} px left out" if options.min_ulcer_px else ""),
        f"{counts.label_empty} labels are empty ({counts.both_empty} of these predictions too, "
        f"{counts.false_alarm} false alarms); {counts.missed} ulcers missed altogether",
        *(
            f"  {source}: {each.false_alarm} of {each.label_empty} empty labels are false alarms"
            for source, each in report.sources.items()
        ),
        f"Rule for empty masks: {metrics.EMPTY_RULE}",
        f"Intervals: {bootstrap.level:.0%}, percentile bootstrap over groups, "
        f"{bootstrap.draws:,} draws, seed {bootstrap.seed}",
    ]


def _folds(options: EvaluateOptions) -> str:
    named = ", ".join(map(str, options.folds))
    return f"fold {named}" if named else "all folds"


def row(title: str, how: str, over: str, *numbers: str) -> str:
    """One line of the table, for figures or their headings."""
    n, value, interval = numbers
    return f"{title:<28} {how:<10} {over:<15} {n:>5}  {value:>13}  {interval}".rstrip()


def line(estimate: metrics.Estimate) -> str:
    """A figure as a line of the table."""
    unit = " px" if estimate.unit == "px" else ""
    if estimate.value is None:
        return row(estimate.title, estimate.how, estimate.over, str(estimate.n), "undefined", "")
    digits = 1 if unit else 4
    value, low, high = (
        "" if number is None else f"{number:.{digits}f}"
        for number in (estimate.value, estimate.low, estimate.high)
    )
    interval = f"{low} to {high}" if low else "no interval"
    n = str(estimate.n)
    return row(estimate.title, estimate.how, estimate.over, n, value + unit, interval)


def _without_name(estimate: metrics.Estimate) -> dict[str, Any]:
    return {key: value for key, value in asdict(estimate).items() if key != "name"}


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
