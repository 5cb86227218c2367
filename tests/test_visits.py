"""A folder of photographs becomes a plan; all that is wrong is told together."""

from __future__ import annotations

import os
import string
import tempfile
import tracemalloc
import unicodedata
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woundseg import photo, visits
from woundseg.errors import OutputError, TableError, UnreadablePhotoError, UsageError
from woundseg.records import Failure, Given, PhotoRef
from woundseg.scale import ScaleOptions
from woundseg.trial import protocol
from woundseg.trial.cells import CellError, visit_date
from woundseg.visits import (
    Calendar,
    VisitOptions,
    copies,
    find_photos,
    ledger,
    manifest,
    patterns,
    table,
)
from woundseg.visits.ledger import Ledger

HEADER = "path,subject,visit,date,ulcer,evaluable,mm_per_px,card_line_mm,closed,debrided,target"
BASE = "S1/BASE_2026-03-04/a.jpg"


def add(root: Path, *relatives: str, content: bytes | None = None) -> None:
    """Files of their own content: the plan asks for no more than names, sizes and bytes."""
    for relative in relatives:
        place = root / relative
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(relative.encode() if content is None else content)


def listed(folder: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    """A manifest; each row is filled up with blanks."""
    width = header.count(",")
    lines = [header, *(row + "," * (width - row.count(",")) for row in rows)]
    place = folder / "manifest.csv"
    place.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return place


def never(path: Path) -> datetime | None:
    raise AssertionError(f"{path} was opened for its capture time")


def planned(root: Path, out: Path | None = None, captured=never, **options) -> visits.Plan:
    return visits.plan(root, out, VisitOptions(**options), captured)


def errors(plan: visits.Plan) -> dict[str, str]:
    """The error of each failure by path; every failure is of stage plan and has advice."""
    assert all(f.stage == "plan" and f.advice.endswith(".") for f in plan.failures)
    assert all("\n" not in f.error for f in plan.failures)
    return {f.path: f.error for f in plan.failures}


def advice(plan: visits.Plan) -> dict[str, str]:
    return {failure.path: failure.advice for failure in plan.failures}


@pytest.fixture
def root(tmp_path) -> Path:
    place = tmp_path / "photos"
    place.mkdir()
    return place


# --- the folder -------------------------------------------------------------------------------


def test_photographs_are_told_by_suffix_at_any_depth(root):
    add(
        root,
        "a.JPG",
        "b/c/d/e.heic",
        "b/f.BMP",
        "b/truth.csv",
        "Thumbs.db",
        "b/notes.txt",
        "b/._e.heic",
    )
    assert find_photos(root) == [root / "a.JPG", root / "b/c/d/e.heic", root / "b/f.BMP"]
    assert find_photos(root / "a.JPG") == [root / "a.JPG"]


def test_links_in_a_circle_end_and_links_to_files_are_photographs(root):
    add(root, "S1/2026-03-04/a.jpg")
    (root / "S1" / "again").symlink_to(root, target_is_directory=True)
    (root / "self").symlink_to(root / "self")
    (root / "S1" / "linked.jpg").symlink_to(root / "S1/2026-03-04/a.jpg")
    (root / "S1" / "gone.jpg").symlink_to(root / "nowhere.jpg")
    names = [str(path.relative_to(root)) for path in find_photos(root)]
    assert names == ["S1/2026-03-04/a.jpg", "S1/gone.jpg", "S1/linked.jpg"]


def test_the_results_folder_is_left_out(root):
    add(root, BASE, "study/overlays/a.jpg", "other/study/2026-03-04/b.jpg")
    (root / "link.jpg").symlink_to(root / "study/overlays/a.jpg")
    assert find_photos(root, root / "study") == [root / BASE, root / "other/study/2026-03-04/b.jpg"]
    assert [ref.relative for ref in planned(root, out=root / "study").photos] == [BASE]


def test_a_folder_without_photographs_says_how_many_files_it_saw(root):
    with pytest.raises(UsageError, match=r"holds no photograph \(files seen: 0\)"):
        planned(root)
    for number in range(1200):
        (root / f"{number}.txt").touch()
    with pytest.raises(UsageError, match=r"holds no photograph \(files seen: 1,200\)") as refused:
        planned(root)
    assert "\n" not in refused.value.line()


def test_a_folder_that_is_none(root):
    add(root, "a.jpg")
    with pytest.raises(UsageError, match="is a file, not a folder"):
        planned(root / "a.jpg")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        planned(root / "missing")
    with pytest.raises(UsageError, match="results would mix"):
        planned(root, out=root)


def test_a_folder_that_cannot_be_read_is_told(root):
    add(root, BASE)
    at = os.open(root, os.O_RDONLY)
    for _ in range(20):  # deeper than the 4,096 letters that a path may have
        os.mkdir("d" * 250, dir_fd=at)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    plan = planned(root)
    assert [ref.relative for ref in plan.photos] == [BASE]
    (error,) = errors(plan).values()
    assert error == "folder cannot be read (File name too long)"


# --- by path ----------------------------------------------------------------------------------


def test_the_default_patterns(root):
    add(root, "S2/2026-03-11/b.jpg", "S1/W_2_20260318/a.jpg", BASE)
    plan = planned(root)
    assert [(r.relative, r.subject, r.visit, r.date, r.dated_by) for r in plan.photos] == [
        (BASE, "S1", "BASE", date(2026, 3, 4), "path"),
        ("S1/W_2_20260318/a.jpg", "S1", "W_2", date(2026, 3, 18), "path"),
        ("S2/2026-03-11/b.jpg", "S2", "2026-03-11", date(2026, 3, 11), "path"),
    ]
    assert next(iter(plan.photos)).path == root / BASE
    assert (len(plan.failures), plan.warnings) == (0, ())


def test_photographs_stand_in_order_of_subject_date_and_path(root):
    add(root, "S10/2026-03-04/a.jpg", "S2/2026-03-05/a.jpg", "S2/V1_2026-03-04/c.jpg")
    add(root, "S2/V1_2026-03-04/b.jpg")
    assert [ref.relative for ref in planned(root).photos] == [
        "S10/2026-03-04/a.jpg",
        "S2/V1_2026-03-04/b.jpg",
        "S2/V1_2026-03-04/c.jpg",
        "S2/2026-03-05/a.jpg",
    ]


BAD_PATHS = [
    ("S1/V1_03-04-2026/a.jpg", "'03-04-2026' is an ambiguous date", "2026-04-03 or 2026-03-04"),
    ("S1/V1_2026_03_04/a.jpg", "'2026_03_04' is not an ISO date", "Write 2026-03-04."),
    ("S1/04032026/a.jpg", "'04032026' is an ambiguous date", "2026-03-04 or 2026-04-03"),
    ("S1/V1_2026-02-30/a.jpg", "'2026-02-30' is an impossible date", "Correct it"),
    ("S1/V1_20260230/a.jpg", "'20260230' is an impossible date", "Correct it"),
    ("S1/10234567/a.jpg", "'10234567' is an impossible date", "Correct it"),
    ("S1/30-02-2026/a.jpg", "'30-02-2026' is an impossible date", "Correct it"),
    ("S1/2026-03/a.jpg", "'2026-03' is a partial date", "YYYY-MM-DD"),
    ("S1/4 Mar 2026/a.jpg", "'4 Mar 2026' is not an ISO date", "YYYY-MM-DD"),
    ("S1/2026年3月4日/a.jpg", "'2026年3月4' is not an ISO date", "YYYY-MM-DD"),
    ("2026-03-04/S1/a.jpg", "holds the date 2026-03-04 but fits no pattern", "{subject}/{date}/*"),
    (" /2026-03-04/a.jpg", "names a blank subject", "Rename"),
    ("a.jpg", "fits no pattern", "{subject}/{visit}_{date}/* or {subject}/{date}/*"),
    (
        "S1/V1_2026-03-04/left/toe/a.jpg",
        "lies deeper than the pattern {subject}/{visit}_{date}/*",
        "Move it up into S1/V1_2026-03-04, or give --pattern '{subject}/{visit}_{date}/*/*/*' too",
    ),
]


@pytest.mark.parametrize(("relative", "error", "remedy"), BAD_PATHS)
def test_a_path_that_cannot_be_placed_costs_itself_alone(root, relative, error, remedy):
    add(root, relative, "S9/2026-03-04/good.jpg")
    plan = planned(root)
    assert errors(plan) == {relative: error}
    assert remedy in advice(plan)[relative]
    assert [ref.relative for ref in plan.photos] == ["S9/2026-03-04/good.jpg"]


def test_all_problems_are_told_together(root):
    add(root, *(relative for relative, _, _ in BAD_PATHS))
    assert errors(planned(root)) == {relative: error for relative, error, _ in BAD_PATHS}


def test_own_patterns(root):
    add(root, "berlin/S1/V1/2026-03-04_1.jpg", "berlin/S1/V1/03.04.2026_1.jpg")
    plan = planned(root, patterns=("*/{subject}/{visit}/{date}_*",))
    assert [(r.subject, r.visit, str(r.date)) for r in plan.photos] == [("S1", "V1", "2026-03-04")]
    assert errors(plan) == {"berlin/S1/V1/03.04.2026_1.jpg": "'03.04.2026' is an ambiguous date"}


def test_a_field_that_comes_twice_is_the_same_twice(root):
    add(root, "S1/S1_2026-03-04/a.jpg", "S1/S2_2026-03-04/a.jpg")
    plan = planned(root, patterns=("{subject}/{subject}_{date}/*",))
    assert [ref.relative for ref in plan.photos] == ["S1/S1_2026-03-04/a.jpg"]
    assert list(errors(plan)) == ["S1/S2_2026-03-04/a.jpg"]


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("{visit}/{date}/*", "lacks {subject}"),
        ("{subject}/{day}/*", "names '{day}'"),
        ("{subject}/{date/*", "names '{'"),
        ("{subject}/{visit}{date}/*", "has {visit} and {date} side by side"),
        ("{subject}/{date}/", "has an empty part"),
        ("/{subject}/{date}/*", "has an empty part"),
        ("{subject}/**/{date}.jpg", "has **"),
        ("", "lacks {subject}"),
    ],
)
def test_a_pattern_that_cannot_be_used(root, pattern, told):
    add(root, BASE)
    with pytest.raises(UsageError) as refused:
        planned(root, patterns=(pattern,))
    assert told in refused.value.cause
    assert pattern in refused.value.line()


