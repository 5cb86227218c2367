"""The report's files: what they say, that nothing comes from outside, that no text is markup."""

from __future__ import annotations

import errno
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest
from drawn_study import (
    BLURRED,
    RULES,
    START,
    UNVERIFIED,
    facts,
    healed,
    healing,
    photo,
    row,
    several,
    subject,
)
from hypothesis import given
from hypothesis import strategies as st

from woundseg import report
from woundseg.errors import OutputError
from woundseg.pages import markup
from woundseg.records import Failure
from woundseg.report import charts, front, writing
from woundseg.report import subject as subject_page
from woundseg.report.course import courses
from woundseg.report.writing import page_name

HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>"


class Tags(HTMLParser):
    """What is open at the end, what closes nothing, ids, links, and the text seen."""

    VOID = ("meta", "br", "img", "link", "input")
    INLINE = ("a", "b", "code", "span", "time")

    def __init__(self, page):
        super().__init__()
        self.open, self.wrong, self.ids, self.links, self.text = [], [], [], [], []
        self.tags = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        self._gap(tag)
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[name] for name in ("href", "src") if name in given]

    def _gap(self, tag):
        self.text += [] if tag in self.INLINE else [" "]

    def handle_endtag(self, tag):
        self._gap(tag)
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.text.append(data)


def written(tmp_path, *subjects, count=None, **changes):
    known = facts(len(subjects), **changes)
    paths = report.write(known, iter(subjects), tmp_path, count or len(subjects))
    return {path.relative_to(tmp_path).as_posix(): path.read_text("utf-8") for path in paths}


def one(tmp_path, *subjects, **changes):
    (page,) = written(tmp_path, *subjects, **changes).values()
    return page


def words(page):
    return re.sub("[ \n]+", " ", "".join(Tags(page).text)).strip()


def test_up_to_200_subjects_one_file_above_that_a_page_each(tmp_path):
    assert writing.ONE_FILE == 200
    assert list(written(tmp_path / "a", healed(), several(), count=200)) == ["report.html"]
    pages = written(tmp_path / "b", healed("S01"), several("S02"), count=201)
    assert list(pages) == ["report.html", "report/S01.html", "report/S02.html"]
    assert "data:image" not in pages["report.html"]
    assert 'href="report/S01.html"' in pages["report.html"]
    assert 'href="../report.html"' in pages["report/S01.html"]


@pytest.mark.parametrize("count", [1, 500])
def test_nothing_comes_from_outside(tmp_path, count):
    pages = written(tmp_path, healed(), several(), count=count, failures=(many_failures()[0],))
    for name, page in pages.items():
        assert not re.search(r"https?://", page), name
        assert "@import" not in page
        assert "url(" not in page
        found = Tags(page)
        assert (found.open, found.wrong) == ([], []), name
        assert len(found.ids) == len(set(found.ids))
        for link in found.links:
            inside = link.startswith("#") and link[1:] in found.ids
            beside = (tmp_path / name).parent / unquote(link)
            assert inside or link.startswith("data:image/jpeg;") or beside.suffix in (
                ".html", ".png"
            ), link  # fmt: skip
        (policy,) = (
            given["content"] for tag, given in found.tags if tag == "meta" and "http-equiv" in given
        )
        assert policy.startswith("default-src 'none'; img-src data:;")


def test_links_between_the_pages_lead_somewhere(tmp_path):
    names = ["S01", "s01", "张 三", "a/b", "😀", "CON"]
    pages = written(tmp_path, *(healed(name) for name in names), count=300)
    links = [link for link in Tags(pages["report.html"]).links if not link.startswith("#")]
    assert {(tmp_path / unquote(link)).resolve() for link in links} == {
        path.resolve() for path in (tmp_path / "report").iterdir()
    }
    assert len(pages) == 1 + len(names)


