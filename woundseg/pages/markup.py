"""HTML that escapes what it is given, and the document around a page's body."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from html import escape

_DATE = re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b")
_VOID = frozenset(("br", "col", "hr", "img", "input", "link", "meta"))


class Html(str):
    """Text that is markup already; every other text is escaped."""

    __slots__ = ()


def html(content: object) -> Html:
    """``content`` as markup: ``Html`` as it is, None as nothing, all else escaped."""
    if isinstance(content, Html):
        return content
    return Html("" if content is None else escape(str(content)))


def joined(parts: Iterable[object], between: str = "") -> Html:
    """The parts one after another, each escaped unless it is markup."""
    return Html(between.join(html(part) for part in parts))


def element(tag: str, /, *inside: object, **attributes: object) -> Html:
    """One element: ``element("td", "a<b", class_="t")`` gives ``<td class="t">a&lt;b</td>``.

    Args:
        tag: its name.
        inside: texts (escaped) and markup; None is left out.
        attributes: by name, ``_`` for ``-`` and one more at the end of a word that Python keeps;
            None and False are left out, True stands bare.
    """
    shown = "".join(
        f" {_attribute(name)}" + ("" if value is True else f'="{escape(str(value))}"')
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    if tag in _VOID:
        return Html(f"<{tag}{shown}>")
    return Html(f"<{tag}{shown}>{joined(inside)}</{tag}>")


def dated(text: str) -> Html:
    """Text with its ISO dates marked, so that none is broken over two lines."""
    return Html(_DATE.sub(r"<time>\g<0></time>", html(text)))


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def opening(title: str, css: str, script: str = "") -> str:
    """A document up to its body's first line.

    With a script the page says that this one alone may run and that nothing is fetched.

    Args:
        title: of the document; escaped.
        css: the whole style sheet.
        script: the inline script that :func:`closing` is given.
    """
    policy = f"\n{element('meta', http_equiv='Content-Security-Policy', content=_policy(script))}"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">{policy if script else ""}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{css}</style>
</head>
<body>
"""


def closing(script: str = "") -> str:
    """A document from its body's end on, with the script that :func:`opening` named."""
    shown = f"<script>{script}</script>\n" if script else ""
    return f"{shown}</body>\n</html>\n"


def _policy(script: str) -> str:
    mark = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{mark}'"
        "; base-uri 'none'; form-action 'none'"
    )
