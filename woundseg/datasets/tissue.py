"""What a data set of tissues answers: a map of tissues beside each photograph."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from woundseg.datasets.base import LabelledSet

LabelMap = NDArray[np.uint8]
"""(H, W): 0 background, ids of ``classes.LABELLED_TISSUES``, or ``classes.UNLABELLED``."""


class TissueSet(LabelledSet[LabelMap]):
    """Photographs with maps of tissues; ``read`` gives them as ``LabelMap``.

    A pixel of ``classes.UNLABELLED`` is one that nobody called, and background is what was looked
    at and found to be no bed. A label with values outside the table is refused when it is read.
    """

    tissues: ClassVar[tuple[int, ...]]
    """Ids of the tissues that its labels tell apart and the network calls, in the order in which
    their figures stand."""
    unlabelled_counts: ClassVar[bool]
    """Whether a tissue that is called on an ``UNLABELLED`` pixel is a wrong call. Where it is not,
    such pixels may be anything, and are neither trained on nor counted."""
    cut_from: ClassVar[str | None]
    """The data set of ulcer masks whose photographs its pictures are cut from, each a window over
    one ulcer. None: they are photographs, and the window lies over the labelled bed."""
    classes: Mapping[Any, int]
    """What stands in a label file to class id (``woundseg.classes``)."""

    def label_of(self, values: NDArray[Any], path: Path) -> LabelMap:
        """The tissues of a label file.

        Raises:
            DataSetError: it holds values outside the table.
        """
        why = self.label_fault(values)
        if why:
            raise self._broken(path, why)
        return self.tissue_of(values)

    @abstractmethod
    def tissue_of(self, values: NDArray[Any]) -> LabelMap:
        """The tissues that values without fault stand for."""