def test_no_text_is_taken_for_markup(tmp_path):
    name = HOSTILE
    told = replace(
        healed(name), overdue=HOSTILE, to_look_at=(HOSTILE,), index_ulcer=HOSTILE,
        rows=tuple(
            replace(each, visit=HOSTILE, ulcer=HOSTILE, flags=(HOSTILE,), scale=HOSTILE)
            for each in healed(name).rows
        ),
        healing=(healing(2, 5.0, ulcer=HOSTILE, visit=HOSTILE),),
    )  # fmt: skip
    flag = UNVERIFIED.model_copy(update={"code": HOSTILE, "advice": HOSTILE, "severity": "warning"})
    failure = Failure(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    photos = tuple(
        replace(
            each,
            flags=(flag,),
            failure=failure,
            overlay=HOSTILE,
            outlines=dict.fromkeys([HOSTILE], each.outlines.get("u1", ())),
        )
        for each in told.photos
    )
    told = replace(told, photos=photos)
    texts = dict.fromkeys(("title", "software", "weights", "head", "photos"), HOSTILE)
    for count in (1, 500):
        pages = written(
            tmp_path / str(count), told, count=count, failures=(failure,), warnings=(HOSTILE,),
            counts={HOSTILE: 3}, **texts,
        )  # fmt: skip
        for page in pages.values():
            found = Tags(page)
            assert (found.open, found.wrong) == ([], [])
            assert [tag for tag, _ in found.tags].count("script") == 1
            assert "img" not in {tag for tag, _ in found.tags}
            assert not any("onerror" in given for _, given in found.tags)
    assert HOSTILE in "".join(found.text)


def test_the_front_page_says_what_is_to_be_done(tmp_path):
    text = words(one(tmp_path, healed(), several()))
    assert "Late: 1 subject S02 W16 (2025-04-14 to 2025-05-11)" in text
    assert "Visits not measured: 2 subjects S01 V4 2025-02-03 (too blurred to place" in text
    assert "V2 2025-01-20 (has no scale), V6 2025-02-17 (is cut short), V10 2025-03-17 (u2:" in text
    assert "Needs a person’s eye: 1 subject S02 V10 2025-03-17: not sure whether" in text
    assert f"Head of the chain of results: {'a1' * 32}" in text


def test_a_front_page_with_nothing_to_do(tmp_path):
    text = words(one(tmp_path, subject([row(0, 8.0)], [photo("S01/V0.jpg", u1=(9, 9, 5, 5))])))
    assert "Nobody is late." in text
    assert "Every visit was measured." in text
    assert "Needs a person’s eye Nothing." in text
    assert "Files not measured: 0 None." in text


def test_the_table_of_subjects(tmp_path):
    page = one(tmp_path, healed(), several())
    first, second = re.findall(r"<tr>(<td.*?)</tr>", page[page.index('id="subjects"') :])[:2]
    shown = [re.sub("<[^>]*>", "", cell) for cell in first.split("</td>")[:-1]]
    assert shown == [
        "S01", "u1", "8.00", "closed", "−100 %", "2025-03-31", "5", "1", "–", "–", "blurred",
    ]  # fmt: skip
    keys = re.findall(r'data-v="([^"]*)"', first)
    assert keys == ["8", "0", "-100", "5", "1", "0", ""]
    shown = [re.sub("<[^>]*>", "", cell) for cell in second.split("</td>")[:-1]]
    assert shown[2:6] == ["3.00", "5.50 (4.95–6.05)", "+83 %", "2025-03-17"]
    assert shown[-2:] == ["late", "possible_new_ulcer"]


def many_failures():
    lost = [Failure(f"x/{n}.jpg", "read", "is cut short", "Copy it again.") for n in range(10_000)]
    odd = Failure("S9/03-04-2026/a.jpg", "plan", "the date is ambiguous", "Write it as 2026-04-03.")
    return [odd, *lost]


def test_failures_stand_by_stage_with_their_advice(tmp_path):
    page = one(tmp_path, healed(), failures=tuple(many_failures()))
    text = words(page)
    assert text.index("Plan: 1 file not placed") < text.index(
        "Read: 10\u202f000 files not readable"
    )
    assert "Is cut short. Copy it again. x/0.jpg, x/1.jpg" in text
    assert "and 9\u202f980 more" in text
    assert len(page) < 400_000


def test_ten_thousand_causes_do_not_swell_the_page(tmp_path):
    every = tuple(Failure(f"{n}.txt", "read", f"is odd: {n}", "Remove it.") for n in range(10_000))
    page = one(tmp_path, healed(), failures=every)
    assert "Is odd: 49." in page
    assert "Is odd: 50." not in page
    assert "9\u202f950 more files with other causes: failures.csv." in page


def test_long_lists_are_cut_and_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(front, "MOST_LINES", 10)
    page = one(tmp_path, *(healed(f"S{n}") for n in range(12)))
    text = words(page)
    assert "Visits not measured: 12 subjects" in text
    assert "2 more subjects" in text  # 8 stand open, 2 unfold
    assert "and 2 more subjects: see the table." in text
    assert page.count('<td class="t"><a href="#s') == 12


def test_a_photograph_says_its_area_or_why_not(tmp_path):
    page = one(tmp_path, healed(), several())
    tiles = [words(tile) for tile in re.findall(r'<figure class="tile">.*?</figure>', page)]
    assert "V0 · 2025-01-06 8.00 cm² (7.20–8.80)" in tiles[0]
    assert "V4 · 2025-02-03 too blurred to place an outline blurred" in tiles[2]
    assert tiles[4].endswith("V12 · 2025-03-31 closed")
    assert "u1 3.00 cm² (2.70–3.30) u2 1.00 cm² (0.90–1.10)" in tiles[5]
    assert "has no scale" in tiles[6]
    assert "no picture V6 · 2025-02-17 is cut short" in tiles[7]
    assert "u1 5.50 cm² (4.95–6.05) u2 not sure which ulcer this is possible_new_ulcer" in tiles[8]
    assert 'href="./o/a.png"' in page


def test_the_flags_stand_once_with_advice_and_visits(tmp_path):
    page = one(tmp_path, healed())
    flags = page[page.index("<h3>Flags</h3>") :]
    assert words(flags).index(BLURRED.advice) < words(flags).index(UNVERIFIED.advice)
    assert words(flags).count(UNVERIFIED.advice) == 1
    assert f"{BLURRED.advice} V4 (2025-02-03)." in words(flags)


def test_the_healing_figures_and_the_four_week_line(tmp_path):
    text = words(one(tmp_path, healed()))
    assert "u1 at week 4: area reduced by 62 %, the 50 % line reached." in text
    assert "2025-01-20 V2 u1 2.0 38 0.125 0.062 –" in text


def test_the_limits_are_told_from_the_protocols_values(tmp_path):
    pr = RULES.pr.model_copy(update={"min_decrease_pct": 40.0, "min_decrease_cm2": 0.3})
    rules = RULES.model_copy(update={"pr": pr})
    text = words(one(tmp_path, replace(healed(), thresholds=rules)))
    assert "Partial response from −40 % of baseline and 0.3 cm²; progression from +25 %" in text


def test_a_subject_of_whom_nothing_is_known(tmp_path):
    empty = subject([], baseline_date=None, index_ulcer=None)
    assert "No index ulcer · no baseline · 0 visits" in words(one(tmp_path / "a", empty))
    assert "no subject is known" in words(one(tmp_path / "b", count=0))


def test_the_same_input_gives_the_same_bytes(tmp_path):
    first = written(tmp_path / "a", healed(), several(), count=300)
    assert written(tmp_path / "b", healed(), several(), count=300) == first


def test_one_subject_at_a_time(tmp_path):
    """The next subject is asked for only when the last is on its way to the disk."""
    alive = []

    def subjects():
        import gc
        import weakref

        for n in range(5):
            made = healed(f"S{n}")
            alive.append(weakref.ref(made.photos[0]))
            yield made
            del made
            gc.collect()
            assert sum(ref() is not None for ref in alive) <= 1

    report.write(facts(), subjects(), tmp_path, 5)
    assert len(alive) == 5


def test_an_earlier_report_stays_until_the_new_one_is_whole(tmp_path):
    before = one(tmp_path, healed())

    def broken():
        yield healed()
        raise RuntimeError("the store is gone")

    with pytest.raises(RuntimeError, match="store"):
        report.write(facts(), broken(), tmp_path, 1)
    assert (tmp_path / "report.html").read_text("utf-8") == before
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_full_disk_is_told_in_one_line(tmp_path, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing.shutil, "copyfileobj", full)
    with pytest.raises(OutputError, match=r"report.html: the disk is full\. Free some space"):
        report.write(facts(), [healed()], tmp_path, 1)


# --- names of files ------------------------------------------------------------------------------


def test_plain_names_are_kept_and_others_made_safe():
    assert page_name("S01-002_A") == "S01-002_A.html"
    for name in ("s01", "CON", "", "..", "a/b", "張三", "😀", "-x", "A" * 300, "S01~0", "S 1"):
        assert re.fullmatch(r"[^/\\:*?\"<>|.\s]+~[0-9a-f]{12}\.html", page_name(name)), name
    assert page_name("張三").startswith("張三~")


@given(st.lists(st.text(max_size=80), min_size=2, max_size=30, unique=True))
def test_no_two_subjects_share_a_file_even_where_case_is_not_kept(names):
    import unicodedata

    made = [page_name(name) for name in names]
    assert len({unicodedata.normalize("NFD", name).casefold() for name in made}) == len(names)
    for name in made:
        assert len(name.encode("utf-8")) <= 255
        assert Path(name).name == name


# --- markup --------------------------------------------------------------------------------------


@given(st.text(), st.text())
def test_elements_hold_what_they_were_given(text, value):
    class Seen(HTMLParser):
        def __init__(self):
            super().__init__()
            self.tags, self.data = [], ""

        def handle_starttag(self, tag, attrs):
            self.tags.append((tag, attrs))

        def handle_data(self, data):
            self.data += data

    seen = Seen()
    seen.feed(markup.element("td", text, class_="t", data_v=value))
    seen.close()
    assert seen.tags == [("td", [("class", "t"), ("data-v", value)])]
    assert seen.data == text


def test_markup_inside_markup_is_kept_and_none_is_left_out():
    inner = markup.element("b", "<x>")
    assert markup.element("p", inner, None, 3) == "<p><b>&lt;x&gt;</b>3</p>"
    assert markup.element("br") == "<br>"
    assert markup.element("a", hidden=True, title=None, disabled=False) == "<a hidden></a>"
    assert markup.dated("<i> 2025-01-06.") == "&lt;i&gt; <time>2025-01-06</time>."


# --- charts --------------------------------------------------------------------------------------


def chart(rows, draw=charts.area_chart, **changes):
    return str(draw(courses(subject(rows, **changes))[0]))


def marks(svg, kind):
    return re.findall(rf'<circle cx="([\d.]+)" cy="([\d.]+)" r="[\d.]+" class="{kind}">', svg)


def test_the_curve_shows_areas_at_their_place():
    svg = chart([row(0, 8.0), row(8, 4.0), row(16, 2.0)])
    (x0, y0), (x1, y1), (x2, y2) = [(float(x), float(y)) for x, y in marks(svg, "dot")]
    assert x0 == charts.LEFT
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.1)
    floor = charts.HEIGHT - charts.BOTTOM
    assert [floor - y0, floor - y1] == pytest.approx([4 * (floor - y2), 2 * (floor - y2)], abs=0.2)
    base = float(re.search(r'<line class="base"[^>]*y1="([\d.]+)"', svg).group(1))
    half = float(re.search(r'<line class="pr"[^>]*y1="([\d.]+)"', svg).group(1))
    assert (base, half) == pytest.approx((y0, y1), abs=0.1)
    assert len(re.findall(r'class="within"', svg)) == 9  # a line and two ends each