# --- by the camera's date ---------------------------------------------------------------------


def test_the_cameras_date_is_the_last_resort(root):
    from PIL import Image

    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2026:03:04 23:59:59"  # DateTimeOriginal, CIPA DC-008
    (root / "S1" / "week 4").mkdir(parents=True)
    Image.new("RGB", (64, 64)).save(root / "S1/week 4/IMG_20260305_1.jpg", exif=exif)
    Image.new("RGB", (64, 65)).save(root / "S1/none.jpg")
    add(root, "S2/2026-03-04/a.jpg", "S1/noise.jpg")
    plan = planned(root, captured=lambda path: photo.read(path).captured_at)
    first = next(iter(plan.photos))
    assert (first.relative, first.subject, first.visit, first.date, first.dated_by) == (
        "S1/week 4/IMG_20260305_1.jpg", "S1", "2026-03-04", date(2026, 3, 4), "exif"
    )  # fmt: skip
    assert [ref.dated_by for ref in plan.photos] == ["exif", "path"]
    told = errors(plan)
    assert told["S1/none.jpg"] == "has no date: neither its path nor the camera tells one"
    assert "--manifest" in advice(plan)["S1/none.jpg"]
    assert "photograph" in told["S1/noise.jpg"]  # unreadable, told as a failure of the plan
    assert len(told) == 2


