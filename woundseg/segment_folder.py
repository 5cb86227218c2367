"""Masks alone, for a folder of photographs or one file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from woundseg import colour, files, masks, measure, photo, scale
from woundseg.errors import UsageError, WoundsegError
from woundseg.records import Scale
from woundseg.scale import ScaleOptions
from woundseg.segment import Segmenter
from woundseg.visits import find_photos


@dataclass(frozen=True)
class MaskResult:
    """What became of one photograph: a mask (and a tissue map), or the error on one line."""

    photo: Path
    mask: Path | None = None
    ulcer_px: int | None = None
    tissue: Path | None = None
    error: str | None = None


def segment(
    root: Path,
    out: Path,
    segmenter: Segmenter,
    progress: Callable[[int, int], None],
    tissue: bool = False,
) -> Iterator[MaskResult]:
    """Writes ``out/<stem>.png`` for each photograph, keeping sub-folders; one result each.

    With ``tissue``, ``out/<stem>_tissue.png`` too: 0, and the ids of ``classes.TISSUES``.

    Raises:
        UsageError: no photographs, two that would write the same mask (all are named), or one
            that a mask would replace.
        OutputError: a mask cannot be written.
    """
    photos = find_photos(root, out)
    base = root if root.is_dir() else root.parent
    targets = _targets(photos, base, out, tissue)
    for done, (path, target) in enumerate(targets.items(), start=1):
        yield _segment_one(path, target, segmenter, tissue)
        progress(done, len(targets))


def _targets(photos: list[Path], base: Path, out: Path, tissue: bool) -> dict[Path, Path]:
    targets = {path: (out / path.relative_to(base)).with_suffix(".png") for path in photos}
    sources: dict[str, list[Path]] = defaultdict(list)
    for path, target in targets.items():
        for written in (target, tissue_path(target)) if tissue else (target,):
            sources[str(written).casefold()].append(path)
    doubled = [" and ".join(map(str, paths)) for paths in sources.values() if len(paths) > 1]
    if doubled:
        raise UsageError(
            base, f"photographs of one stem: {'; '.join(doubled)}", "Rename one of each pair"
        )
    originals = {path.resolve() for path in photos}
    if any(target.resolve() in originals for target in targets.values()):
        raise UsageError(out, "holds the photographs: masks would replace them", "Choose another")
    return targets


def tissue_path(mask: Path) -> Path:
    """Where the tissue map beside a mask lies."""
    return mask.with_name(f"{mask.stem}_tissue.png")


def _segment_one(path: Path, target: Path, segmenter: Segmenter, tissue: bool) -> MaskResult:
    """The mask holds what score would call ulcers without a scale: specks are left out."""
    try:
        read = photo.read(path)
        found = segmenter(read.pixels)
    except WoundsegError as error:
        return MaskResult(path, error=error.line())
    mask = measure.ulcers(found, None).labels > 0
    files.make_folder(target.parent)
    masks.write_mask(target, mask)
    result = MaskResult(path, mask=target, ulcer_px=int(mask.sum()))
    if not tissue or segmenter.tissue is None:
        return result
    balanced = colour.balance(read.pixels, _scale(read))
    bed = segmenter.tissue(read.pixels, mask, balanced)
    masks.write_labels(tissue_path(target), bed.tissue)
    return replace(result, tissue=tissue_path(target))


def _scale(read: photo.Photo) -> Scale | None:
    """The card, whose greys set the white balance."""
    found = scale.find(read.pixels, ScaleOptions(focal_px=read.focal_px))
    return found if isinstance(found, Scale) else None
