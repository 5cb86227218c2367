"""What a data set of tissues answers: a map of tissues beside each photograph."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from woundseg.datasets.base import LabelledSet

LabelMap = NDArray[np.uint8]
"""(H, W): 0 background, ids of ``classes.LABELLED_TISSUES``, or ``classes.UNLABELLED``."""


class TissueSet(LabelledSet[LabelMap]):
    """Photographs with maps of tissues; ``read`` gives them as ``LabelMap``.

    A pixel of ``classes.UNLABELLED`` is one that nobody called: it may be any tissue, and is
    neither trained on nor counted. Background is what was looked at and found to be no bed.
    A label with values outside the table is refused when it is read.
    """

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