def test_a_pattern_without_a_date_asks_the_camera(root):
    add(root, "S1/W4/a.jpg")
    day = datetime(2026, 3, 4, 12)
    (ref,) = planned(root, captured=lambda _: day, patterns=("{subject}/{visit}/*",)).photos
    assert (ref.visit, ref.date, ref.dated_by) == ("W4", date(2026, 3, 4), "exif")


def test_the_first_folder_is_no_subject_where_the_pattern_says_otherwise(root):
    add(root, "berlin/S1/a.jpg")
    plan = planned(root, patterns=("*/{subject}/{date}/*",))
    assert errors(plan) == {"berlin/S1/a.jpg": "fits no pattern"}


# --- by the manifest --------------------------------------------------------------------------


def test_a_manifest_says_everything(root, tmp_path):
    add(root, "x/a.jpg", "x/b.jpg")
    file = listed(
        tmp_path,
        "x/a.jpg,S1,BASELINE,2026-03-04,heel,y,0.08,99.5,N,Y,Y",
        "x/b.jpg,S1,,2099-12-31",
        encoding="utf-8-sig",
    )
    first, second = planned(root, manifest=file).photos
    assert (first.subject, first.visit, first.ulcer) == ("S1", "BASELINE", "heel")
    assert first.given == Given("Y", 0.08, 99.5, "N", "Y", "Y")
    assert (first.path, first.dated_by) == (root / "x/a.jpg", "manifest")
    assert (second.visit, second.date) == ("2099-12-31", date(2099, 12, 31))
    assert (second.ulcer, second.given) == (None, Given())


