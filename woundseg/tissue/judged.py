"""Crops whose tissue was judged by eye before any network or rule saw them.

They answer one question, whether a plainly black, red or yellow bed is called by its name, and
are never trained on: not they, and not the photographs that they lie in.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from woundseg.classes import TISSUE_NAMES, TISSUES
from woundseg.errors import TableError
from woundseg.tissue.tables import Cells, read_table

COLUMNS = ("image", "x", "y", "width", "height", "class", "why", "fold")
SHIPPED = "configs/tissue/judged.csv"
"""For ``resources.path``."""


@dataclass(frozen=True)
class Judged:
    """One crop.

    Attributes:
        image: id of the FUSeg photograph.
        box_px: x, y, width and height in that photograph; its ulcer mask inside the box counts.
        tissue: id of ``classes.TISSUES``.
        why: a word.
        fold: of the photograph, as in the fold table.
    """

    image: str
    box_px: tuple[int, int, int, int]
    tissue: int
    why: str
    fold: int

    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the box."""
        x, y, width, height = self.box_px
        return slice(y, y + height), slice(x, x + width)


def read_judged(path: Path) -> tuple[Judged, ...]:
    """The crops in the order of the table.

    Raises:
        TableError: it cannot be read; a column, class or number is not as it must be; a photograph
            stands there twice.
    """
    crops: list[Judged] = []
    for cells in read_table(path, COLUMNS):
        crop = _judged(cells)
        if any(crop.image == other.image for other in crops):
            told = f"column image: {crop.image!r} stands there twice"
            raise TableError(cells.where, told, "Give each photograph one row")
        crops.append(crop)
    return tuple(crops)


def _judged(cells: Cells) -> Judged:
    name = cells.one_of("class", TISSUE_NAMES)
    x, y, width, height = (cells.whole(column) for column in ("x", "y", "width", "height"))
    if width == 0 or height == 0:
        raise cells.fault("width" if width == 0 else "height", "a number above 0")
    return Judged(
        image=cells.text("image"),
        box_px=(x, y, width, height),
        tissue=next(tissue.id for tissue in TISSUES if tissue.name == name),
        why=cells.text("why"),
        fold=cells.whole("fold"),
    )