def test_closed_and_not_evaluable_look_different_and_neither_is_a_dot():
    svg = chart([row(0, 8.0), row(4), row(8, 0.0)])
    floor = charts.HEIGHT - charts.BOTTOM
    assert len(marks(svg, "dot")) == 1
    assert [float(y) for _, y in marks(svg, "zero")[:1]] == [floor]
    cross = re.search(r'<path d="M[\d.]+ ([\d.]+)l8 8m0 -8l-8 8" class="ne"><title>', svg)
    assert float(cross.group(1)) > floor
    assert ">closed</text>" in svg
    assert ">not evaluable</text>" in svg
    assert "2025-02-03 not evaluable" in svg  # for those who hear it


def test_a_lower_bound_is_an_arrow_beside_the_curve():
    svg = chart([row(0, 8.0), row(4, 4.0, lower_bound="Y"), row(8, 2.0)])
    top = float(marks(svg, "dot")[0][1])
    arrow = re.search(r'<path d="M[\d.]+ ([\d.]+)v-10m-4 4l4 -4l4 4" class="least"><title>', svg)
    floor = charts.HEIGHT - charts.BOTTOM
    assert floor - float(arrow.group(1)) == pytest.approx((floor - top) / 2, abs=0.2)
    (curve,) = re.findall(r'<path d="([^"]*)" class="curve">', svg)
    assert curve.count("L") == 1  # from the first area to the last
    assert ">at least</text>" in svg
    assert "2025-02-03 at least 4.00 cm²" in svg
    assert ">not evaluable</text>" not in svg


