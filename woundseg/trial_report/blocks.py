"""What a report is made of: paragraphs, warnings, lists, tables and figures, in sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from woundseg.trial_report.style import Drawing


@dataclass(frozen=True)
class Text:
    """A paragraph; ``warning`` sets it apart."""

    text: str
    warning: bool = False


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: Sequence[str]


@dataclass(frozen=True)
class Table:
    """A table with its title; the first ``text_columns`` columns are set left, others right."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    text_columns: int = 1
    note: str = ""


Block = Text | Bullets | Table | Drawing


@dataclass(frozen=True)
class Section:
    """A numbered part of the report."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Rate:
    """A headline figure: its name, value and interval as text."""

    name: str
    meaning: str
    value: str
    interval: str


@dataclass(frozen=True)
class Report:
    """The whole report, independent of how it is written."""

    title: str
    subtitle: str
    notice: str
    headline: Sequence[Rate]
    caution: str
    sections: Sequence[Section] = field(default_factory=tuple)
