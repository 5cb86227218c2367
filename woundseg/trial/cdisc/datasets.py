"""The six data sets of section 8 together: data frames, CSV texts, XPT files, define tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from woundseg.trial.cdisc import adam, define, sdtm, xport
from woundseg.trial.cdisc.shaping import Derived, responses
from woundseg.trial.frames import csv_text

if TYPE_CHECKING:
    import pandas as pd


def build(derived: Derived) -> dict[str, pd.DataFrame]:
    """TU, TR, RS, ADSL, ADRS and ADTTE by name, with the columns of ``variables.data_sets``.

    Text and dates (ISO) are str, blank for missing; numbers are float64, NaN for missing.

    Raises:
        TableError: an age that is not a number.
    """
    coded = responses(derived)
    adrs = adam.adrs(derived, coded)
    return {
        "TU": sdtm.tu(derived),
        "TR": sdtm.tr(derived),
        "RS": sdtm.rs(derived, coded),
        "ADSL": adam.adsl(derived),
        "ADRS": adrs,
        "ADTTE": adam.adtte(derived, coded, adrs),
    }


def texts(frames: dict[str, pd.DataFrame]) -> dict[str, str]:
    """The CSV files and the define tables by file name."""
    files = {f"{name.lower()}.csv": csv_text(frame) for name, frame in frames.items()}
    described = define.table(frames)
    files["define.csv"] = csv_text(described)
    files["define.html"] = define.html(frames, described)
    return files


def xpt_files(frames: dict[str, pd.DataFrame], source: str) -> dict[str, bytes]:
    """The XPT version 5 files by file name; the same frames give the same bytes.

    Raises:
        TableError: a text that XPT cannot hold (not ASCII, or longer than 200 bytes); ``source``
            names the input.
    """
    widths = xport.widths(frames)
    xport.check(frames, source)
    return {f"{name.lower()}.xpt": xport.encode(name, frames[name], widths) for name in frames}
