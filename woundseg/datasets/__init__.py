"""Data sets to train on and to measure with: numpy samples, no torch.

Example::

    data = datasets.open("fuseg", "data/fuseg")
    data.check()
    for sample in data.samples("train"):
        image, mask = data.read(sample)  # mask: bool, True is ulcer

    tissue = datasets.open_tissue("dfutissue", "data/dfutissue")
    for sample in tissue.samples("train"):
        image, labels = tissue.read(sample)  # labels: uint8, ids of woundseg.classes
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from woundseg.datasets.base import DataSet, LabelledSet, Parts, Sample, fingerprint, hold_out
from woundseg.datasets.dfutissue import DFUTissue
from woundseg.datasets.feet import Feet
from woundseg.datasets.folder import Folder
from woundseg.datasets.fuseg import FUSeg
from woundseg.datasets.medetec import Medetec
from woundseg.datasets.tissue import TissueSet
from woundseg.datasets.woundtissue import WoundTissue
from woundseg.errors import ConfigurationError, DataSetError

DATA_SETS: dict[str, type[DataSet]] = {kind.name: kind for kind in (FUSeg, Medetec, Feet, Folder)}
"""With ulcer masks."""
TISSUE_SETS: dict[str, type[TissueSet]] = {kind.name: kind for kind in (DFUTissue, WoundTissue)}
"""With maps of tissues."""

__all__ = [
    "DATA_SETS",
    "TISSUE_SETS",
    "DataSet",
    "LabelledSet",
    "Parts",
    "Sample",
    "TissueSet",
    "fingerprint",
    "hold_out",
    "open",
    "open_any",
    "open_tissue",
]

Kind = TypeVar("Kind", bound=LabelledSet[Any])


def open(name: str, root: str | Path | None, **options: Any) -> DataSet:  # noqa: A001 - reads as datasets.open(...)
    """The data set ``name`` of ulcer masks in the folder ``root``.

    Args:
        name: ``fuseg``, ``medetec``, ``feet`` or ``folder``.
        root: where it lies; None raises with how to obtain it.
        options: the data set's own, such as ``folds=`` or ``ulcer_value=``.

    Raises:
        ConfigurationError: an unknown data set or option, or one of tissues.
        DataSetError: there is no such folder.
    """
    if name in TISSUE_SETS:
        known = ", ".join(DATA_SETS)
        raise ConfigurationError(name, "has maps of tissues and no ulcer masks", f"Take {known}")
    return _opened(DATA_SETS, name, root, options)


def open_tissue(name: str, root: str | Path | None, **options: Any) -> TissueSet:
    """The data set ``name`` of tissues (``dfutissue``, ``woundtissue``); else as ``open``."""
    return _opened(TISSUE_SETS, name, root, options)


def open_any(name: str, root: str | Path | None, **options: Any) -> LabelledSet[Any]:
    """The data set ``name``, whatever its labels are; else as ``open``."""
    return _opened({**DATA_SETS, **TISSUE_SETS}, name, root, options)


def _opened(
    kinds: Mapping[str, type[Kind]], name: str, root: str | Path | None, options: dict[str, Any]
) -> Kind:
    kind = kinds.get(name)
    if kind is None:
        known = ", ".join(kinds)
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
