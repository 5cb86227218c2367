"""The response codes as small whole numbers, in the order in which the best one wins.

Arrays of codes are int8. ``ABSENT`` marks a cell of a padded array that holds no record.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
AnyArray = npt.NDArray[Any]


class Code(IntEnum):
    """A response code; a smaller number is the better best overall response (section 4)."""

    ABSENT = 0
    CR = 1
    PR = 2
    SD = 3
    NONCRPD = 4
    PD = 5
    NE = 6
    ND = 7
    MISSING = 8
    DEATH = 9
    RESCUE = 10

    @property
    def text(self) -> str:
        """As the tables write it; blank where there is no record."""
        return _TEXT.get(self, self.name)


_TEXT = {Code.ABSENT: "", Code.NONCRPD: "NON-CR/NON-PD"}

TEXTS: tuple[str, ...] = tuple(code.text for code in Code)
"""The text of each code, indexed by its number."""

ASSESSED: dict[str, Code] = {code.text: code for code in Code if Code.CR <= code <= Code.ND}
"""Codes that the ``response`` column may hold (section 4)."""

WORST_OF_DATE: tuple[Code, ...] = (
    Code.PD,
    Code.NONCRPD,
    Code.SD,
    Code.PR,
    Code.CR,
    Code.NE,
    Code.ND,
)
"""Which of several assessed codes of one date is kept: the first found here (section 2.5)."""


def texts(codes: AnyArray) -> list[str]:
    """The text of each code of a one-dimensional array."""
    return [TEXTS[code] for code in codes.tolist()]