BAD_ROWS = [
    (
        "b.jpg,S1,V1,03/04/2026",
        "manifest row 3, column date: '03/04/2026' is an ambiguous date",
        "Write 2026-04-03 or 2026-03-04.",
    ),
    ("b.jpg,S1,V1,2026-02-30", "column date: '2026-02-30' is an impossible date", "Correct it"),
    ("b.jpg,S1,V1,", "row 3, column date: '' is blank", "Fill it in."),
    ("b.jpg,,V1,2026-03-04", "row 3, column subject: '' is blank", "Fill it in."),
    (",S1,V1,2026-03-04", "row 3, column path: '' is blank", "Fill it in."),
    ("c.jpg,S1,V1,2026-03-04", "column path: 'c.jpg' does not exist", "folder of photographs"),
    ("B.JPG,S1,V1,2026-03-04", "column path: 'B.JPG' does not exist", "Write b.jpg."),
    ("../d.jpg,S1,V1,2026-03-04", "'../d.jpg' leaves the folder of photographs", "below the"),
    ("/d.jpg,S1,V1,2026-03-04", "'/d.jpg' is an absolute path", "below the folder"),
    ("C:\\d.jpg,S1,V1,2026-03-04", "is an absolute path", "below the folder"),
    ("notes.txt,S1,V1,2026-03-04", "'notes.txt' is no photograph", "remove the row"),
    ("folder.jpg,S1,V1,2026-03-04", "'folder.jpg' is a folder", "row for each photograph"),
    ("linked/a.jpg,S1,V1,2026-03-04", "behind a link to a folder", "by its own place"),
    ("b.jpg,S1,V1,2026-03-04,,yes", "column evaluable: 'yes' is not Y, N or blank", "Write Y or N"),
    ("b.jpg,S1,V1,2026-03-04,,,much", "column mm_per_px: 'much' is not a number", "3.25"),
    ("b.jpg,S1,V1,2026-03-04,,,0", "column mm_per_px: '0' is not between 0.001 and 5", "Correct"),
    ("b.jpg,S1,V1,2026-03-04,,,,9.9", "column card_line_mm: '9.9' is not between 90 and 110", "Co"),
    ('b.jpg,S1,V1,2026-03-04,,,"0,08",,,,', "mm_per_px: '0,08' has a decimal comma", "Excel"),
    ("b.jpg,S1,V1,2026-03-04,,,0,08,,,,", "row 3: 12 cells, not 11", "decimal commas"),
    ("a.jpg,S2,V2,2026-03-05", "column path: 'a.jpg' is there already, in row 2", "Keep one row"),
    ("b.jpg,S1,V1,2026-03-04,U1", "column ulcer: 'U1' differs from 'u1' only in case", "one way"),
    (
        "b.jpg,,V1,today,,maybe",
        "manifest row 3, column subject: '' is blank; row 3, column date: 'today' is not an ISO "
        "date; row 3, column evaluable: 'maybe' is not Y, N or blank",
        "Fill it in. Write complete dates as YYYY-MM-DD. Write Y or N",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("row", "error", "remedy"), BAD_ROWS)
def test_a_bad_row_costs_itself_alone(root, tmp_path, row, error, remedy):
    add(root, "a.jpg", "b.jpg", "notes.txt", "folder.jpg/c.txt")
    (tmp_path / "aside").mkdir()
    add(tmp_path / "aside", "a.jpg")
    (root / "linked").symlink_to(tmp_path / "aside", target_is_directory=True)
    plan = planned(root, manifest=listed(tmp_path, "a.jpg,S1,V1,2026-03-04,u1", row))
    assert [(r.relative, r.subject) for r in plan.photos] == [("a.jpg", "S1")]
    named = [f for f in plan.failures if "is not in the manifest" not in f.error]
    (bad,) = named
    assert error in bad.error
    assert remedy in bad.advice
    assert bad.path == ("manifest.csv" if row.startswith(",") else row.split(",")[0])
    if not row.startswith("b.jpg"):
        assert errors(plan)["b.jpg"] == "is not in the manifest manifest.csv"
    assert len(plan.failures) == len(named) + (not row.startswith("b.jpg"))


MANIFEST_FAULTS = [
    ("path;subject;visit;date\na.jpg;S1;V1;2026-03-04\n", "parted by semicolons", "list separator"),
    ("path\tsubject\tvisit\tdate\n", "parted by tabs", "list separator"),
    ("path,subject,visit\na.jpg,S1,V1\n", "column date is missing", "Add a column named date"),
    ("path,subject,visit,Date\n", "column date is missing", "Rename 'Date'"),
    (
        "path,subject,visit,date,mm_per_pixel\n",
        "column 'mm_per_pixel' is unknown",
        "Rename 'mm_per_pixel' to mm_per_px",
    ),
    (
        "path,subject,visit,date,cm_per_px\n",
        "column 'cm_per_px' is unknown",
        "Convert 'cm_per_px' to mm per px (multiply by 10) and name it mm_per_px",
    ),
    ("path,subject,visit,date,Closed\n", "column 'Closed' is unknown", "Rename 'Closed' to closed"),
    ("path,subject,visit,date,date\n", "column date is there twice", "Keep one"),
    ("", "is empty", "header row"),
    ("path,subject,visit,date\n,,,\n", "has a header but no rows", "a row for each photograph"),
    ('path,subject,visit,date\n"a.jpg,S1,V1,2026-03-04\n', "row 2: is not CSV", "quotes"),
]


@pytest.mark.parametrize(("text", "cause", "remedy"), MANIFEST_FAULTS)
def test_a_manifest_that_cannot_be_understood_stops(root, tmp_path, text, cause, remedy):
    add(root, "a.jpg")
    file = tmp_path / "manifest.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(TableError) as refused:
        planned(root, manifest=file)
    assert cause in refused.value.cause
    assert remedy in refused.value.remedy
    assert refused.value.line().startswith(f"{file}: ")


def test_a_manifest_of_another_encoding_or_none(root, tmp_path):
    add(root, "a.jpg")
    file = listed(tmp_path, "a.jpg,Müller,V1,2026-03-04", encoding="latin-1")
    with pytest.raises(TableError, match="is not UTF-8"):
        planned(root, manifest=file)
    with pytest.raises(TableError, match="cannot be read"):
        planned(root, manifest=tmp_path / "none.csv")


def test_columns_of_ones_own_are_passed_over(root, tmp_path):
    add(root, "a.jpg")
    header = "path,subject,visit,date,ulcer,ulcer_note,site"
    file = listed(tmp_path, "a.jpg,S1,V1,2026-03-04,u1,sore,Berlin", header=header)
    assert [ref.ulcer for ref in planned(root, manifest=file).photos] == ["u1"]


def test_a_manifest_takes_what_the_scale_takes():
    def by_manifest(parse, text):
        try:
            parse(text)
        except CellError:
            return False
        return True

    def by_scale(**given_mm):
        try:
            ScaleOptions(**given_mm)
        except UsageError:
            return False
        return True

    columns = {column.name: column.parse for column in manifest._columns()}
    for value in (0.0, 0.0009, 0.001, 5.0, 5.1, 89.9, 90.0, 110.0, 110.1):
        for name in ("mm_per_px", "card_line_mm"):
            taken = by_manifest(columns[name], str(value))
            assert taken == by_scale(**{name: value}), (name, value)


# --- names ------------------------------------------------------------------------------------

COMPOSED, DECOMPOSED = "M\u00fcller", "Mu\u0308ller"
NAMES = ["王小明", "Ana María Pérez", "🦶 foot", COMPOSED, DECOMPOSED, "a'b;c"]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_all_kinds(root, tmp_path, name):
    relative = f"{name}/2026-03-04/{name}.jpg"
    add(root, relative)
    (ref,) = planned(root).photos
    assert (ref.relative, ref.subject) == (relative, unicodedata.normalize("NFC", name))
    for form in ("NFC", "NFD"):
        written = unicodedata.normalize(form, relative)
        file = listed(tmp_path, f"{written},{name},V1,2026-03-04")
        (ref,) = planned(root, manifest=file).photos
        assert (ref.relative, ref.path) == (relative, root / relative)
        assert ref.subject == unicodedata.normalize("NFC", name)


def test_both_spellings_in_one_folder_are_two_files(root, tmp_path):
    add(root, f"{COMPOSED}.jpg", f"{DECOMPOSED}.jpg")
    if len(list(root.iterdir())) == 1:
        pytest.skip("this disk holds them to be one")
    file = listed(
        tmp_path, f"{COMPOSED}.jpg,S1,V1,2026-03-04", f"{DECOMPOSED}.jpg,S1,V1,2026-03-04"
    )
    plan = planned(root, manifest=file)
    assert {ref.relative for ref in plan.photos} == {f"{COMPOSED}.jpg", f"{DECOMPOSED}.jpg"}


@pytest.mark.parametrize(
    "written", ["./S1//V/a.jpg", "S1\\V\\a.jpg", "S1/W/../V/a.jpg", " S1/V/a.jpg  "]
)
def test_other_ways_to_write_a_path(root, tmp_path, written):
    add(root, "S1/V/a.jpg")
    file = listed(tmp_path, f"{written},S1,V,2026-03-04")
    assert [ref.relative for ref in planned(root, manifest=file).photos] == ["S1/V/a.jpg"]


def test_a_name_that_begins_with_a_space(root, tmp_path):
    add(root, " a.jpg", "a.jpg")
    file = listed(tmp_path, " a.jpg,S1,V,2026-03-04", "a.jpg,S1,V,2026-03-05")
    assert [ref.relative for ref in planned(root, manifest=file).photos] == [" a.jpg", "a.jpg"]


def test_a_name_that_is_not_unicode(root):
    add(root, BASE)
    folder = os.fsencode(root / "S1/BASE_2026-03-04")
    try:
        Path(os.fsdecode(folder + b"/b\xff.jpg")).write_bytes(b"b")
    except OSError:
        pytest.skip("this disk takes Unicode alone")
    plan = planned(root)
    assert errors(plan) == {"S1/BASE_2026-03-04/b\\xff.jpg": "its name is not Unicode (UTF-8)"}
    "\n".join(table(plan)).encode()


# --- the same photograph twice ----------------------------------------------------------------


def test_the_first_of_the_same_photographs_stays(root):
    stays, tie, later = "S2/V0_2026-03-04/a.jpg", "S2/V1_2026-03-04/b.jpg", "S1/V2_2026-03-11/a.jpg"
    add(root, later, tie, stays, content=b"the same")
    add(root, "S1/V2_2026-03-11/b.jpg", content=b"THE SAME")  # of equal size, another picture
    plan = planned(root)
    assert [ref.relative for ref in plan.photos] == ["S1/V2_2026-03-11/b.jpg", stays]
    told = f"is the same photograph as {stays} (subject S2, visit V0, 2026-03-04)"
    assert errors(plan) == {later: told, tie: told}
    assert "Find out which visit" in advice(plan)[later]


def test_a_photograph_twice_in_one_visit_is_measured_once(root):
    add(root, "S1/V1_2026-03-04/a.jpg", "S1/V1_2026-03-04/b.jpg", content=b"the same")
    plan = planned(root)
    assert [ref.relative for ref in plan.photos] == ["S1/V1_2026-03-04/a.jpg"]
    assert errors(plan) == {
        "S1/V1_2026-03-04/b.jpg": "is the same photograph as S1/V1_2026-03-04/a.jpg, of the same "
        "visit"
    }


def test_equal_only_in_the_middle_is_not_equal(root):
    add(root, "S1/2026-03-04/a.jpg", content=b"a" + bytes(9000))
    add(root, "S1/2026-03-04/b.jpg", content=b"b" + bytes(9000))
    assert len(planned(root).photos) == 2


def test_nothing_is_opened_but_files_of_equal_size(root, monkeypatch):
    add(root, "S1/2026-03-04/a.jpg", content=b"one")
    add(root, "S1/2026-03-04/b.jpg", content=b"three")
    add(root, "S1/2026-03-04/c.jpg", content=b"eight")
    add(root, "S1/2026-03-04/empty1.jpg", "S1/2026-03-04/empty2.jpg", content=b"")
    os.mkfifo(root / "S1/2026-03-04/pipe1.jpg")
    os.mkfifo(root / "S1/2026-03-04/pipe2.jpg")
    (root / "S1/2026-03-04/gone.jpg").symlink_to(root / "nowhere.jpg")
    opened = []
    real = Path.open

    def noted(self, *args, **kwargs):
        assert "pipe" not in self.name  # it would wait for ever
        opened.append(self.name)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", noted)
    plan = planned(root)
    assert len(plan.photos) == 8  # reading them will say what is wrong with each
    assert sorted(opened) == ["b.jpg", "c.jpg"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=2), max_size=8))
