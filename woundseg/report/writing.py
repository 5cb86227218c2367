"""The report's files, written while the subjects pass by: one of them is in memory at a time."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

from woundseg import files
from woundseg.pages import css
from woundseg.pages.markup import Html, closing, element, opening
from woundseg.report import charts, front, questions, subject, tables, tiles
from woundseg.report.facts import StudyFacts, SubjectReport
from woundseg.report.front import Front
from woundseg.report.summary import summarise

ONE_FILE: Final = 200
"""Up to so many subjects the report is one file."""

INDEX, FOLDER = "report.html", "report"
_IN_MEMORY: Final = 1 << 20
_PLAIN: Final = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,59}")
_DEVICES: Final = re.compile(r"(CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])")
_STEM_LETTERS: Final = 40
_PutBy = tempfile.SpooledTemporaryFile[str]

# Hues of the palette, darkened where letters are written in them on white (WCAG 2.2: 4.5 to 1).
_LETTERS: Final = "--reject:#a84300;--warn:#8a5a00;--gain:#00704f"
_OWN: Final = f"""
:root{{--page:78rem;{_LETTERS}}}
@media (prefers-color-scheme:dark){{
:root{{--reject:var(--vermilion);--warn:var(--orange);--gain:var(--green)}}}}
@media print{{:root{{{_LETTERS}}}}}
.subject{{content-visibility:auto;contain-intrinsic-size:auto 90rem}}
@media print{{.subject{{content-visibility:visible;break-before:page}}}}
"""
_PARTS: Final = (front, subject, questions, tiles, charts, tables)
CSS: Final = css.BASE + _OWN + "".join(part.CSS for part in _PARTS)


def write(
    facts: StudyFacts, subjects: Iterable[SubjectReport], out: Path, count: int
) -> list[Path]:
    """Writes report.html into ``out``; the same input gives the same bytes.

    Args:
        facts: the study.
        subjects: each with a name of its own; taken one at a time.
        out: a folder; made if needed.
        count: how many subjects there are: above ``ONE_FILE`` each gets a page of its own under
            ``report/``, and report.html lists them.

    Returns:
        What was written, report.html first.

    Raises:
        OutputError: a file cannot be written.
    """
    files.make_folder(out)
    made: list[Path] = []
    gathered = Front()
    one = count <= ONE_FILE
    if not one:
        files.make_folder(out / FOLDER)
    with (
        files.writing(out / INDEX) as part,
        _put_by(out) as rows,
        _put_by(out) as sections,
    ):
        for place, report in enumerate(subjects, 1):
            summary = summarise(report)
            if one:
                link = f"#s{place}"
                sections.write(subject.section(report, summary, place) + "\n")
            else:
                name = page_name(report.subject)
                link = f"{FOLDER}/{quote(name)}"
                section = subject.section(report, summary, place, "../")
                files.write_text(out / FOLDER / name, _page(facts, report, section))
                made.append(out / FOLDER / name)
            rows.write(gathered.take(summary, link) + "\n")
        with part.open("w", encoding="utf-8", newline="\n") as whole:
            _whole(facts, gathered, whole, (rows, sections))
    return [out / INDEX, *made]


def _put_by(out: Path) -> _PutBy:
    """Text for later; more than a little of it lies on the disk."""
    return tempfile.SpooledTemporaryFile(
        max_size=_IN_MEMORY, mode="w+", encoding="utf-8", newline="\n", dir=str(out)
    )


def _whole(
    facts: StudyFacts, gathered: Front, whole: IO[str], passed: tuple[_PutBy, _PutBy]
) -> None:
    """The front page, with the rows and the sections that have been put by."""
    rows, sections = passed
    whole.write(opening(facts.title, CSS, tables.SCRIPT))
    whole.writelines(front.head(facts, gathered))
    _copy(rows, whole)
    whole.writelines(front.tail(facts, gathered))
    _copy(sections, whole)
    whole.write("</main>\n" + _foot(facts) + closing(tables.SCRIPT))


def _copy(source: _PutBy, target: IO[str]) -> None:
    source.seek(0)
    shutil.copyfileobj(source, target)


def _page(facts: StudyFacts, report: SubjectReport, section: Html) -> str:
    body = f"<main>\n{section}</main>\n{_foot(facts)}"
    title = f"{report.subject} · {facts.title}"
    return opening(title, CSS, tables.SCRIPT) + body + closing(tables.SCRIPT)


def _foot(facts: StudyFacts) -> Html:
    text = f"{facts.software} · as of {facts.as_of.isoformat()} · chain {facts.head}"
    return element("footer", element("code", text))


def page_name(subject_name: str) -> str:
    """A file name for a subject: safe on every disk, and no two subjects share one.

    A name of capitals, digits, ``-`` and ``_`` is kept. Any other is made safe and carries the
    beginning of its hash, so that names that differ only in case, or in a sign that was replaced,
    stay apart.
    """
    if _PLAIN.fullmatch(subject_name) and not _DEVICES.fullmatch(subject_name):
        return f"{subject_name}.html"
    text = unicodedata.normalize("NFC", subject_name)
    kept = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in text)
    mark = hashlib.sha256(subject_name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{kept[:_STEM_LETTERS].strip('_') or 'subject'}~{mark}.html"
