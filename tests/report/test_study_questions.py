"""Which ulcer is it? The report shows both photographs, the candidates and what settles it."""

from __future__ import annotations

import re
from dataclasses import replace

from drawn_study import question

from woundseg.pages.look import GREEN, ORANGE
from woundseg.report import questions

HOSTILE = "<script>alert(1)</script>\"'&"


def drawn(*asked):
    return "".join(questions.section(asked))


def test_nothing_is_drawn_where_nothing_is_asked():
    assert drawn() == ""


def test_both_photographs_stand_side_by_side_with_labelled_outlines():
    page = drawn(question())
    before, now = re.findall("<svg.*?</svg>", page)
    assert re.findall("<text[^>]*>(u?[0-9])</text>", before) == ["u1", "u2"]
    assert re.findall("<text[^>]*>(u?[0-9])</text>", now) == ["1"]
    assert all(picture.count("data:image/jpeg") == 1 for picture in (before, now))
    # known ulcers have a colour each, the same in picture and list; the unnamed one has none
    assert re.findall('style="stroke:([^"]+)"', before) == [ORANGE, GREEN]
    assert "stroke:" not in now
    assert [re.sub("<[^>]+>", "", line) for line in re.findall("<li>.*?</li>", page)] == [
        "u1: known from earlier visits, not placed here",
        "u2: known from earlier visits",
        "outline 1: has no name yet",
    ]
    assert f'style="background:{ORANGE}"></span>u1' in page


def test_a_photograph_without_an_outline_says_so():
    page = drawn(question(unnamed=(), now=replace(question().now, outlines={})))
    assert "Nothing was outlined on the photograph in question." in page


def test_no_text_of_a_question_is_taken_for_markup():
    page = drawn(question(HOSTILE))
    assert "<script" not in page
    assert "woundseg &lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;</code></pre>" in page


def test_a_long_list_is_cut_and_it_is_said():
    page = drawn(*[question()] * (questions.MOST_SHOWN + 3))
    assert page.count("<article") == questions.MOST_SHOWN
    assert "3 more photographs: settle these first" in page