def test_copies_are_those_of_equal_bytes(contents):
    with tempfile.TemporaryDirectory() as folder:
        known = Ledger(Path(folder))
        for number, content in enumerate(contents):
            Path(folder, str(number)).write_bytes(content)
        known.place(
            PhotoRef(Path(folder, str(n)), str(n), "S1", "V", date(2026, 3, 4))
            for n in range(len(contents))
        )
        found = [(int(ref.relative), int(stays.relative)) for ref, stays in copies.find(known)]
    alike = {c: [n for n, other in enumerate(contents) if other == c] for c in contents if c}
    assert sorted(found) == sorted((n, group[0]) for group in alike.values() for n in group[1:])


# --- subjects ---------------------------------------------------------------------------------


def subjects_file(folder: Path, *rows: str) -> Path:
    place = folder / "subjects.csv"
    place.write_text("\n".join(["subject,trt_start", *rows]) + "\n", encoding="utf-8")
    return place


def test_subjects_unknown_missing_and_without_a_baseline(root, tmp_path):
    add(root, "S1/2026-02-04/a.jpg", "S2/2026-02-03/a.jpg", "S3/2026-03-05/a.jpg")
    add(root, "s1/2026-02-04/b.jpg", "S9/2026-03-04/a.jpg", "S5/2026-03-04/a.jpg")
    starts = [f"{subject},2026-03-04" for subject in ("S1", "S2", "S3", "S4", "S5")]
    plan = planned(root, subjects=subjects_file(tmp_path, *starts))
    assert [ref.subject for ref in plan.photos] == ["S1", "S2", "S3", "S5"]
    assert errors(plan) == {
        "S9/2026-03-04/a.jpg": "subject 'S9' is not in subjects.csv",
        "s1/2026-02-04/b.jpg": "subject 's1' is not in subjects.csv",
    }
    assert advice(plan)["s1/2026-02-04/b.jpg"] == "Spell the subject 'S1'."
    # 2026-02-04 is 28 days before 2026-03-04: the window's first day (protocol, section 2.3)
    no_baseline = (
        "no baseline: no photograph to evaluate is dated 2026-02-04 to 2026-03-04 "
        "(first dose 2026-03-04, window 28 days)"
    )
    assert plan.warnings == (
        f"subject S2: {no_baseline}",
        f"subject S3: {no_baseline}",
        "subject S4: is in the table of subjects, but has no photograph in the plan",
    )


def test_the_baseline_window_is_the_protocols(root, tmp_path):
    add(root, "S1/2026-03-01/a.jpg")
    file = subjects_file(tmp_path, "S1,2026-03-04")
    assert planned(root, subjects=file, calendar=Calendar(baseline_window_days=3)).warnings == ()
    (warning,) = planned(root, subjects=file, calendar=Calendar(baseline_window_days=2)).warnings
    assert "2026-03-02 to 2026-03-04" in warning


def test_without_subjects_the_visit_named_baseline_is_the_first_dose(root, tmp_path):
    add(root, "S1/screen_2026-02-20/a.jpg", "S1/Baseline_2026-03-04/a.jpg", "S2/2026-03-04/a.jpg")
    assert planned(root).warnings == ()
    file = listed(
        tmp_path,
        "S1/screen_2026-02-20/a.jpg,S1,screen,2026-02-20,,N",
        "S1/Baseline_2026-03-04/a.jpg,S1,Baseline,2026-03-04,,N",
        "S2/2026-03-04/a.jpg,S2,V1,2026-03-04",
    )
    (warning,) = planned(root, manifest=file).warnings
    assert warning.startswith("subject S1: no baseline")
    assert "first dose 2026-03-04" in warning


