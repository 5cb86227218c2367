"""Where a study lies: a file of SQLite or a PostgreSQL database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from woundseg.errors import UsageError

_FORM = "Write postgresql+psycopg://USER:PASSWORD@HOST/DATABASE, signs of the password as %40"

_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",  # what many providers of databases write
}
"""Schemes to SQLAlchemy's names."""


@dataclass(frozen=True)
class Address:
    """A study's place.

    Attributes:
        name: as it may be shown; without a password.
        place: SQLite's file, or the URL of a PostgreSQL database.
    """

    name: str
    place: Path | URL

    @property
    def secret(self) -> str:
        """The password, so that it can be blotted out; blank without one."""
        if isinstance(self.place, Path):
            return ""
        return str(self.place.password or self.place.query.get("password", ""))


def parse(where: str | Path) -> Address:
    """A path, or a text with ``://`` as SQLAlchemy's URL.

    Raises:
        UsageError: no URL of SQLite or PostgreSQL, or one whose parts are unclear; what could
            hold a password is not repeated.
    """
    text = str(where)
    if isinstance(where, Path) or "://" not in text:
        return Address(text, Path(text))
    url = _url(text)
    if url.get_backend_name() == "sqlite":
        if url.host or url.query or url.database in (None, "", ":memory:"):
            raise UsageError(_shown(url), "names no file", "Write sqlite:///FOLDER/study.sqlite")
        return Address(str(url.database), Path(str(url.database)))
    return Address(_shown(url), url)


def _url(text: str) -> URL:
    """Checks by hand what SQLAlchemy would find late, or repeat together with the password."""
    scheme, rest = text.split("://", 1)
    name = f"{scheme}://…"
    driver = _DRIVERS.get(scheme)
    if driver is None:
        raise UsageError(name, "is no study's URL", "Use sqlite:/// or postgresql+psycopg://")
    if driver != "sqlite" and rest.count("@") > 1:
        raise UsageError(name, "this URL holds more than one @", _FORM)
    try:
        return make_url(f"{driver}://{rest}")
    except (SQLAlchemyError, ValueError):
        raise UsageError(name, "this URL cannot be understood", _FORM) from None


def _shown(url: URL) -> str:
    """Without the query: PostgreSQL takes passwords from there as well."""
    return url.set(query={}).render_as_string(hide_password=True)
