"""The report in a real browser: phone and desk, light and dark, with and without script."""

from __future__ import annotations

from dataclasses import replace

import pytest
from browser import CHROMIUM, Browser
from drawn_study import facts, healed, question, several

from woundseg import report
from woundseg.records import Failure
from woundseg.report.writing import page_name

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium (/usr/bin/chromium)"),
]

LONG = "a_very_long_name_that_nothing_breaks_" * 4
WRITTEN = (
    *((selector, "color") for selector in (".note", "td", "th", "a", ".sub", "footer code")),
    *((f".flag.{severity}", "color") for severity in ("reject", "warning", "note")),
    *((f".chart .{kind}", "fill") for kind in ("m", "ltpr", "ltpd")),
)
PAGES = (
    "one/report.html",
    "many/report.html",
    "many/report/S02.html",
    f"many/report/{page_name(LONG)}",
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    asked = {"questions": (question(LONG), question())}
    long = replace(several(LONG), overdue=LONG, to_look_at=(LONG,), **asked)
    subjects = [healed("S10"), several("S02"), healed("S1 <script>x</script>"), long]
    failures = (Failure(f"{LONG}/{LONG}.jpg", "read", LONG, LONG),)
    told = facts(4, failures=failures, warnings=(LONG,), head="a1" * 32, photos=LONG)
    for name, count in (("one", 4), ("many", 400)):
        report.write(told, subjects, folder / name, count)
    return folder


@pytest.fixture(scope="module")
def browser():
    with Browser() as running:
        yield running


@pytest.fixture
def desk(browser):
    browser.media("light")
    browser.scripts(allowed=True)
    browser.size(1280)
    return browser


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_without_network_and_without_complaint(desk, pages, page):
    desk.open(pages / page)
    assert desk.complaints() == []
    assert desk.requests() == [(pages / page).as_uri()]
    broken = "[...document.querySelectorAll('image')].filter(i => !i.getBBox().width).length"
    assert desk.ask(broken) == 0


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("width", [390, 1280])
def test_a_page_is_no_wider_than_the_screen(desk, pages, page, width):
    desk.size(width, 844, phone=width < 500)
    desk.open(pages / page)
    shown = "forEach(s => s.style.contentVisibility = 'visible')"
    desk.ask(f"document.querySelectorAll('.subject').{shown}")
    assert desk.ask("document.documentElement.scrollWidth") == width
    assert desk.ask("document.documentElement.clientWidth") == width
    over = """[...document.querySelectorAll('body *')].filter(e => !e.closest('.wide')
        && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"""
    assert desk.ask(over) == []


@pytest.mark.parametrize("page", PAGES)
def test_dark_and_light_differ_and_text_stands_out_in_both(desk, pages, page):
    seen = []
    for scheme in ("light", "dark"):
        desk.media(scheme)
        desk.open(pages / page)
        style = "getComputedStyle(document.body)"
        seen.append((colour(desk, f"{style}.backgroundColor"), colour(desk, f"{style}.color")))
        for selector, kind in WRITTEN:
            if desk.ask(f"!!document.querySelector('{selector}')"):
                text = colour(
                    desk, f"getComputedStyle(document.querySelector('{selector}')).{kind}"
                )
                assert contrast(text, seen[-1][0]) >= 4.5, (scheme, selector)
    (paper, ink), (dark_paper, dark_ink) = seen
    assert contrast(paper, dark_paper) > 10
    assert contrast(paper, ink) > 10
    assert contrast(dark_paper, dark_ink) > 10


def colour(browser, expression):
    text = browser.ask(expression)
    return tuple(float(part) for part in text[text.index("(") + 1 : -1].split(",")[:3])


def contrast(one, other):
    """WCAG 2.2, relative luminance and contrast ratio; 4.5 is its AA for text."""

    def luminance(rgb):
        parts = (c / 255 for c in rgb)
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def column(browser, number):
    rows = "[...document.querySelector('table.sortable').tBodies[0].rows]"
    return browser.ask(f"{rows}.map(r => r.cells[{number - 1}].textContent)")


def test_tables_sort_by_text_and_by_number(desk, pages):
    desk.open(pages / "one/report.html")
    head = "table.sortable th:nth-child({})"
    assert column(desk, 1) == ["S10", "S02", "S1 <script>x</script>", LONG]
    desk.click(f"{head.format(1)} button")
    # As people count: 1, 2, 10.
    assert column(desk, 1) == [LONG, "S1 <script>x</script>", "S02", "S10"]
    assert sorts(desk)[0] == "ascending"
    desk.click(f"{head.format(1)} button")
    assert column(desk, 1)[0] == "S10"
    assert sorts(desk)[0] == "descending"
    desk.click(f"{head.format(3)} button")
    assert column(desk, 3) == ["3.00", "3.00", "8.00", "8.00"]
    assert sorts(desk)[:3] == ["none", "none", "ascending"]


def sorts(browser):
    heads = "[...document.querySelector('table.sortable').tHead.rows[0].cells]"
    return browser.ask(f"{heads}.map(h => h.getAttribute('aria-sort'))")


def test_numbers_sort_by_value_and_what_is_not_there_comes_last(desk, pages):
    desk.open(pages / "many/report/S02.html")
    areas = ["3.00", "1.00", "–", "–", "–", "–", "5.50", "–"]
    assert column(desk, 4) == areas
    desk.click("table.sortable th:nth-child(4) button")
    assert column(desk, 4) == ["1.00", "3.00", "5.50", *["–"] * 5]
    desk.click("table.sortable th:nth-child(4) button")
    assert column(desk, 4) == ["5.50", "3.00", "1.00", *["–"] * 5]


def test_a_table_sorts_by_keyboard(desk, pages):
    desk.open(pages / "one/report.html")
    desk.ask("document.querySelector('table.sortable th:nth-child(3) button').focus()")
    for kind in ("keyDown", "keyUp"):
        desk.call(
            "Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r",
            windowsVirtualKeyCode=13,
        )  # fmt: skip
    assert sorts(desk)[2] == "ascending"


def test_without_script_everything_can_be_read(desk, pages):
    desk.open(pages / "one/report.html")
    text = desk.ask("document.body.innerText")
    desk.scripts(allowed=False)
    desk.open(pages / "one/report.html")
    desk.scripts(allowed=True)
    assert desk.ask("document.querySelectorAll('th button').length") == 0
    assert desk.ask("document.body.innerText").split() == text.split()


def test_a_script_that_is_not_ours_does_not_run(desk, pages, tmp_path):
    page = (pages / "one/report.html").read_text("utf-8")
    added = "<script>window.foreign = 1</script><img src=x onerror='window.foreign = 1'></body>"
    other = tmp_path / "changed.html"
    other.write_text(page.replace("</body>", added), "utf-8")
    desk.open(other)
    assert desk.ask("window.foreign === undefined") is True
    assert desk.complaints() != []
    assert desk.ask("document.querySelectorAll('th button').length") > 0


def test_links_lead_to_the_subject_and_back(desk, pages):
    desk.open(pages / "one/report.html")
    desk.click("td a[href='#s2']")
    top = desk.ask("document.getElementById('s2').getBoundingClientRect().top")
    assert -2 <= top <= 300
    desk.open(pages / "many/report.html")
    desk.events.clear()
    desk.click("td a[href='report/S02.html']")
    desk.wait_for_page()
    assert desk.ask("document.querySelector('h1').firstChild.textContent.trim()") == "S02"
    desk.events.clear()
    desk.click("h1 a")
    desk.wait_for_page()
    assert desk.ask("location.pathname").endswith("/many/report.html")


def test_photographs_have_one_scale_on_the_screen(desk, pages):
    desk.open(pages / "one/report.html")
    bars = desk.ask(
        "[...document.querySelectorAll('section')].find(s => s.querySelector('#s1'))"
        ".querySelectorAll('.tile .bar').length"
    )
    assert bars == 5
    wide = desk.ask(
        "[...document.querySelectorAll('.subject')][0].querySelectorAll('.tile svg .bar')"
        ".values().map(b => b.getBoundingClientRect().width.toFixed(1)).toArray()"
    )
    known = [width for place, width in enumerate(wide) if place != 2]  # the blurred one is whole
    assert len(set(known)) == 1


def test_paper_is_light_and_holds_every_subject(desk, pages):
    desk.media("dark", "print")
    desk.open(pages / "one/report.html")
    paper = colour(desk, "getComputedStyle(document.body).backgroundColor")
    assert min(paper) > 240
    hidden = "getComputedStyle(document.querySelector('.subject')).contentVisibility"
    assert desk.ask(hidden) == "visible"
    printed = desk.paper()
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") >= 5