def test_a_table_of_subjects_that_cannot_be_understood_stops(root, tmp_path):
    add(root, BASE)
    with pytest.raises(TableError, match="ambiguous date"):
        planned(root, subjects=subjects_file(tmp_path, "S1,03/04/2026"))


def test_a_table_of_subjects_that_can_be_read_only_once_is_refused(root, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TableError, match=r"can be read only once\. Save the table of subjects as"):
        planned(root, subjects=tmp_path / "pipe")


def test_a_table_of_subjects_without_rows_stops(root, tmp_path):
    add(root, BASE)
    with pytest.raises(TableError, match=r"has no rows\. Give it a row for each subject"):
        planned(root, subjects=subjects_file(tmp_path))


def test_subjects_are_spelled_as_their_table_does(root, tmp_path):
    add(root, f"{COMPOSED}/2026-03-04/a.jpg")
    plan = planned(root, subjects=subjects_file(tmp_path, f"{DECOMPOSED},2026-03-04"))
    assert [ref.subject for ref in plan.photos] == [DECOMPOSED]
    assert plan.warnings == ()


def test_subjects_that_differ_only_in_case(root):
    add(root, "s1/2026-03-04/a.jpg", "S1/2026-03-11/a.jpg", "S1/2026-03-18/a.jpg")
    plan = planned(root)
    assert [ref.subject for ref in plan.photos] == ["s1"]  # the earliest photograph's spelling
    told = "subject 'S1' differs from 's1' only in case"
    assert errors(plan) == {"S1/2026-03-11/a.jpg": told, "S1/2026-03-18/a.jpg": told}


def test_the_same_photograph_stays_where_its_subject_is_known(root, tmp_path):
    add(root, "S0/2026-03-01/a.jpg", "S1/2026-03-04/a.jpg", "S2/2026-03-09/a.jpg", content=b"x")
    file = subjects_file(tmp_path, "S1,2026-03-04", "S2,2026-03-09")
    plan = planned(root, subjects=file)
    assert [ref.relative for ref in plan.photos] == ["S1/2026-03-04/a.jpg"]
    assert "is not in subjects.csv; is the same" in errors(plan)["S0/2026-03-01/a.jpg"]
    assert len(plan.failures) == 2


def test_one_visit_name_on_two_dates_is_a_warning(root):
    add(root, "S1/V1_2026-03-04/a.jpg", "S1/V1_2026-03-11/a.jpg", "S2/V1_2026-03-12/a.jpg")
    plan = planned(root)
    assert len(plan.photos) == 3
    assert plan.warnings == ("subject S1: visit V1 is on 2 dates: 2026-03-04, 2026-03-11",)


# --- doubtful dates ---------------------------------------------------------------------------

SCHEDULE = Calendar(tuple(protocol.load().schedule), date(2026, 11, 28))


def doubtful(root: Path, **options) -> dict[str, list[str]]:
    """The codes of what is doubtful about each photograph."""
    plan = planned(root, calendar=SCHEDULE, **options)
    return {ref.relative: [doubt.code for doubt in ref.doubts] for ref in plan.photos}


@pytest.mark.parametrize(
    ("visit", "days"),
    [
        ("W4", (21, 41)),  # of the schedule: its window
        ("w04", (21, 41)),
        ("Week 12", (70, 97)),
        ("M6", (155, 211)),
        ("MONTH6", (155, 211)),
        ("6 months", (155, 211)),
        ("Baseline", (-28, 0)),
        ("V0", (-28, 0)),
        ("Day 0", (-28, 0)),
        ("D14", (0, 28)),  # two weeks either way
        ("W10", (35, 105)),  # half of it either way
        ("1Y", (183, 548)),
    ],
)
def test_a_visits_name_says_when_it_is_due(visit, days):
    found = visits.calendar.due(visit, SCHEDULE)
    assert (found.first, found.last) == days


@pytest.mark.parametrize("visit", ["V1", "V12", "2026-03-04", "unscheduled", "M", "C1D1", "W4 M6"])
def test_other_names_say_nothing_of_a_day(visit):
    assert visits.calendar.due(visit, SCHEDULE) is None


def test_a_visit_whose_name_contradicts_its_day_is_named(root):
    add(root, "S1/BASELINE_2026-03-04/a.jpg", "S1/W4_2026-04-01/a.jpg", "S1/M6_2026-03-18/a.jpg")
    plan = planned(root, calendar=SCHEDULE)
    told = (
        "subject S1: visit M6 is dated 2026-03-18, day 14 (first dose 2026-03-04): "
        "it is due on days 155 to 211"
    )
    assert plan.warnings == (told,)
    assert doubtful(root)["S1/M6_2026-03-18/a.jpg"] == ["visit_conflict"]
    assert doubtful(root)["S1/W4_2026-04-01/a.jpg"] == []


def test_days_are_counted_from_the_first_dose_of_the_table(root, tmp_path):
    add(root, "S1/BASELINE_2026-03-04/a.jpg", "S1/W2_2026-03-18/a.jpg")
    table = subjects_file(tmp_path, "S1,2026-01-01")
    found = doubtful(root, subjects=table)
    assert found["S1/W2_2026-03-18/a.jpg"] == ["visit_conflict"]  # day 76
    assert found["S1/BASELINE_2026-03-04/a.jpg"] == ["visit_conflict"]  # day 62


def test_a_date_after_today_is_named(root):
    add(root, "S1/V1_2026-11-28/a.jpg", "S1/V2_2026-11-29/a.jpg", "S1/V2_2026-11-29/b.jpg")
    plan = planned(root, calendar=SCHEDULE)
    told = "subject S1: visit V2 is dated 2026-11-29, after today (2026-11-28)"
    assert plan.warnings == (told,)
    assert doubtful(root)["S1/V1_2026-11-28/a.jpg"] == []
    assert doubtful(root)["S1/V2_2026-11-29/b.jpg"] == ["date_future"]


