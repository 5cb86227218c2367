"""Masks alone, for a folder of photographs or one file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from woundseg import files, masks, measure, photo
from woundseg.errors import UsageError, WoundsegError
from woundseg.segment import Segmenter
from woundseg.visits import find_photos


@dataclass(frozen=True)
class MaskResult:
    """What became of one photograph: a mask, or the error on one line."""

    photo: Path
    mask: Path | None = None
    ulcer_px: int | None = None
    error: str | None = None


def segment(
    root: Path, out: Path, segmenter: Segmenter, progress: Callable[[int, int], None]
) -> Iterator[MaskResult]:
    """Writes ``out/<stem>.png`` for each photograph, keeping sub-folders; one result each.

    Raises:
        UsageError: no photographs, two that would write the same mask (all are named), or one
            that a mask would replace.
        OutputError: a mask cannot be written.
    """
    photos = find_photos(root, out)
    base = root if root.is_dir() else root.parent
    targets = _targets(photos, base, out)
    for done, (path, target) in enumerate(targets.items(), start=1):
        yield _segment_one(path, target, segmenter)
        progress(done, len(targets))


def _targets(photos: list[Path], base: Path, out: Path) -> dict[Path, Path]:
    targets = {path: (out / path.relative_to(base)).with_suffix(".png") for path in photos}
    sources: dict[str, list[Path]] = defaultdict(list)
    for path, target in targets.items():
        sources[str(target).casefold()].append(path)
    doubled = [" and ".join(map(str, paths)) for paths in sources.values() if len(paths) > 1]
    if doubled:
        raise UsageError(
            base, f"photographs of one stem: {'; '.join(doubled)}", "Rename one of each pair"
        )
    originals = {path.resolve() for path in photos}
    if any(target.resolve() in originals for target in targets.values()):
        raise UsageError(out, "holds the photographs: masks would replace them", "Choose another")
    return targets


def _segment_one(path: Path, target: Path, segmenter: Segmenter) -> MaskResult:
    """The mask holds what score would call ulcers without a scale: specks are left out."""
    try:
        found = segmenter(photo.read(path).pixels)
    except WoundsegError as error:
        return MaskResult(path, error=error.line())
    mask = measure.ulcers(found, None).labels > 0
    files.make_folder(target.parent)
    masks.write_mask(target, mask)
    return MaskResult(path, mask=target, ulcer_px=int(mask.sum()))
