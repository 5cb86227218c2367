"""SAS transport files, version 5 (TS-140; X1), written by pyreadstat and then made repeatable.

pyreadstat stamps the clock into the header and makes each text as wide as its longest value, so
that a width may change from data set to data set. Here the stamp becomes a fixed one, and a last
row, cut off again, gives every variable the same width in all data sets, which also keeps the
type of a blank column and of a data set without rows.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from woundseg.errors import TableError, WoundsegError
from woundseg.trial.cdisc.variables import MAX_TEXT, Variable, data_sets
from woundseg.trial.codes import AnyArray, Floats

if TYPE_CHECKING:
    import pandas as pd

CARD = 80
"""Bytes of a record of the file; headers and data are padded to whole ones."""

STAMP = b"01JAN60:00:00:00"
"""What stands for every time of creation and change: SAS's day 0."""

_STAMPS = (1 * CARD + 64, 2 * CARD, 5 * CARD + 64, 6 * CARD)
_OBSERVATIONS = b"HEADER RECORD*******OBS     HEADER RECORD!!!!!!!"
_NUMBER_WIDTH = 8
_SAS_EPOCH = np.datetime64("1960-01-01", "D")


def widths(frames: dict[str, pd.DataFrame]) -> dict[str, int]:
    """Bytes of each text variable: its longest value in all data sets, at least 1.

    One length for a variable throughout, as FDA's Study Data Technical Conformance Guide asks.
    """
    found: dict[str, int] = {}
    for name, frame in frames.items():
        for variable in present(name, frame):
            if variable.type == "char":
                longest = max(map(_size, frame[variable.name].unique().tolist()), default=0)
                found[variable.name] = max(found.get(variable.name, 1), longest)
    return found


def _size(text: str) -> int:
    return len(text.encode("utf-8"))


def present(name: str, frame: pd.DataFrame) -> list[Variable]:
    """The variables of data set ``name`` that the frame has, in order."""
    return [variable for variable in data_sets()[name].variables if variable.name in frame]


def check(frames: dict[str, pd.DataFrame], source: str) -> None:
    """Refuse texts that XPT cannot hold.

    Raises:
        TableError: a character that is not printable ASCII, or more than 200 bytes.
    """
    for name, frame in frames.items():
        for variable in present(name, frame):
            if variable.type == "char":
                for text in frame[variable.name].unique().tolist():
                    _check_text(text, f"{name}.{variable.name}", source)


def _check_text(text: str, where: str, source: str) -> None:
    odd = sorted({letter for letter in text if not " " <= letter <= "~"})
    if odd:
        shown = ", ".join(f"{letter!r} (U+{ord(letter):04X})" for letter in odd[:5])
        raise TableError(
            source,
            f"{text!r} would be {where}, and XPT holds plain ASCII only, not {shown}",
            "Spell it in plain ASCII, or leave out --xpt: CSV holds every letter",
        )
    if len(text) > MAX_TEXT:
        raise TableError(
            source,
            f"{text[:30] + '...'!r} would be {where} with {len(text)} bytes, and XPT holds "
            f"{MAX_TEXT}",
            "Shorten it, or leave out --xpt: CSV holds every length",
        )


def encode(name: str, frame: pd.DataFrame, width: dict[str, int]) -> bytes:
    """The bytes of data set ``name`` as an XPT version 5 file, read back and compared.

    Args:
        name: of the data set.
        frame: its rows, as ``shaping.table`` makes them, and checked by :func:`check`.
        width: bytes of each text variable.
    """
    variables = present(name, frame)
    columns = {v.name: _stored(v, frame[v.name].to_numpy()) for v in variables}
    ruled = {v.name: _with_ruler(v, columns[v.name], width) for v in variables}
    record = sum(width[v.name] if v.type == "char" else _NUMBER_WIDTH for v in variables)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name.lower()}.xpt"
        _write(name, frame.__class__(ruled), path)
        data = _repeatable(path.read_bytes(), record, len(frame))
        path.write_bytes(data)
        _compare(name, columns, path)
    return data


def _stored(variable: Variable, values: AnyArray) -> AnyArray:
    """The column as it is stored: text, a number, or a SAS date (days since 1960-01-01)."""
    return sas_dates(values) if variable.kind == "date" else values


def sas_dates(texts: AnyArray) -> Floats:
    """Days since 1960-01-01 of ISO dates; NaN for a blank."""
    dates = np.where(texts == "", "NaT", texts).astype("datetime64[D]")
    days = (dates - _SAS_EPOCH).astype(np.float64)
    return np.where(np.isnat(dates), np.nan, days)


def _with_ruler(variable: Variable, values: AnyArray, width: dict[str, int]) -> AnyArray:
    """The column and below it a value of full width."""
    if variable.type == "num":
        return np.append(values, 0.0)
    ruled = np.empty(values.size + 1, dtype=object)
    ruled[:-1] = values
    ruled[-1] = "x" * width[variable.name]
    return ruled


def _write(name: str, frame: pd.DataFrame, path: Path) -> None:
    import pyreadstat

    variables = present(name, frame)
    pyreadstat.write_xport(
        frame,
        path,
        file_label=data_sets()[name].label,
        column_labels={v.name: v.label for v in variables},
        table_name=name,
        file_format_version=5,
        variable_format={v.name: v.format for v in variables if v.format},
    )


def _repeatable(data: bytes, record: int, rows: int) -> bytes:
    """The file with fixed stamps and without its last row.

    Args:
        data: the file as pyreadstat wrote it.
        record: bytes of a row.
        rows: how many to keep.
    """
    start = data.index(_OBSERVATIONS) + CARD
    kept = bytearray(data[: start + rows * record])
    kept += b" " * (-len(kept) % CARD)
    for place in _STAMPS:
        kept[place : place + len(STAMP)] = STAMP
    return bytes(kept)


def _compare(name: str, columns: dict[str, AnyArray], path: Path) -> None:
    """Read the file back; what went in must come out."""
    import pyreadstat

    frame, meta = pyreadstat.read_xport(path, disable_datetime_conversion=True)
    wanted = present(name, frame)
    labels = [variable.label for variable in wanted]
    same = list(columns) == list(frame.columns) and meta.column_labels == labels
    same = same and meta.table_name == name
    if not same or not all(_same(columns[v.name], frame[v.name].to_numpy()) for v in wanted):
        raise WoundsegError(
            f"{name.lower()}.xpt",
            "does not hold what was written into it",
            "Use the CSV files, and report this with the versions of pyreadstat and pandas",
        )


def _same(written: AnyArray, read: AnyArray) -> bool:
    """Equal texts; numbers within what IBM's floating point keeps of a double."""
    if written.dtype == object:
        return bool(written.tolist() == read.tolist())
    found = read.astype(np.float64)
    return bool(np.allclose(written, found, rtol=1e-14, atol=0.0, equal_nan=True))
