"""The report: every section in order, the same bytes, nothing from outside, all kinds of trials."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import making
import matplotlib
import matplotlib.backends.backend_pdf
import pytest

from woundseg import trial_report
from woundseg.simulate.trial import (
    SUBJECT_COLUMNS,
    VISIT_COLUMNS,
    Curve,
    TrialSpec,
    _Fate,
    draw_trial,
)
from woundseg.trial.endpoint import derive
from woundseg.trial_report import facts, rate_figures, sections, style, subject_figures, words
from woundseg.trial_report.blocks import Table
from woundseg.trial_report.sections import CAUTION

ORDER = [
    "Disposition and analysis sets",
    "Baseline area",
    "Best change of area",
    "Best overall response",
    "Landmark at month 6",
    "Response, stable disease, disease control",
    "Sensitivity analyses",
    "Change of area over time",
    "Course of each subject",
    "Duration of remission",
    "Time to closure",
    "Healing kinetics",
    "Measurement error",
    "The protocol in plain English",
    "Warnings",
    "Listing by subject",
]
"""protocol.md section 9, with what the issue adds."""


def drawn(subjects=12, monte_carlo=False):
    import pandas as pd

    visits, listed = draw_trial(TrialSpec(subjects=subjects))
    changes = {"uncertainty": {"draws": 20}}
    return derive(
        pd.DataFrame(visits, columns=VISIT_COLUMNS),
        pd.DataFrame(listed, columns=SUBJECT_COLUMNS),
        making.DEFAULT.override(changes),
        monte_carlo,
    )


@pytest.fixture(scope="module")
def trial():
    return drawn(monte_carlo=True)


@pytest.fixture(scope="module")
def made(trial):
    return trial_report.texts(trial, paper=True)


@pytest.fixture(scope="module")
def page(made):
    return made["report.html"].decode()


class Tags(HTMLParser):
    """Opening tags that are not closed, in the order of the page."""

    VOID = ("meta", "br", "hr", "img", "link", "input")

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.ids, self.links = [], [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[name] for name in ("href", "src", "xlink:href") if name in given]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_every_section_stands_in_the_order_of_the_protocol(page):
    titles = re.findall(r"<h2>\d+\. (.*?)</h2>", page)
    assert titles == ORDER


def test_nothing_comes_from_outside(page):
    assert "http" not in page.lower()
    assert "<script" not in page
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    tags = Tags()
    tags.feed(page)
    assert (tags.open, tags.wrong) == ([], [])
    assert all(link.startswith("#") for link in tags.links)
    assert {link[1:] for link in tags.links} <= set(tags.ids)
    assert len(tags.ids) == len(set(tags.ids))


def test_response_and_stable_disease_stand_apart_before_their_sum(page):
    section = page[page.index("<h2>6.") : page.index("<h2>7.")]
    places = [section.index(text) for text in (CAUTION, "(ORR = ", "(SDR)", "(DCR = ")]
    assert places == sorted(places)


def test_the_protocol_is_told_from_its_values(trial, page):
    assert trial.protocol.sha256() in page
    assert "SD counts from day 42" in page


def test_the_same_input_gives_the_same_bytes(trial, made):
    assert trial_report.texts(trial, paper=True) == made
    assert b"/CreationDate" not in made["report.pdf"]
    assert b"<dc:date>" not in made["report.html"]


def test_the_settings_of_the_user_change_nothing_and_stay(trial, page):
    with matplotlib.rc_context({"font.size": 30.0, "axes.facecolor": "red"}):
        assert trial_report.texts(trial)["report.html"].decode() == page
        assert matplotlib.rcParams["font.size"] == 30.0


def test_the_pdf_has_vectors_letters_and_no_picture(made):
    paper = made["report.pdf"]
    assert paper.startswith(b"%PDF-1")
    assert b"/Subtype /Image" not in paper
    assert b"DejaVuSans" in paper


def test_text_from_the_tables_is_not_taken_for_markup():
    found = derive(making.visits("subject day area\n<b>&$x_1$ 0 4\n<b>&$x_1$ 60 4"))
    made = trial_report.texts(found, paper=True)
    assert "&lt;b&gt;&amp;$x_1$" in made["report.html"].decode()
    assert b"<b>&" not in made["report.html"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Müller-é", "Müller-é"),
        ("王", r"\u738B"),
        ("李2", r"\u674E2"),
        ("🦶", r"\U0001F9B6"),
        ("A\u200b", r"A\u200B"),  # no width: it would look like A
    ],
)
def test_a_name_that_the_font_cannot_show_is_spelled_out(name, shown):
    assert style.in_font(name) == shown


@pytest.mark.filterwarnings("error")
def test_two_subjects_never_look_alike_on_paper_and_nothing_is_warned_of(monkeypatch):
    found = derive(making.visits("subject day area\n王 0 4\n王 60 2\n李$x$ 0 4\n李$x$ 60 3"))
    page = trial_report.texts(found)["report.html"].decode()
    swimmer = page[page.index('aria-label="Swimmer') :]
    assert {"王", "李$x$"} <= set(re.findall(r">(王|李\$x\$)  ..<", swimmer))
    written = []
    real = matplotlib.backends.backend_pdf.RendererPdf.draw_text
    monkeypatch.setattr(
        matplotlib.backends.backend_pdf.RendererPdf,
        "draw_text",
        lambda self, gc, x, y, s, *more, **options: (
            written.append(s), real(self, gc, x, y, s, *more, **options)
        ),
    )  # fmt: skip
    trial_report.texts(found, page=False, paper=True)
    assert all(text.isascii() or style.in_font(text) == text for text in written)
    assert any(text.startswith(r"\u738B  ") for text in written)  # the swimmer's lane
    assert {r"\u738B", r"\u674E$x$"} <= set(written)  # the listing


@pytest.mark.parametrize(
    ("rows", "subjects"),
    [
        ("subject day area\nA 0 4", None),  # no visit after the baseline
        ("subject day area\nA 0 4", "subject fasfl\nA N"),  # nobody in FAS
        ("subject day area\nA 0 .\nA 30 2", None),  # no baseline
        ("subject day area\nA 0 4\nA 30 0\nA 60 0", "subject death\nA 70"),  # closed, dies
    ],
)
def test_small_and_odd_trials_have_a_report(rows, subjects):
    listed = None if subjects is None else making.subjects(subjects)
    found = derive(making.visits(rows), listed)
    page = trial_report.texts(found)["report.html"].decode()
    assert page.count("<h2>") == len(ORDER)
    assert "nan" not in re.sub("<style>.*?</style>", "", page, flags=re.DOTALL).lower()


def test_simulated_subjects_are_said_to_be_simulated(trial, page):
    assert "SIMULATED" in trial_report.contents(trial, simulated=True).notice
    assert "SIMULATED" not in page


def test_the_waterfall_takes_the_best_change_up_to_the_cut_off():
    found = making.endpoint(
        "subject day area\nA 0 4\nA 56 3\nA 300 1\nB 0 4\nB 56 5", "subject\nA\nB"
    )
    a, b = facts.subjects_of(found)
    assert a.best_change(211) == pytest.approx(-25.0)
    assert a.best_change(None) == pytest.approx(-75.0)
    assert b.best_change(211) == pytest.approx(25.0)


def test_the_swimmer_marks_what_happened():
    # Closed on days 30 and 60, open on day 90: one mark, not a progression as well.
    found = making.endpoint(
        "subject day area\nA 0 4\nA 30 0\nA 60 0\nA 90 2\nB 0 4\nB 30 8",
        "subject death rescue\nA . .\nB 80 50",
    )
    a, b = facts.subjects_of(found)
    assert subject_figures.marks_of(a) == [("RECUR", 90)]
    assert subject_figures.marks_of(b) == [("PD", 30), ("RESCUE", 50), ("DEATH", 80)]


def test_numbers_at_risk_are_those_of_the_curve(trial):
    fitted = sections.curve_of(trial, "TTC")
    assert rate_figures._sum_from(fitted, 0.0) == fitted.n
    assert rate_figures._sum_from(fitted, 1e9) == 0


def test_many_subjects_are_thinned_and_it_is_said():
    assert facts.thinned(list(range(10)), 4) == [0, 3, 6, 9]
    assert facts.thinned([1, 2], 4) == [1, 2]
    assert facts.thinned_note(4, 10, "bars").startswith(" 4 of 10 bars")
    assert facts.thinned_note(2, 2, "bars") == ""


def test_long_listings_are_cut_and_it_is_said(trial, monkeypatch):
    monkeypatch.setattr(sections, "MOST_ROWS", 5)
    report = trial_report.contents(trial)
    listing = report.sections[-1].blocks[0]
    assert isinstance(listing, Table)
    assert len(listing.rows) == 5
    assert "The first 5 of 12 subjects" in listing.note


def test_figures_follow_the_page_from_light_to_dark(trial):
    subjects = facts.subjects_of(trial)
    with style.styled():
        svg = style.to_svg(subject_figures.waterfall(subjects, trial.protocol), "w")
    for colour in style.NAMES:
        assert colour not in svg.lower()
    assert "var(--blue)" in svg
    assert "font-family" not in svg
    assert "'DejaVu Sans'" not in svg


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (None, 1, "–"),
        (float("nan"), 1, "–"),
        (-1.25, 2, "−1.25"),
        (-0.0001, 1, "0.0"),
        (3.0, 0, "3"),
    ],
)
def test_numbers_as_words(value, digits, text):
    assert words.number(value, digits) == text


def test_months_and_limits_as_words():
    assert words.months(None, 30.4375) == "not reached"
    assert words.months(365.25, 30.4375) == "12.0"
    assert words.interval(0.264, 0.548) == "26.4 to 54.8"
    assert words.interval(None, None) == "–"


def test_the_terminal_gets_rates_with_limits_and_remission(trial):
    lines = trial_report.told(trial).splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["Confirmed", "ORR", "SDR", "DCR"]
    assert all("95 % CI" in line for line in lines[1:5])
    assert "Remission (DOR): median" in lines[4]


# --- the simulated trial ------------------------------------------------------------------------


def test_a_simulated_trial_is_the_same_every_time():
    assert draw_trial() == draw_trial()
    assert draw_trial(TrialSpec(seed=1)) != draw_trial()
    visits, subjects = draw_trial()
    assert len(subjects) == len({row[0] for row in visits}) == 50


def test_a_healing_curve_halves_closes_and_reopens():
    fate = _Fate(Curve("", 1.0, (10.0, 10.0)), 2.4, 10.0, 100.0, 1.0, 10**6, 10**6, 10**6, 10**6)
    assert [fate.area_cm2(day) for day in (0, 10, 20)] == pytest.approx([2.4, 1.2, 0.6])
    # 2.4 to 0.15 cm² is four half times: closed after day 40, open again 100 days later.
    assert [fate.area_cm2(day) for day in (41, 139)] == [0.0, 0.0]
    assert fate.area_cm2(141) == pytest.approx(0.98, abs=0.01)


def test_nobody_is_seen_after_the_end():
    visits, subjects = draw_trial(TrialSpec(subjects=200))
    left = {row[0]: min([day for day in row[4:6] if day] or ["9999"]) for row in subjects}
    assert all(row[2] <= left[row[0]] for row in visits if row[1] != "BASELINE")
    assert max(row[2] for row in visits) <= TrialSpec().data_cut.isoformat()


def test_what_waits_and_what_is_a_lower_bound_is_said_and_not_drawn():
    rows = """
    subject day area lower_bound reading_status
    A         0 4    .           .
    A        28 0.5  Y           .
    A        56 3.0  .           .
    B         0 4    .           .
    B        28 9    Y           .
    C         0 4    .           .
    C        28 .    .           waiting
    """
    found = making.endpoint(rows, "subject\nA\nB\nC")
    subjects = {subject.name: subject for subject in facts.subjects_of(found)}
    assert subjects["A"].best_change(None) == pytest.approx(-25.0)
    assert subjects["B"].changes == []
    page = trial_report.texts(found, True, False)["report.html"].decode()
    assert (
        f"1 visit of 1 subject waits for a person&#x27;s reading (C on {making.date(28)})" in page
    )
    assert "with a visit not evaluable because its area is a lower bound</td><td>1 (33 %)" in page
    assert "(k) Waiting counts as closed" in page
    assert (
        "waits for a person"
        not in trial_report.texts(drawn(3), True, False)["report.html"].decode()
    )
