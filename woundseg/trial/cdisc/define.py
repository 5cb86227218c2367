"""The define table: every variable of every data set, as CSV and as a page (after Define-XML)."""

from __future__ import annotations

import html as markup
from typing import TYPE_CHECKING, Any

from woundseg.trial.cdisc.variables import DURATIONS, PARAMETERS, TESTS, Variable, data_sets
from woundseg.trial.cdisc.xport import present, widths

if TYPE_CHECKING:
    import pandas as pd

_HEADS = {
    "order": "No.",
    "variable": "Variable",
    "label": "Label",
    "type": "Type",
    "length": "Length",
    "format": "Format",
    "codelist": "Values",
    "origin": "Origin",
    "derivation": "Source or derivation",
}

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .2rem; }
p { margin: .2rem 0 .8rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .87rem; }
th, td { text-align: left; vertical-align: top; padding: .32rem .6rem;
  border-bottom: 1px solid #8884; }
thead th { border-bottom: 2px solid #8888; white-space: nowrap; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
td.v { font-family: ui-monospace, monospace; white-space: nowrap; }
"""


def table(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a variable: dataset, order, variable, label, type, length, format, codelist, ..."""
    import pandas as pd

    width = widths(frames)
    rows: list[dict[str, Any]] = []
    for name, frame in frames.items():
        for order, variable in enumerate(present(name, frame), start=1):
            length = width[variable.name] if variable.type == "char" else 8
            rows.append(_row(name, order, variable, length))
    return pd.DataFrame(rows, columns=["dataset", *_HEADS])


def _row(name: str, order: int, variable: Variable, length: int) -> dict[str, Any]:
    return {
        "dataset": name,
        "order": order,
        "variable": variable.name,
        "label": variable.label,
        "type": variable.type,
        "length": length,
        "format": variable.format,
        "codelist": "; ".join(variable.codelist),
        "origin": variable.origin,
        "derivation": variable.derivation,
    }


def html(frames: dict[str, pd.DataFrame], described: pd.DataFrame) -> str:
    """The same as a page that needs nothing but itself.

    Args:
        frames: the data sets, for their counts.
        described: what :func:`table` gives.
    """
    sections = [_section(name, frames[name], described) for name in frames]
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Variables of the data sets</title>\n<style>{_STYLE}</style>",
            "</head>\n<body>\n<h1>Variables of the data sets</h1>",
            "<p>Sections are those of the protocol; dotted names are keys of "
            "protocol_used.yaml. Dates are ISO text in CSV and SAS dates (days since "
            "1960-01-01) in XPT.</p>",
            _contents(frames),
            *sections,
            _codes("Parameters", ("PARAMCD", "PARAM"), _parameters()),
            _codes("Tests", ("--TESTCD", "--TEST", "Unit"), _tests()),
            "</body>\n</html>\n",
        ]
    )


def _contents(frames: dict[str, pd.DataFrame]) -> str:
    rows = []
    for name, frame in frames.items():
        known = data_sets()[name]
        keys = ", ".join(known.keys)
        link = f'<a href="#{name}">{name}</a>'
        cells = [known.label, known.structure, keys]
        rows.append(f'<tr><td class="v">{link}</td>{_cells(cells)}{_number(len(frame))}</tr>')
    return _html_table(("Data set", "Label", "Structure", "Keys", "Records"), rows)


def _section(name: str, frame: pd.DataFrame, described: pd.DataFrame) -> str:
    known = data_sets()[name]
    mine = described[described["dataset"] == name]
    rows = [
        f'<tr>{_number(row["order"])}<td class="v">{row["variable"]}</td>'
        f"{_cells([row['label'], row['type']])}{_number(row['length'])}"
        f"{_cells([row[key] for key in ('format', 'codelist', 'origin', 'derivation')])}</tr>"
        for row in mine.to_dict("records")
    ]
    head = f'<h2 id="{name}">{name}: {markup.escape(known.label)}</h2>'
    text = f"<p>{markup.escape(known.structure)}; {len(frame)} records.</p>"
    return "\n".join([head, text, _html_table(tuple(_HEADS.values()), rows)])


def _codes(title: str, heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [f'<tr><td class="v">{row[0]}</td>{_cells(list(row[1:]))}</tr>' for row in rows]
    return f"<h2>{title}</h2>\n{_html_table(heads, lines)}"


def _parameters() -> list[tuple[str, ...]]:
    named = {code: param for code, (param, _) in PARAMETERS.items()} | DURATIONS
    return [(code, param) for code, param in named.items()]


def _tests() -> list[tuple[str, ...]]:
    return [(code, test, unit) for code, (test, unit) in TESTS.items()]


def _html_table(heads: tuple[str, ...], rows: list[str]) -> str:
    head = "".join(f"<th>{markup.escape(text)}</th>" for text in heads)
    body = "\n".join(rows)
    return (
        f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _cells(values: list[str]) -> str:
    return "".join(f"<td>{markup.escape(str(value))}</td>" for value in values)


def _number(value: int) -> str:
    return f'<td class="n">{value}</td>'
