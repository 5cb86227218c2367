"""The report as one HTML file that opens without a network: no script, no font, no link out."""

from __future__ import annotations

from html import escape

from woundseg.trial_report import style
from woundseg.trial_report.blocks import Block, Bullets, Rate, Report, Section, Table, Text
from woundseg.trial_report.style import Drawing

_CSS = """
:root{color-scheme:light dark;--paper:#fefefe;--ink:#1c2126;--muted:#5b646d;--rule:#d8dde1;
--soft:#f3f5f6;--blue:#0072b2;--sky:#56b4e9;--green:#009e73;--orange:#e69f00;--vermilion:#d55e00;
--purple:#cc79a7;--grey:#9aa3ab;--link:#005a8e}
@media (prefers-color-scheme:dark){:root{--paper:#14181b;--ink:#e7eaec;--muted:#a2acb4;
--rule:#353c42;--soft:#1d2226;--blue:#2f95d6;--sky:#8fd0f7;--green:#1fbf91;--orange:#f0b429;
--vermilion:#f07a2b;--purple:#dd94bd;--grey:#7d868d;--link:#7cc4f5}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main,header,nav{max-width:56rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2.5rem}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .4rem;letter-spacing:-.01em}
h2{font-size:1.25rem;margin:3rem 0 .8rem;padding-top:.9rem;border-top:1px solid var(--rule)}
.sub{color:var(--muted);margin:0 0 1.2rem}
.notice,.warn{border-left:4px solid var(--vermilion);background:var(--soft);padding:.7rem 1rem;
margin:1rem 0}
.notice{font-weight:600}
.rates{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:.8rem;
margin:1.2rem 0}
.rate{background:var(--soft);border-top:3px solid var(--c);padding:.8rem 1rem}
.rate b{display:block;font-size:1.9rem;line-height:1.15;font-variant-numeric:tabular-nums}
.rate span{display:block;color:var(--muted);font-size:.86rem}
.rate .name{color:var(--ink);font-weight:600;font-size:.95rem}
nav ol{columns:2 16rem;margin:1rem 0 0;padding-left:1.4rem;font-size:.93rem}
a{color:var(--link)}
p{max-width:46rem}
ul{max-width:46rem;padding-left:1.2rem}
li{margin:.2rem 0;overflow-wrap:anywhere}
p{overflow-wrap:anywhere}
figure{margin:1.4rem 0}
.wide{overflow-x:auto;-webkit-overflow-scrolling:touch}
svg{display:block;width:100%;min-width:34rem;height:auto}
svg text{font-family:inherit}
figcaption,.note{color:var(--muted);font-size:.86rem;line-height:1.45;max-width:46rem;
margin:.5rem 0 0}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums;margin:0}
caption{text-align:left;font-weight:600;padding:0 0 .45rem;caption-side:top;white-space:nowrap}
th,td{padding:.32rem .9rem .32rem 0;text-align:right;white-space:nowrap;
border-bottom:1px solid var(--rule);vertical-align:top}
th{font-weight:600;color:var(--muted);border-bottom:1.5px solid var(--muted)}
td.t,th.t{text-align:left}
td.l{white-space:normal;min-width:12rem}
.table{margin:1.5rem 0}
footer{max-width:56rem;margin:3rem auto;padding:1rem 1.25rem;color:var(--muted);font-size:.86rem}
@media (max-width:40rem){body{font-size:15px}header{padding-top:1.5rem}h1{font-size:1.45rem}}
@media print{nav{display:none}h2{break-after:avoid}figure,.table{break-inside:avoid}}
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
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(report.title)}</title>
<style>{_CSS}</style>
</head>
<body>
<header>
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
</body>
</html>
"""


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
