"""XPT version 5 files against SAS's own specification (TS-140, "The Record Layout of a Data Set in
SAS Transport (XPORT) Format") and read back with pyreadstat; the define table."""

from __future__ import annotations

import struct
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from making import endpoint

from woundseg.errors import TableError, WoundsegError
from woundseg.trial.cdisc import xport
from woundseg.trial.cdisc.variables import data_sets
from woundseg.trial.endpoint import write

VISITS = """
subject day area ulcer perimeter_cm
A        -7 4.0  u1    7.1
A        28 2.0  u1    5.0
A        84 0.1  u1    .
B         0 3.3  u12   .
"""
SUBJECTS = "subject death age sex\nA . 61 F\nB 100 . M"


@pytest.fixture(scope="module")
def found():
    return endpoint(VISITS, SUBJECTS)


@pytest.fixture(scope="module")
def folder(found, tmp_path_factory):
    path = tmp_path_factory.mktemp("xpt")
    write(found, path, xpt=True)
    return path


def parse(data):
    """Variables of an XPT file by TS-140's NAMESTR: name, type, length, label, format; the rows."""
    count = int(data[7 * 80 + 54 : 7 * 80 + 58])
    start = 8 * 80
    variables = []
    for number in range(count):
        block = data[start + number * 140 : start + (number + 1) * 140]
        kind, _, length, place = struct.unpack(">hhhh", block[:8])
        assert place == number + 1
        name, label, form = (block[a:b].decode().rstrip() for a, b in ((8, 16), (16, 56), (56, 64)))
        (width,) = struct.unpack(">h", block[64:66])
        (position,) = struct.unpack(">i", block[84:88])
        variables.append((name, kind, length, label, f"{form}{width}." if form else "", position))
    after = start + -(-count * 140 // 80) * 80
    assert data[after : after + 48] == b"HEADER RECORD*******OBS     HEADER RECORD!!!!!!!"
    return variables, data[after + 80 :]


@pytest.mark.parametrize("name", data_sets())
def test_layout_is_that_of_ts_140(name, found, folder):
    data = (folder / f"{name.lower()}.xpt").read_bytes()
    assert len(data) % 80 == 0
    assert data.startswith(b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!" + b"0" * 30)
    assert data[240:288] == b"HEADER RECORD*******MEMBER  HEADER RECORD!!!!!!!"
    assert data[240 + 74 : 240 + 78] == b"0140"  # NAMESTR records of 140 bytes
    assert data[400:416] == f"SAS     {name:8}".encode()
    assert data[480 + 32 : 480 + 72].decode().rstrip() == data_sets()[name].label
    variables, body = parse(data)
    frame = found.datasets[name]
    wanted = [v for v in data_sets()[name].variables if v.name in frame]
    assert [v[0] for v in variables] == [v.name for v in wanted]
    assert [v[1] for v in variables] == [2 if v.type == "char" else 1 for v in wanted]
    assert [v[3] for v in variables] == [v.label for v in wanted]
    assert [v[4] for v in variables] == [v.format for v in wanted]
    assert [v[5] for v in variables] == np.cumsum([0, *(v[2] for v in variables)])[:-1].tolist()
    record = sum(v[2] for v in variables)
    assert len(body) == -(-len(frame) * record // 80) * 80
    assert body[len(frame) * record :].strip() == b""


def test_numbers_are_ibm_doubles_and_dates_count_from_1960(folder):
    """1 is 41 10 ... (exponent 64 + 1, fraction 1/16); missing is 2E; 2024-01-01 is 23376."""
    variables, body = parse((folder / "adsl.xpt").read_bytes())
    place = {name: (position, length) for name, _, length, _, _, position in variables}

    def cell(name):
        position, length = place[name]
        return body[position : position + length]

    assert cell("SUBJID") == b"A"
    assert cell("BLAREA") == bytes.fromhex("4140000000000000")  # 4 = 16 * 4/16
    assert cell("TRTSDT") == bytes.fromhex("445B500000000000")  # 23376 = 0x5B50
    assert cell("DTHDT") == bytes.fromhex("2E00000000000000")


def test_sas_dates():
    """SAS counts days from 1960-01-01 (day 0); 2000-01-01 is 14610, as SAS's manual has it."""
    days = xport.sas_dates(np.array(["1960-01-01", "2000-01-01", ""], dtype=object))
    assert days[:2].tolist() == [0.0, 14610.0] and np.isnan(days[2])


@pytest.mark.parametrize("name", data_sets())
def test_read_back_with_pyreadstat(name, found, folder):
    frame, meta = pyreadstat.read_xport(
        folder / f"{name.lower()}.xpt", disable_datetime_conversion=True
    )
    written = found.datasets[name]
    assert meta.table_name == name and meta.file_label == data_sets()[name].label
    for variable in data_sets()[name].variables:
        if variable.name not in written:
            continue
        before, after = written[variable.name], frame[variable.name]
        if variable.kind == "num":
            np.testing.assert_allclose(after, before, rtol=1e-14)
        elif variable.kind == "date":
            iso = pd.Timestamp("1960-01-01") + pd.to_timedelta(after, unit="D")
            assert iso.dt.strftime("%Y-%m-%d").fillna("").tolist() == before.tolist()
        else:
            assert after.tolist() == before.tolist()


def test_csv_and_xpt_hold_the_same_numbers(folder):
    text = pd.read_csv(folder / "tr.csv", keep_default_na=False)
    frame, _ = pyreadstat.read_xport(folder / "tr.xpt")
    blank = text["TRSTRESN"].replace("", np.nan).astype(float)
    np.testing.assert_allclose(frame["TRSTRESN"], blank, rtol=1e-14)


def test_two_runs_at_two_times_give_the_same_bytes(found, folder, monkeypatch):
    """pyreadstat writes the clock: the second run is made to lie a second later."""
    import time

    began = time.time()
    while time.time() < began + 1.1:
        time.sleep(0.1)
    for name, data in endpoint(VISITS, SUBJECTS).xpt.items():
        assert data == (folder / name).read_bytes(), name
        assert data.count(b"01JAN60:00:00:00") == 4


def test_a_blank_column_and_no_rows_keep_their_types():
    empty = endpoint("subject day area", "subject\nA")
    for name, data in empty.xpt.items():
        variables, body = parse(data)
        wanted = [v for v in data_sets()[name[:-4].upper()].variables if not v.optional]
        assert [v[1] for v in variables] == [2 if v.type == "char" else 1 for v in wanted], name
        if name in ("tu.xpt", "tr.xpt"):
            assert body == b""


def test_one_width_for_a_variable_in_all_data_sets(found, folder):
    """FDA's Study Data Technical Conformance Guide: the longest value across the data sets."""
    lengths: dict[str, set[int]] = {}
    for path in folder.glob("*.xpt"):
        for name, _, length, *_ in parse(path.read_bytes())[0]:
            lengths.setdefault(name, set()).add(length)
    assert {name for name, found in lengths.items() if len(found) > 1} == set()
    assert lengths["USUBJID"] == {len("NCT06480123-A")}
    assert lengths["TULNKID"] == {3}
    defined = pd.read_csv(folder / "define.csv", keep_default_na=False)
    assert all(lengths[n] == {w} for n, w in zip(defined.variable, defined.length, strict=True))


@pytest.mark.parametrize("odd", ["Zoë", "A\u2013B", "患者1", "A\u00a0B"])
def test_other_letters_are_refused_for_xpt_only(odd, tmp_path):
    visits = pd.DataFrame(
        {"subject": [odd], "visit": "V1", "date": "2024-01-01", "ulcer": "u1", "area_cm2": 4}
        | {"evaluable": "Y"}
    )
    from woundseg.trial.endpoint import derive

    result = derive(visits)
    with pytest.raises(TableError, match=r"plain ASCII") as caught:
        write(result, tmp_path / "out", xpt=True)
    assert ascii(odd)[1:-1] in ascii(str(caught.value)).replace("\\\\", "\\")
    assert "leave out --xpt" in str(caught.value)
    assert not (tmp_path / "out").exists()
    write(result, tmp_path / "out")
    assert odd in (tmp_path / "out" / "adsl.csv").read_text(encoding="utf-8")


def test_a_text_too_long_is_refused():
    study = endpoint(f"subject day area\n{'a' * 189} 0 4", f"subject\n{'a' * 189}")
    with pytest.raises(TableError, match=r"TU\.USUBJID with 201 bytes, and XPT holds 200"):
        _ = study.xpt
    assert endpoint(f"subject day area\n{'a' * 188} 0 4", f"subject\n{'a' * 188}").xpt


def test_a_file_that_reads_back_otherwise_is_a_fault(found, monkeypatch):
    real = pyreadstat.read_xport

    def altered(*args, **kwargs):
        frame, meta = real(*args, **kwargs)
        frame.loc[0, "TRSTRESN"] = 4.1
        return frame, meta

    monkeypatch.setattr(pyreadstat, "read_xport", altered)
    frame = found.datasets["TR"]
    with pytest.raises(WoundsegError, match="does not hold what was written"):
        xport.encode("TR", frame, xport.widths({"TR": frame}))


# --- define --------------------------------------------------------------------------------------


class _Tables(HTMLParser):
    """Cells of every row of a page, and whether each tag is closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.rows = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta",):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def test_define_says_what_the_table_says(found):
    table = pd.read_csv(pd.io.common.StringIO(found.texts["define.csv"]), keep_default_na=False)
    assert table.columns.tolist() == [
        "dataset", "order", "variable", "label", "type", "length", "format", "codelist",
        "origin", "derivation",
    ]  # fmt: skip
    for name, frame in found.datasets.items():
        assert table[table.dataset == name].variable.tolist() == frame.columns.tolist()
    page = _Tables()
    page.feed(found.texts["define.html"])
    assert page.open == []
    for row in table.astype(str).to_numpy().tolist():
        assert row[1:] in page.rows
    assert ["TRTSDT", "num", "DATE9."] in table[["variable", "type", "format"]].values.tolist()
