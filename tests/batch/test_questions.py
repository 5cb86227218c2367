"""A photograph whose ulcers cannot be told: what the report shows and which commands it gives."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from made_photos import LINE, named, ref, shown

from woundseg.batch.questions import Folders, questions
from woundseg.batch.rows import subject_rows
from woundseg.report import PhotoShown

FOLDERS = Folders(Path("my photos"), Path("out"))
LOST = (("u1", "match_unsure"), ("u2", "match_unsure"))
PATH = "S1/V3_2026-01-29/a.jpg"


def asked(*pairs, folders=FOLDERS):
    photos, names = zip(*pairs, strict=True)
    rows = subject_rows(photos, names).rows
    pictures = [PhotoShown(photo.ref.relative, b"", 1.0, None, {}) for photo in photos]
    return list(questions(pairs, pictures, rows, folders))


FIRST = (shown(ref(), 4.0, 2.0), named("u1", "u2"))
SECOND = (shown(ref("V2", 15), 3.0), named("u1", closed=("u2",)))


def test_nothing_is_asked_where_all_is_placed():
    assert asked(FIRST, SECOND) == []


def test_both_photographs_the_candidates_and_the_commands():
    third = shown(ref("V3", 29), 3.0, 1.0), named(None, None, unsure=("u1", "u2"), flags=LOST)
    (question,) = asked(FIRST, SECOND, third)
    assert question.title == "V3 · 2026-01-29"
    # u1 was seen last at V2, u2 at V1
    assert [panel.title for panel in question.before] == ["V1 · 2026-01-01", "V2 · 2026-01-15"]
    assert {name: list(lines) for name, lines in question.now.outlines.items()} == {
        "1": list(LINE),
        "2": list(LINE),
    }
    assert (question.unsure, question.known, question.unnamed) == (("u1", "u2"), (), ("1", "2"))
    person = "--by 'YOUR NAME' --reason 'what you saw'"
    assert [(step.when, step.text) for step in question.steps] == [
        ("If outline 1 is u1, write into names.csv:", f"path,ulcer\n{PATH},u1"),
        ("If outline 1 is u2, write into names.csv:", f"path,ulcer\n{PATH},u2"),
        (
            "If outline 1 is an ulcer that was never seen before, write into names.csv:",
            f"path,ulcer\n{PATH},u3",
        ),
        (
            "Then run this, with the options you gave the last time added:",
            "woundseg batch 'my photos' --out out --names names.csv",
        ),
        (
            "If the place of u1 is in view and closed:",
            f"woundseg correct out {PATH} --closed --ulcer u1 {person}",
        ),
        (
            "If the place of u2 is in view and closed:",
            f"woundseg correct out {PATH} --closed --ulcer u2 {person}",
        ),
        (
            "If the photograph does not show the place:",
            f"woundseg correct out {PATH} --not-evaluable --ulcer u1 {person}\n"
            f"woundseg correct out {PATH} --not-evaluable --ulcer u2 {person}",
        ),
    ]


def test_a_photograph_without_outlines_is_not_given_a_name():
    """A name would be taken for a person's word that the ulcer is closed."""
    third = shown(ref("V3", 29)), named(unsure=("u1",), flags=LOST[:1])
    (question,) = asked(FIRST, SECOND, third)
    assert question.unnamed == ()
    assert all(
        "names.csv" not in step.text and "--names" not in step.text for step in question.steps
    )


def test_one_smaller_outline_is_accepted_under_a_name():
    """A name goes to the largest outline, which has one here."""
    third = shown(ref("V3", 29), 3.0, 1.0), named("u1", None, unsure=("u2",), flags=LOST[1:])
    (question,) = asked(FIRST, SECOND, third)
    first = question.steps[0]
    assert first.when == "If outline 1 is u2:"
    assert first.text.startswith(f"woundseg correct out {PATH} --accept --ulcer u2 ")


def test_an_ulcer_that_another_photograph_of_the_visit_shows_is_a_candidate_too():
    other = shown(ref("V3", 29, "b.jpg"), 3.0), named("u1", unsure=("u2",), flags=LOST[1:])
    close = shown(ref("V3", 29), 3.0), named(None, unsure=("u2",), flags=LOST[1:])
    found = asked(FIRST, other, close)[-1]
    assert (found.unsure, found.known) == (("u2",), ("u1",))
    whens = [step.when for step in found.steps]
    assert whens[:2] == [f"If outline 1 is {u}, write into names.csv:" for u in ("u1", "u2")]


def test_commands_can_be_copied_whatever_the_paths_hold():
    odd = ref("V3", 29, "it's, a foot.jpg")
    third = shown(odd, 3.0), named(None, unsure=("u1",), flags=LOST[:1])
    folders = Folders(Path("my photos"), Path("the study"), Path("new names.csv"))
    (question,) = asked(FIRST, third, folders=folders)
    rows = [step.text for step in question.steps if step.text.startswith("path,ulcer")]
    assert rows[0] == f'path,ulcer\n"{odd.relative}",u1'
    commands = [shlex.split(s.text) for s in question.steps if s.text.startswith("woundseg")]
    assert commands[0] == [
        "woundseg", "batch", "my photos", "--out", "the study", "--names", "new names.csv",
    ]  # fmt: skip
    assert commands[1][:4] == ["woundseg", "correct", "the study", odd.relative]


def test_what_a_person_has_read_is_not_asked_again():
    lost = named(None, unsure=("u1",), flags=LOST[:1])
    third = replace(shown(ref("V3", 29), 3.0))
    rows = subject_rows([FIRST[0], third], [FIRST[1], lost]).rows
    read = [replace(row, reading_status="read") for row in rows]
    pictures = [PhotoShown(photo.ref.relative, b"", 1.0, None, {}) for photo in (FIRST[0], third)]
    assert list(questions([FIRST, (third, lost)], pictures, read, FOLDERS)) == []
