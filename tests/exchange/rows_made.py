"""Rows of visits.csv made by hand, and any rows at all for hypothesis."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import strategies as st

from woundseg.records import VisitRow

MEASURED = VisitRow(
    subject="S01",
    visit="W4",
    date=date(2024, 1, 29),
    seq=1,
    ulcer="u1",
    path="S01/W4_2024-01-29/a.jpg",
    evaluable="Y",
    area_cm2=3.25,
    area_sd=0.1,
    area_cm2_low=3.06,
    area_cm2_high=3.45,
    perimeter_cm=7.1,
    length_cm=2.5,
    width_cm=1.75,
    granulation=0.75,
    slough=0.2,
    necrosis=0.05,
    other=0.0,
    calibrated="Y",
    scale="card",
    mm_per_px=0.052,
    flags=("card_unverified", "speck"),
    model="ulcer 1.0 fp32",
    sha256="ab" * 32,
    debrided="Y",
    target="N",
)
HEALED = VisitRow(
    subject="S01",
    visit="M6",
    date=date(2024, 7, 1),
    seq=1,
    ulcer="u1",
    path="S01/M6_2024-07-01/a.jpg",
    evaluable="Y",
    area_cm2=0.0,
    area_sd=0.0,
    area_cm2_low=0.0,
    area_cm2_high=0.0,
    perimeter_cm=0.0,
    calibrated="Y",
    scale="card",
    mm_per_px=0.05,
    model="ulcer 1.0 fp32",
    sha256="cd" * 32,
    closed="Y",
)
BLURRED = VisitRow(
    subject="S01",
    visit="W8",
    date=date(2024, 2, 26),
    seq=1,
    ulcer="u1",
    path="S01/W8_2024-02-26/a.jpg",
    evaluable="N",
    calibrated="N",
    flags=("blurred",),
    sha256="ef" * 32,
)
CUT = replace(MEASURED, lower_bound="Y")
UNSCALED = replace(
    MEASURED,
    path="S01/W4_2024-01-29/b.jpg",
    seq=2,
    area_cm2=None,
    area_sd=None,
    area_cm2_low=None,
    area_cm2_high=None,
    perimeter_cm=None,
    length_cm=None,
    width_cm=None,
    calibrated="N",
    scale="none",
    mm_per_px=None,
)

AWKWARD = (
    "张伟", "第二周 访视", "😀🦶", 'say "ah"', "a,b;c", "line\nend", "line\r\nend", "tab\there",
    " ", "\u3000", "\x00", "\x1b[0m", "\udce4", "=1+1", "Ünal/ß", "%2F", "</script>", "e\u0301",
)  # fmt: skip
names = st.one_of(
    st.sampled_from(AWKWARD),
    st.text(min_size=1, max_size=12),
    st.text(st.characters(), min_size=1, max_size=12),  # halves of surrogate pairs as well
)
yes_no = st.sampled_from(["Y", "N", ""])
_number = st.one_of(st.none(), st.floats(), st.floats(0.0, 100.0))
_share = st.one_of(st.none(), st.floats(0.0, 1.0))

any_row = st.builds(
    VisitRow,
    subject=names,
    visit=names,
    date=st.dates(),
    seq=st.integers(1, 99),
    ulcer=names,
    path=names,
    evaluable=yes_no,
    area_cm2=_number,
    area_sd=_number,
    area_cm2_low=_number,
    area_cm2_high=_number,
    perimeter_cm=_number,
    length_cm=_number,
    width_cm=_number,
    granulation=_share,
    slough=_share,
    necrosis=_share,
    other=_share,
    calibrated=yes_no,
    scale=st.one_of(st.sampled_from(["card", "none"]), names),
    mm_per_px=_number,
    flags=st.lists(names, max_size=3).map(tuple),
    model=st.one_of(st.just(""), names),
    sha256=st.one_of(st.just(""), names),
    closed=yes_no,
    debrided=yes_no,
    target=yes_no,
    lower_bound=st.sampled_from(["Y", ""]),
    reading_status=st.sampled_from(["machine", "waiting", "read", "adjudicated"]),
    reader=st.one_of(st.just(""), names),
)
"""Any row that the types allow, figures that are not finite among them."""