def test_the_curve_breaks_no_rule_without_a_baseline_or_an_area():
    svg = chart([row(0), row(4)], baseline_date=None)
    assert 'class="base"' not in svg
    assert 'class="curve"' not in svg
    assert svg.count('class="ne"') == 3  # two dates and the key


def test_tissue_is_stacked_to_the_whole_and_leaves_a_gap_when_closed():
    rows = [row(0, 8.0), row(2, 6.0), row(4, 0.0), row(6, 1.0), row(8)]
    svg = chart(rows, charts.tissue_chart)
    bands = re.findall(r'<path d="([^"]*)" class="band t(\d)">', svg)
    assert [tissue for _, tissue in bands] == ["1", "2", "3"] * 2  # "other" is 0 throughout
    heights = [[float(y) for y in re.findall(r" ([\d.]+)", way)] for way, _ in bands[:3]]
    floor, top = charts.HEIGHT - charts.BOTTOM, charts.TOP
    assert max(heights[0]) == floor
    assert min(heights[2]) == pytest.approx(top, abs=0.1)
    assert min(heights[0]) == pytest.approx(floor - 0.7 * (floor - top), abs=0.1)
    # After the gap one date stands alone, as a narrow bar.
    left = [min(float(x) for x in re.findall(r"[ML]([\d.]+) ", way)) for way, _ in bands]
    assert left[0] == charts.LEFT
    assert left[3] > charts.LEFT + 100
    for name in ("granulation", "slough", "necrosis"):
        assert f">{name}</text>" in svg
    assert ">other</text>" not in svg