def test_a_visit_after_the_amputation_is_named(root, tmp_path):
    add(root, "S1/V1_2026-03-04/a.jpg", "S1/V2_2026-04-01/a.jpg", "S1/V3_2026-04-02/a.jpg")
    table = tmp_path / "subjects.csv"
    table.write_text("subject,trt_start,amputation_date\nS1,2026-03-04,2026-04-01\n")
    plan = planned(root, subjects=table, calendar=SCHEDULE)
    assert [line.partition(", not")[0] for line in plan.warnings] == [
        "subject S1: visit V2 is dated 2026-04-01",
        "subject S1: visit V3 is dated 2026-04-02",
    ]
    assert doubtful(root, subjects=table)["S1/V3_2026-04-02/a.jpg"] == ["after_amputation"]


def test_subjects_that_differ_only_in_case_are_named(root, tmp_path):
    add(root, "A/V1_2026-03-04/a.jpg", "a/V1_2026-03-04/a.jpg", "B/V1_2026-03-04/a.jpg")
    table = subjects_file(tmp_path, "A,2026-03-04", "a,2026-03-04", "B,2026-03-04")
    plan = planned(root, subjects=table, calendar=SCHEDULE)
    assert plan.warnings == (
        "subject A: subject 'A' differs from 'a' only in case",
        "subject a: subject 'a' differs from 'A' only in case",
    )
    found = doubtful(root, subjects=table)
    assert found["a/V1_2026-03-04/a.jpg"] == ["subject_twin"]
    assert found["B/V1_2026-03-04/a.jpg"] == []


# --- names of ulcers --------------------------------------------------------------------------


def names_file(folder: Path, *rows: str, header: str = "path,ulcer") -> Path:
    place = folder / "names.csv"
    place.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return place


def test_names_are_given_to_single_photographs(root, tmp_path):
    add(root, BASE, "S1/V2_2026-04-01/a.jpg")
    plan = planned(root, names=names_file(tmp_path, "S1\\V2_2026-04-01\\a.jpg,u2"))
    assert [(ref.visit, ref.ulcer) for ref in plan.photos] == [("BASE", None), ("V2", "u2")]
    assert errors(plan) == {}


def test_names_go_with_a_manifest_unless_they_contradict_it(root, tmp_path):
    add(root, "a.jpg", "b.jpg", "c.jpg")
    rows = [f"{name}.jpg,S1,V{k},2026-03-0{k}" for k, name in enumerate("abc", 1)]
    file = listed(tmp_path, rows[0], f"{rows[1]},heel", f"{rows[2]},heel")
    names = names_file(tmp_path, "a.jpg,heel", "b.jpg,heel", "c.jpg,toe")
    plan = planned(root, manifest=file, names=names)
    assert [(ref.relative, ref.ulcer) for ref in plan.photos] == [
        ("a.jpg", "heel"),
        ("b.jpg", "heel"),
    ]
    assert errors(plan) == {
        "c.jpg": "names row 4, column ulcer: 'toe' contradicts the manifest's 'heel'"
    }


def test_a_bad_row_of_names_is_a_failure_that_says_where(root, tmp_path):
    every = [f"S1/V{k}_2026-03-0{k}/a.jpg" for k in range(1, 7)]
    add(root, *every)
    names = names_file(
        tmp_path,
        f"{every[0]},u1",
        f"{every[0]},u2",  # a photograph twice
        "S1/V9_2026-03-09/a.jpg,u1",  # no such photograph
        f"{every[1]},",
        f"{every[2]},u1,x",
        f"{every[3]},U1",
        f"{every[4]},u1;u2",
    )
    plan = planned(root, names=names)
    assert [ref.relative for ref in plan.photos] == [every[5]]
    assert errors(plan) == {
        every[0]: f"names row 3, column path: '{every[0]}' is there already, in row 2",
        "S1/V9_2026-03-09/a.jpg": (
            "names row 4, column path: 'S1/V9_2026-03-09/a.jpg' does not exist"
        ),
        every[1]: "names row 5, column ulcer: '' is blank",
        every[2]: f"names row 6: 3 cells, not 2: '{every[2]},u1,x'",
        every[3]: "names row 7, column ulcer: 'U1' differs from 'u1' only in case",
        every[4]: "names row 8, column ulcer: 'u1;u2' cannot be an ulcer's name",
    }


def test_a_name_for_a_photograph_outside_the_plan_is_said(root, tmp_path):
    add(root, BASE, "stray.jpg")
    plan = planned(root, names=names_file(tmp_path, f"{BASE},u1", "stray.jpg,u1"))
    told = [failure.error for failure in plan.failures if failure.path == "stray.jpg"]
    assert "names row 3, column ulcer: 'u1' is for a photograph that is not in the plan" in told


@pytest.mark.parametrize(
    ("header", "rows", "match"),
    [
        ("path,name", ["a.jpg,u1"], "column ulcer is missing"),
        ("path;ulcer", ["a.jpg;u1"], "semicolons"),
        ("path,ulcer", [], "no rows"),
    ],
)
def test_a_table_of_names_that_cannot_be_understood_stops(root, tmp_path, header, rows, match):
    add(root, BASE)
    with pytest.raises(TableError, match=match):
        planned(root, names=names_file(tmp_path, *rows, header=header))


# --- the table --------------------------------------------------------------------------------


