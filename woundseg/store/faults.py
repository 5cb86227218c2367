"""What databases complain of, as errors of woundseg: one line, no password, nothing of patients."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from woundseg.errors import ConfigurationError, OutputError, UsageError, WoundsegError


class StudyBusyError(UsageError):
    """Another run is writing to the study; nothing of the batch was written."""


@dataclass(frozen=True)
class Fault:
    """An error to be raised; without a kind it is OutputError in writing, else of configuration."""

    kind: type[WoundsegError] | None
    cause: str
    remedy: str

    def error(self, name: str, writing: bool = True, told: str = "") -> WoundsegError:
        """The error of the study of this name; ``told`` is what the database itself said."""
        kind = self.kind or (OutputError if writing else ConfigurationError)
        return kind(name, self.cause.format(told), self.remedy)


BUSY = Fault(StudyBusyError, "another run is writing", "Wait until it ends and run this again")
_FORBIDDEN = Fault(OutputError, "may not be written to", "Choose a place you may write to")
_FULL = Fault(OutputError, "the disk is full", "Free some space and run it again")
_DAMAGED = Fault(ConfigurationError, "is damaged", "Restore it from a copy")
_UNOPENED = Fault(None, "cannot be opened", "Check that its folder may be read and written")
_LINK = Fault(None, "the server cannot be reached ({})", "Check address, name and password")
_OTHER = Fault(None, "the database refuses ({})", "Run woundseg verify, or choose another place")

_SQLITE = {
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_PERM: _FORBIDDEN,
    sqlite3.SQLITE_READONLY: _FORBIDDEN,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR: Fault(None, "its disk fails ({})", "Check the disk and run it again"),
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_CANTOPEN: _UNOPENED,
    sqlite3.SQLITE_NOTADB: Fault(
        ConfigurationError, "is not a study of woundseg", "Name another file"
    ),
}
"""By SQLite's primary result code (https://sqlite.org/rescode.html)."""

_POSTGRESQL = {
    "42501": _FORBIDDEN,  # insufficient_privilege
    "25006": _FORBIDDEN,  # read_only_sql_transaction
    "53100": _FULL,  # disk_full
    "55P03": BUSY,  # lock_not_available
    "57P01": _LINK,  # admin_shutdown
    "57P02": _LINK,  # crash_shutdown
    "57P03": _LINK,  # cannot_connect_now
}
"""By SQLSTATE (PostgreSQL's documentation, appendix A)."""


def explain(error: Exception, name: str, writing: bool, secret: str = "") -> WoundsegError:
    """The error to raise for what SQLAlchemy or the driver below it complained of.

    Args:
        error: what was raised.
        name: the study, as it may be shown.
        writing: whether something was to be written.
        secret: the password, which is blotted out should a driver repeat it.
    """
    cause = getattr(error, "orig", None) or error
    fault = _fault(cause)
    told = (str(cause).strip() or type(cause).__name__).splitlines()[0]
    if secret:
        told = told.replace(secret, "***")
    return fault.error(name, writing, told)


def _fault(cause: BaseException) -> Fault:
    if isinstance(cause, sqlite3.Error):
        return _SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF, _OTHER)
    state = getattr(cause, "sqlstate", None)
    if state is not None:
        return _LINK if state.startswith("08") else _POSTGRESQL.get(state, _OTHER)
    return _LINK if type(cause).__name__ == "OperationalError" else _OTHER
