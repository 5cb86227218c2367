"""Photographs whose ulcers cannot be told from the known ones, and what settles each."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from woundseg.batch.elsewhere import MATCH_UNSURE
from woundseg.batch.seen import Outline, Seen
from woundseg.match import Named
from woundseg.records import VisitRow
from woundseg.report import Panel, PhotoShown, Question, Step

NAMES = Path("names.csv")


@dataclass(frozen=True)
class Folders:
    """What a command names.

    Attributes:
        photos: the folder of photographs, as the user wrote it.
        out: the folder of results, likewise.
        names: the table of names, as it was given or as it may be called.
    """

    photos: Path
    out: Path
    names: Path = NAMES


def questions(
    photos: Sequence[tuple[Seen, Named]],
    shown: Sequence[PhotoShown],
    rows: Sequence[VisitRow],
    folders: Folders,
) -> Iterator[Question]:
    """One for each photograph with a row that waits for an ulcer's name, in order of time.

    Args:
        photos: of one subject, with names.
        shown: the same, as the report shows them.
        rows: made from them.
        folders: for the commands.
    """
    asked: dict[str, list[str]] = {}
    for row in rows:
        if MATCH_UNSURE in row.flags and row.reading_status == "waiting":
            asked.setdefault(row.path, []).append(row.ulcer)
    every = {name for _, named in photos for name in named.names if name}
    for k, (seen, named) in enumerate(photos):
        if seen.ref.relative not in asked:
            continue
        shown_before = (name for _, other in photos[:k] for name in other.names if name)
        known = [name for name in dict.fromkeys(shown_before) if name not in named.names]
        unsure = [ulcer for ulcer in asked[seen.ref.relative] if ulcer in known]
        before = _last_known(photos[:k], unsure or known)
        labels = _labels(named)
        yield Question(
            title=_title(seen),
            now=Panel(_title(seen), shown[k], _by_label(seen, labels)),
            before=tuple(
                Panel(_title(photos[j][0]), shown[j], _by_label(photos[j][0], photos[j][1].names))
                for j in before
            ),
            unsure=tuple(unsure),
            known=tuple(name for name in known if name not in unsure),
            unnamed=tuple(label for label in labels if label.isdecimal()),
            steps=tuple(_steps(_Case(seen.ref.relative, labels, known, unsure, every), folders)),
        )


def _last_known(earlier: Sequence[tuple[Seen, Named]], ulcers: Sequence[str]) -> list[int]:
    """The last photographs on which each of the ulcers has an outline."""
    found = {
        max(j for j, (_, named) in enumerate(earlier) if ulcer in named.names)
        for ulcer in ulcers
        if any(ulcer in named.names for _, named in earlier)
    }
    return sorted(found)


def _labels(named: Named) -> list[str]:
    """Of each outline its name, or its number among those without a name."""
    numbers = count(1)
    return [str(next(numbers)) if name is None else name for name in named.names]


def _by_label(seen: Seen, labels: Sequence[str | None]) -> Mapping[str, tuple[Outline, ...]]:
    found: dict[str, tuple[Outline, ...]] = {}
    for label, lines in zip(labels, seen.outlines, strict=False):
        if label is not None:
            found[label] = (*found.get(label, ()), *lines)
    return found


def _title(seen: Seen) -> str:
    return f"{seen.ref.visit} · {seen.ref.date.isoformat()}"


@dataclass(frozen=True)
class _Case:
    """What can be said of a photograph.

    Attributes:
        path: below the folder of photographs.
        labels: of its outlines, the largest first.
        known: ulcers of earlier visits that have no outline here.
        unsure: of them, those that a row waits for.
        every: all names of the subject.
    """

    path: str
    labels: Sequence[str]
    known: Sequence[str]
    unsure: Sequence[str]
    every: set[str]


def _steps(case: _Case, folders: Folders) -> Iterator[Step]:
    """What to do, by what the person sees."""
    if case.labels and case.labels[0].isdecimal():  # a name is given to the largest outline
        free = next(name for n in count(1) if (name := f"u{n}") not in case.every)
        rows = [(f"If outline 1 is {ulcer}", ulcer) for ulcer in case.known]
        rows.append(("If outline 1 is an ulcer that was never seen before", free))
        for when, ulcer in rows:
            yield Step(f"{when}, write into {folders.names}:", _table(case.path, ulcer))
        names = ["--names", str(folders.names)]
        command = ["woundseg", "batch", str(folders.photos), "--out", str(folders.out), *names]
        told = "Then run this, with the options you gave the last time added:"
        yield Step(told, shlex.join(command))
    yield from _corrections(case, folders)


def _corrections(case: _Case, folders: Folders) -> Iterator[Step]:
    """What a person may say of one ulcer; the others stay as they are."""

    def command(what: str, ulcer: str) -> str:
        words = ["woundseg", "correct", str(folders.out), case.path, what, "--ulcer", ulcer]
        return shlex.join([*words, "--by", "YOUR NAME", "--reason", "what you saw"])

    only = [label for label in case.labels if label.isdecimal()] == ["1"]
    if only and not case.labels[0].isdecimal():
        for ulcer in case.unsure:
            yield Step(f"If outline 1 is {ulcer}:", command("--accept", ulcer))
    for ulcer in case.unsure:
        yield Step(f"If the place of {ulcer} is in view and closed:", command("--closed", ulcer))
    if case.unsure:
        hidden = [command("--not-evaluable", ulcer) for ulcer in case.unsure]
        yield Step("If the photograph does not show the place:", "\n".join(hidden))


def _table(relative: str, ulcer: str) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([("path", "ulcer"), (relative, ulcer)])
    return stream.getvalue().rstrip("\n")
