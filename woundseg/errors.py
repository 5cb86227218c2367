"""Every error that woundseg raises on purpose.

::

    WoundsegError                 names what failed, the cause and the remedy
    ├── UsageError            2   wrong option, or an option this machine cannot serve
    │   ├── ConfigurationError    a configuration or protocol file that cannot be used
    │   ├── TableError            a CSV that cannot be understood: row, column, value
    │   ├── DataSetError          a data set folder with offenders, all of them listed
    │   └── StudyBusyError        another run is writing to the study (woundseg.store)
    ├── UnreadablePhotoError  3   the one photograph asked for cannot be decoded
    ├── NotMeasurableError    4   it was read, but cannot be measured as asked
    └── OutputError           5   the result could not be written

Anything else that escapes is a fault of ours (exit status 70).
"""

from __future__ import annotations

from typing import ClassVar

EXIT_DONE = 0
EXIT_PARTLY = 1
EXIT_USAGE = 2
EXIT_UNREADABLE = 3
EXIT_NOT_MEASURABLE = 4
EXIT_OUTPUT = 5
EXIT_FAULT = 70
EXIT_INTERRUPTED = 130


class WoundsegError(Exception):
    """What failed, why, and what the reader can do about it, on one line.

    Attributes:
        subject: the file, option or setting concerned, as the user wrote it.
        cause: what is wrong with it.
        remedy: what to do; an imperative sentence.
    """

    exit_status: ClassVar[int] = EXIT_FAULT

    def __init__(self, subject: object, cause: str, remedy: str) -> None:
        self.subject = str(subject)
        self.cause = cause
        self.remedy = remedy
        super().__init__(self.line())

    def __reduce__(self) -> tuple[type[WoundsegError], tuple[object, ...]]:
        """Errors travel between processes whole."""
        return type(self), (self.subject, self.cause, self.remedy)

    def line(self) -> str:
        """The message on one line, in the form ``subject: cause. Remedy.``, as it is shown."""
        text = f"{self.subject}: {self.cause.rstrip('.')}. {self.remedy.rstrip('.')}."
        return " ".join(text.split())


class UsageError(WoundsegError):
    """An option that is wrong, or that this machine cannot serve."""

    exit_status = EXIT_USAGE


class ConfigurationError(UsageError):
    """A configuration or protocol file with an unknown key or an impossible value."""


class TableError(UsageError):
    """A CSV file that cannot be understood; the cause names row, column and value."""


class DataSetError(UsageError):
    """A data set folder that is not as published.

    Attributes:
        offenders: one line for each faulty file.
    """

    def __init__(
        self, subject: object, cause: str, remedy: str, offenders: tuple[str, ...] = ()
    ) -> None:
        self.offenders = offenders
        super().__init__(subject, cause, remedy)

    def __reduce__(self) -> tuple[type[WoundsegError], tuple[object, ...]]:
        """Errors travel between processes whole."""
        return type(self), (self.subject, self.cause, self.remedy, self.offenders)


class UnreadablePhotoError(WoundsegError):
    """A file that is not a photograph woundseg can decode."""

    exit_status = EXIT_UNREADABLE


class NotMeasurableError(WoundsegError):
    """A photograph that was read but cannot be measured as asked."""

    exit_status = EXIT_NOT_MEASURABLE


class OutputError(WoundsegError):
    """A result that could not be written (permission, full disk)."""

    exit_status = EXIT_OUTPUT
