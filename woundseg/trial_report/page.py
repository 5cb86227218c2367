"""The report as one HTML file that opens without a network: no script, no font, no link out."""

from __future__ import annotations

from html import escape

from woundseg.pages import css, markup
from woundseg.trial_report import style
from woundseg.trial_report.blocks import Block, Bullets, Rate, Report, Section, Table, Text
from woundseg.trial_report.style import Drawing

_CSS = f"""{css.BASE}nav ol{{columns:2 16rem;margin:1rem 0 0;padding-left:1.4rem;font-size:.93rem}}
svg{{min-width:34rem}}
"""

_RATE_COLOURS = {"ORR": "blue", "SDR": "orange", "DCR": "green"}
LONG_CELL = 40
"""Longer text in a cell may break over lines."""


def html(report: Report) -> str:
    """The page; the same report gives the same text."""
    contents = "\n".join(
        f'<li><a href="#s{number}">{escape(section.title)}</a></li>'
        for number, section in enumerate(report.sections, 1)
    )
    with style.styled():
        sections = "\n".join(
            _section(number, section) for number, section in enumerate(report.sections, 1)
        )
    notice = f'<p class="notice">{escape(report.notice)}</p>' if report.notice else ""
    rates = "\n".join(_rate(rate) for rate in report.headline)
    body = f"""<header>
<h1>{escape(report.title)}</h1>
<p class="sub">{escape(report.subtitle)}</p>
{notice}
<div class="rates">
{rates}
</div>
<p class="note">{escape(report.caution)}</p>
</header>
<nav aria-label="Contents"><ol>
{contents}
</ol></nav>
<main>
{sections}
</main>
<footer>{escape(report.subtitle)}</footer>
"""
    return markup.opening(report.title, _CSS) + body + markup.closing()


def _rate(rate: Rate) -> str:
    colour = _RATE_COLOURS.get(rate.name, "muted")
    return (
        f'<div class="rate" style="--c:var(--{colour})"><span class="name">{escape(rate.name)}'
        f"</span><b>{escape(rate.value)}</b><span>{escape(rate.interval)}</span>"
        f"<span>{escape(rate.meaning)}</span></div>"
    )


def _section(number: int, section: Section) -> str:
    blocks = "\n".join(
        _block(block, f"f{number}-{place}") for place, block in enumerate(section.blocks)
    )
    title = f"{number}. {escape(section.title)}"
    return f'<section id="s{number}">\n<h2>{title}</h2>\n{blocks}\n</section>'


def _block(block: Block, prefix: str) -> str:
    if isinstance(block, Text):
        kind = ' class="warn"' if block.warning else ""
        return f"<p{kind}>{escape(block.text)}</p>"
    if isinstance(block, Bullets):
        return "<ul>\n" + "\n".join(f"<li>{escape(item)}</li>" for item in block.items) + "\n</ul>"
    if isinstance(block, Table):
        return _table(block)
    return _figure(block, prefix)


def _figure(drawing: Drawing, prefix: str) -> str:
    svg = style.to_svg(drawing, prefix)
    caption = escape(drawing.caption)
    return f'<figure><div class="wide">{svg}</div>\n<figcaption>{caption}</figcaption></figure>'


def _table(table: Table) -> str:
    def cell(tag: str, place: int, text: str) -> str:
        kinds = ["t"] if place < table.text_columns else []
        kinds += ["l"] if len(text) > LONG_CELL and tag == "td" else []
        shown = f' class="{" ".join(kinds)}"' if kinds else ""
        scope = ' scope="col"' if tag == "th" else ""
        return f"<{tag}{scope}{shown}>{escape(text)}</{tag}>"

    def row(tag: str, cells: tuple[str, ...] | list[str]) -> str:
        return "<tr>" + "".join(cell(tag, n, text) for n, text in enumerate(cells)) + "</tr>"

    body = "\n".join(row("td", list(cells)) for cells in table.rows)
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<div class="table"><div class="wide"><table><caption>{escape(table.title)}</caption>\n'
        f"<thead>{row('th', list(table.header))}</thead>\n<tbody>\n{body}\n</tbody></table></div>"
        f"{note}</div>"
    )