def test_the_table_gives_each_fraction_its_interval_where_the_record_has_one():
    within = {"granulation": (0.126, 0.988), "slough": (0.01, 0.87)}
    shown = replace(photo("S01/V0.jpg"), tissue_within={"u1": within})
    whole = subject([row(0, 8.0)], [shown])
    table = str(subject_page._figure_table(whole, courses(whole)))
    ends = '<td data-v="0.7">70 <span class="ends">13–99</span></td>'
    assert ends in table
    assert '<td data-v="0.2">20 <span class="ends">1–87</span></td>' in table
    assert '<td data-v="0.1">10</td>' in table


def test_tissue_is_drawn_only_where_it_is_given(tmp_path):
    bare = dict.fromkeys(("granulation", "slough", "necrosis", "other"))
    assert "Tissue" not in str(
        charts.charts(courses(subject([row(0, 8.0, **bare)]))[0], False, True)
    )


@pytest.mark.parametrize(
    ("top", "expected"),
    [(10.4, [0, 2.5, 5, 7.5, 10]), (0.104, [0, 0.025, 0.05, 0.075, 0.1]), (3.3, [0, 1, 2, 3])],
)
def test_round_ticks(top, expected):
    assert charts.ticks(top) == pytest.approx(expected)


@given(st.floats(0.05, 5000), st.floats(1, 3000))
def test_ticks_lie_on_the_axis_and_are_few(top, weeks):
    values = charts.ticks(top)
    assert 0 <= values[-1] <= top * (1 + 1e-9)
    assert 2 <= len(values) <= 6
    assert 1 <= len(charts.week_ticks(weeks)) <= charts.MOST_TICKS + 1


@given(st.lists(st.floats(30, 208), min_size=1, max_size=3))
def test_labels_never_cover_each_other(places):
    labels = charts.spread([(y, "x", "m") for y in places])
    ys = [y for y, _, _ in labels]
    assert all(after - before > charts.LABEL_APART - 1e-6 for before, after in pairwise(ys))
    assert max(ys) <= charts.HEIGHT - charts.BOTTOM - 4.0 + 1e-6


def test_dates_are_on_the_axis_from_the_first(tmp_path):
    svg = chart([row(0, 8.0), row(4, 4.0)], baseline_date=None)
    assert f"weeks since {START.isoformat()}" in svg
