"""Data sets to train on and to measure with: numpy samples, no torch.

Example::

    data = datasets.open("fuseg", "data/fuseg")
    data.check()
    for sample in data.samples("train"):
        image, mask = data.read(sample)
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from woundseg.datasets.base import DataSet, Parts, Sample, fingerprint, hold_out
from woundseg.datasets.folder import Folder
from woundseg.datasets.fuseg import FUSeg
from woundseg.datasets.medetec import Medetec
from woundseg.errors import ConfigurationError, DataSetError

DATA_SETS: dict[str, type[DataSet]] = {kind.name: kind for kind in (FUSeg, Medetec, Folder)}

__all__ = ["DATA_SETS", "DataSet", "Parts", "Sample", "fingerprint", "hold_out", "open"]


def open(name: str, root: str | Path | None, **options: Any) -> DataSet:  # noqa: A001 - reads as datasets.open(...)
    """The data set ``name`` in the folder ``root``.

    Args:
        name: ``fuseg``, ``medetec`` or ``folder``.
        root: where it lies; None raises with how to obtain it.
        options: the data set's own, such as ``folds=`` or ``ulcer_value=``.

    Raises:
        ConfigurationError: an unknown data set or option.
        DataSetError: there is no such folder.
    """
    kind = DATA_SETS.get(name)
    if kind is None:
        known = ", ".join(DATA_SETS)
        raise ConfigurationError(name, "is no data set known here", f"Take one of {known}")
    if root is None:
        raise DataSetError(kind.title, "no folder was given", kind.obtain)
    try:
        inspect.signature(kind).bind(root, **options)
    except TypeError as error:
        raise ConfigurationError(
            name, f"was given an option that it does not have ({error})", "Take the option out"
        ) from error
    return kind(root, **options)
