"""The style sheet that every page begins with: one column, light and dark, phone to paper."""

from __future__ import annotations

from collections.abc import Mapping

from woundseg.pages.look import DARK, LIGHT


def _variables(colours: Mapping[str, str]) -> str:
    return ";".join(f"--{name}:{colour}" for name, colour in colours.items())


BASE = f"""
:root{{color-scheme:light dark;--page:56rem;{_variables(LIGHT)}}}
@media (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}
@media print{{:root{{color-scheme:light;{_variables(LIGHT)}}}}}
*{{box-sizing:border-box}}
html{{-webkit-text-size-adjust:100%}}
body{{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}}
main,header,nav{{max-width:var(--page);margin:0 auto;padding:0 1.25rem}}
header{{padding-top:2.5rem}}
h1{{font-size:1.75rem;line-height:1.2;margin:0 0 .4rem;letter-spacing:-.01em}}
h2{{font-size:1.25rem;margin:3rem 0 .8rem;padding-top:.9rem;border-top:1px solid var(--rule)}}
.sub{{color:var(--muted);margin:0 0 1.2rem}}
.notice,.warn{{border-left:4px solid var(--vermilion);background:var(--soft);padding:.7rem 1rem;
margin:1rem 0}}
.notice{{font-weight:600}}
.rates{{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:.8rem;
margin:1.2rem 0}}
.rate{{background:var(--soft);border-top:3px solid var(--c);padding:.8rem 1rem}}
.rate b{{display:block;font-size:1.9rem;line-height:1.15;font-variant-numeric:tabular-nums}}
.rate span{{display:block;color:var(--muted);font-size:.86rem}}
.rate .name{{color:var(--ink);font-weight:600;font-size:.95rem}}
a{{color:var(--link)}}
time{{white-space:nowrap}}
p{{max-width:46rem}}
ul{{max-width:46rem;padding-left:1.2rem}}
li{{margin:.2rem 0;overflow-wrap:anywhere}}
p{{overflow-wrap:anywhere}}
figure{{margin:1.4rem 0}}
.wide{{overflow-x:auto;-webkit-overflow-scrolling:touch}}
svg{{display:block;width:100%;height:auto}}
svg text{{font-family:inherit}}
figcaption,.note{{color:var(--muted);font-size:.86rem;line-height:1.45;max-width:46rem;
margin:.5rem 0 0}}
table{{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums;margin:0}}
caption{{text-align:left;font-weight:600;padding:0 0 .45rem;caption-side:top;white-space:nowrap}}
th,td{{padding:.32rem .9rem .32rem 0;text-align:right;white-space:nowrap;
border-bottom:1px solid var(--rule);vertical-align:top}}
th{{font-weight:600;color:var(--muted);border-bottom:1.5px solid var(--muted)}}
td.t,th.t{{text-align:left}}
td.l{{white-space:normal;min-width:12rem}}
.table{{margin:1.5rem 0}}
footer{{max-width:var(--page);margin:3rem auto;padding:1rem 1.25rem;color:var(--muted);
font-size:.86rem}}
@media (max-width:40rem){{body{{font-size:15px}}header{{padding-top:1.5rem}}
h1{{font-size:1.45rem}}}}
@media print{{nav{{display:none}}h2{{break-after:avoid}}figure,.table{{break-inside:avoid}}}}
"""
"""A page lays its own rules over these."""
