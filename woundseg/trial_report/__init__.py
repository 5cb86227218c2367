"""The endpoint's report for a statistician: one page that opens offline, and a PDF.

::

    sections   what it says, in the order of protocol section 9
    blocks     paragraphs, tables, figures: what it is made of
    *_figures  the figures, drawn with matplotlib's objects (nothing global, no clock)
    page, pdf  how it is written
    told       the same in a few lines, for the terminal
"""

from __future__ import annotations

from pathlib import Path

from woundseg import files
from woundseg.trial.endpoint import Endpoint
from woundseg.trial_report.page import html
from woundseg.trial_report.pdf import pdf
from woundseg.trial_report.sections import contents
from woundseg.trial_report.told import told

__all__ = ["contents", "html", "pdf", "texts", "told", "write"]


def texts(
    endpoint: Endpoint, page: bool = True, paper: bool = False, simulated: bool = False
) -> dict[str, bytes]:
    """report.html (``page``) and report.pdf (``paper``) by name; the same input, the same bytes.

    Args:
        endpoint: what was derived.
        page: make report.html.
        paper: make report.pdf.
        simulated: the subjects are drawn, and the report says so.
    """
    report = contents(endpoint, simulated)
    made = {"report.html": html(report).encode("utf-8")} if page else {}
    return made | ({"report.pdf": pdf(report)} if paper else {})


def write(made: dict[str, bytes], folder: Path) -> list[Path]:
    """Write what :func:`texts` made; gives the paths.

    Raises:
        OutputError: a file cannot be written.
    """
    files.make_folder(folder)
    for name, content in made.items():
        files.write_bytes(folder / name, content)
    return [folder / name for name in made]
