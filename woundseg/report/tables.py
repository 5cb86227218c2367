"""Tables that a small script sorts; without it they stand as they are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from woundseg.pages.markup import Html, element, joined
from woundseg.pages.words import NONE

LONG_CELL: Final = 40
"""Longer text may break over lines."""

CSS: Final = """
.wide:focus-visible{outline:2px solid var(--link)}
table.sortable th{vertical-align:bottom;white-space:normal}
caption.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table.sortable th button{font:inherit;color:inherit;background:none;border:0;padding:0;margin:0;
cursor:pointer;text-align:inherit;white-space:normal}
table.sortable th button:hover{color:var(--ink)}
table.sortable th button{text-decoration:underline dotted;text-underline-offset:.25em}
table.sortable th[aria-sort=ascending] button::after{content:"\\a0\\2191"}
table.sortable th[aria-sort=descending] button::after{content:"\\a0\\2193"}
table.sortable th[aria-sort=ascending],table.sortable th[aria-sort=descending]{color:var(--ink)}
tbody tr:hover td{background:var(--soft)}
th:first-child,td:first-child{position:sticky;left:0;background:var(--paper)}
td:last-child,th:last-child{padding-right:0}
@media print{table.sortable th button{text-decoration:none}.wide{overflow:visible}
table{font-size:.7rem}td,th{white-space:normal;padding-right:.5rem}
td:first-child{white-space:nowrap}th:first-child,td:first-child{position:static}}
"""

SCRIPT: Final = """
"use strict";
(function () {
  function key(row, place, numeric) {
    var cell = row.cells[place];
    var text = cell.dataset.v === undefined ? cell.textContent.trim() : cell.dataset.v;
    if (!numeric) { return text; }
    return text === "" || isNaN(text) ? null : Number(text);
  }
  function compare(a, b, numeric) {
    if (numeric) { return a - b; }
    return a.localeCompare(b, "en", { numeric: true, sensitivity: "base" });
  }
  function sort(table, place, head) {
    var down = head.getAttribute("aria-sort") === "ascending";
    var numeric = head.dataset.kind === "number";
    var body = table.tBodies[0];
    var rows = Array.prototype.map.call(body.rows, function (row, at) {
      return { row: row, at: at, key: key(row, place, numeric) };
    });
    rows.sort(function (a, b) {
      var none = (a.key === null || a.key === "") - (b.key === null || b.key === "");
      if (none) { return none; }
      if (a.key === null || a.key === "") { return a.at - b.at; }
      return (down ? -1 : 1) * compare(a.key, b.key, numeric) || a.at - b.at;
    });
    var sorted = document.createDocumentFragment();
    rows.forEach(function (entry) { sorted.appendChild(entry.row); });
    body.appendChild(sorted);
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (other) {
      other.setAttribute("aria-sort", "none");
    });
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
  }
  document.querySelectorAll("table.sortable").forEach(function (table) {
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, place) {
      var button = document.createElement("button");
      button.type = "button";
      while (head.firstChild) { button.appendChild(head.firstChild); }
      head.appendChild(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", function () { sort(table, place, head); });
    });
  });
})();
"""


@dataclass(frozen=True)
class Column:
    """A column: its heading, whether it is sorted by number, what its heading means."""

    name: str
    numeric: bool = False
    meaning: str = ""


@dataclass(frozen=True)
class Cell:
    """What a cell shows and, in a column of numbers, what it is sorted by (None: last)."""

    shown: object
    value: float | None = None


def row(columns: Sequence[Column], cells: Iterable[Cell]) -> Html:
    """One row of a table."""
    made = (_cell(column, cell) for column, cell in zip(columns, cells, strict=True))
    return element("tr", *made)


def _cell(column: Column, cell: Cell) -> Html:
    text = str(cell.shown)
    long = "l" if len(text) > LONG_CELL and not isinstance(cell.shown, Html) else ""
    if column.numeric:
        key = "" if cell.value is None else f"{cell.value:.10g}"
        return element("td", cell.shown, data_v=key)
    kinds = f"t {long}".strip()
    return element("td", cell.shown, class_=kinds, data_v="" if text == NONE else None)


def start(columns: Sequence[Column], caption: str, hidden: bool = False) -> Html:
    """A table's beginning; rows follow, then :func:`end`.

    Args:
        columns: its head.
        caption: what it shows.
        hidden: the caption is for those who hear the page; a heading says it to others.
    """
    heads = (
        element(
            "th",
            column.name,
            scope="col",
            class_=None if column.numeric else "t",
            data_kind="number" if column.numeric else "text",
            title=column.meaning or None,
        )
        for column in columns
    )
    head = element("thead", element("tr", *heads))
    shown = element("caption", caption, class_="hidden" if hidden else None)
    label = element("div", class_="wide", tabindex=0, role="region", aria_label=caption)
    opened = label.removesuffix("</div>")
    return Html(f'<div class="table">{opened}<table class="sortable">{shown}{head}<tbody>')


def end(note: str = "") -> Html:
    """A table's end, with a note under it."""
    under = element("p", note, class_="note") if note else ""
    return Html(f"</tbody></table></div>{under}</div>")


def table(
    columns: Sequence[Column], rows: Iterable[Sequence[Cell]], caption: str, note: str = ""
) -> Html:
    """A whole table under a heading of its own."""
    body = joined((row(columns, cells) for cells in rows), "\n")
    return Html(start(columns, caption, hidden=True) + body + end(note))