def test_the_plan_as_a_table(root, tmp_path):
    add(root, "王/a.jpg", "b.jpg", "c.jpg")
    file = listed(tmp_path, "王/a.jpg,王,V1,2026-03-04,heel", "b.jpg,S1,V1,2026-03-11")
    assert "".join(f"{line}\n" for line in table(planned(root, manifest=file))) == (
        "path      subject  visit  date        ulcer  from\n"
        "b.jpg     S1       V1     2026-03-11         manifest\n"
        "王/a.jpg  王       V1     2026-03-04  heel   manifest\n"
        "\n"
        "not in the plan: 1\n"
        "  c.jpg: is not in the manifest manifest.csv. Add a row for it.\n"
    )


def test_control_characters_do_not_break_the_table(root):
    add(root, "S1/V1_2026-03-04/a\nb.jpg", "S1/V1_2026-03-05/c.jpg")
    lines = list(table(planned(root)))
    assert lines[1].startswith("S1/V1_2026-03-04/a\\nb.jpg  S1 ")
    assert lines[-2:] == ["to know: 1", "  subject S1: visit V1 is on 2 dates: 2026-03-04, "
                          "2026-03-05"]  # fmt: skip


def test_failures_of_unreadable_photographs_keep_the_readers_advice(root):
    def unreadable(path):
        raise UnreadablePhotoError(path, "is cut off", "Copy it again")

    add(root, "S1/a.jpg")
    assert list(planned(root, captured=unreadable).failures) == [
        Failure("S1/a.jpg", "plan", "is cut off", "Copy it again.")
    ]


def test_a_plan_of_ten_times_the_photographs_takes_no_more_memory(root):
    def peak(subjects):
        add(root, *(f"S{n // 20:03}/V{n % 20}_2026-03-04/{n}.jpg" for n in range(20 * subjects)))
        tracemalloc.start()
        plan = planned(root)
        seen = sum(1 for _ in plan.photos.where(lambda ref: ref.subject != "S000"))
        assert (len(plan.photos), seen) == (20 * subjects, 20 * (subjects - 1))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)  # imports and caches
    few, many = peak(3), peak(30)
    assert many - few < 540 * 200  # bytes; as Python objects a photograph takes 1,200


def test_a_full_disk_for_temporary_files_is_told(root, monkeypatch):
    monkeypatch.setattr(ledger, "_SCHEMA", f"PRAGMA max_page_count = 20;{ledger._SCHEMA}")
    add(root, *(f"S1/V_2026-03-04/{'long' * 50}{n}.jpg" for n in range(200)))
    with pytest.raises(OutputError, match="is full") as told:
        planned(root)
    assert "TMPDIR" in told.value.remedy


# --- properties of the parsers ----------------------------------------------------------------

DAYS = st.dates(min_value=date(1990, 1, 1), max_value=date(2999, 12, 31))


@given(DAYS)
def test_dates_are_read_with_and_without_their_marks(day):
    assert visit_date(day.isoformat()) == day
    assert visit_date(day.strftime("%Y%m%d")) == day


@given(
    st.dates(date(1990, 1, 1), date(2099, 12, 31)),
    st.sampled_from("-./_ "),
    st.sampled_from(["{d}{s}{m}{s}{y}", "{m}{s}{d}{s}{y}"]),
)
def test_advice_on_a_date_in_another_order_holds_the_date_that_was_meant(day, mark, order):
    text = order.format(d=day.day, m=day.month, y=day.year, s=mark)
    with pytest.raises(CellError) as refused:
        visit_date(text)
    assert day.isoformat() in refused.value.remedy
    twofold = day.day <= 12 and day.day != day.month
    assert ("ambiguous" in refused.value.cause) == twofold


@given(st.one_of(st.text(max_size=12), st.text("0123456789-/. ", max_size=11)))
def test_a_text_is_a_date_or_refused(text):
    try:
        day = visit_date(text)
    except CellError as refused:
        assert refused.cause
        assert refused.remedy
    else:
        assert text in (day.isoformat(), day.strftime("%Y%m%d"))
        assert day.year >= 1990


NAME = (
    st.text(st.characters(exclude_characters="/", exclude_categories=("Cs",)), max_size=12)
    .map(lambda text: unicodedata.normalize("NFC", text).strip())
    .filter(bool)
)


@given(NAME, NAME, DAYS, st.booleans(), NAME)
def test_a_path_gives_back_what_it_was_made_from(subject, visit, day, compact, name):
    written = day.strftime("%Y%m%d") if compact else day.isoformat()
    known = [patterns.compiled(text) for text in patterns.DEFAULT_PATTERNS]
    place = patterns.place(f"{subject}/{visit}_{written}/{name}", known)
    assert place == patterns.Place(subject, visit, day)
    place = patterns.place(f"{subject}/{written}/{name}", known)
    assert (place.subject, place.day) == (subject, day)


@given(st.text(string.ascii_letters + string.digits + "/-_. 年月é", max_size=40))
def test_a_path_is_placed_or_refused(path):
    known = [patterns.compiled(text) for text in patterns.DEFAULT_PATTERNS]
    try:
        place = patterns.place(path, known)
    except CellError as refused:
        assert refused.cause
    else:
        assert place.subject == place.subject.strip() != ""
        if place.day is not None:
            assert any(f"{place.day:{form}}" in path for form in ("%Y-%m-%d", "%Y%m%d"))


@given(st.text("{}*/_-subjectvidae", max_size=30))
def test_a_pattern_is_compiled_or_refused(text):
    try:
        pattern = patterns.compiled(text)
    except UsageError:
        return
    assert "subject" in pattern.fields
    assert "{subject}" in text


PART = st.text(st.characters(exclude_characters="/", exclude_categories=("Cs",)), min_size=1)
PATHS = st.lists(PART.filter(lambda part: part not in (".", "..")), min_size=1, max_size=3)


@given(st.lists(PATHS.map("/".join), max_size=6))
def test_every_exact_path_is_found(photos):
    known = Ledger(Path("nowhere"))
    known.list_files(set(photos))
    index = manifest.Index(known)
    for path in photos:
        assert index.find(path) == path
        decomposed = unicodedata.normalize("NFD", path)
        found = index.find(decomposed)
        assert unicodedata.normalize("NFD", found) == decomposed
