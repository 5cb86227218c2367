"""What was not placed or not measured, by stage and cause: the first files of each, and counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from woundseg.records import Failure

MOST_PATHS: Final = 20
MOST_CAUSES: Final = 50


@dataclass
class Cause:
    """Files with the same error and advice.

    Attributes:
        error, advice: as in ``Failure``.
        paths: the first ``MOST_PATHS``.
        files: how many in all.
    """

    error: str
    advice: str
    paths: list[str] = field(default_factory=list)
    files: int = 0


@dataclass
class Stage:
    """Files that failed at one stage.

    Attributes:
        causes: the first ``MOST_CAUSES``, by error and advice.
        files: how many in all, those with further causes too.
    """

    causes: dict[tuple[str, str], Cause] = field(default_factory=dict)
    files: int = 0


def gathered(failures: Iterable[Failure]) -> dict[str, Stage]:
    """Failures by stage; however many there are, a few of each cause are kept."""
    stages: dict[str, Stage] = {}
    for failure in failures:
        stage = stages.setdefault(failure.stage, Stage())
        stage.files += 1
        key = failure.error, failure.advice
        if key not in stage.causes and len(stage.causes) >= MOST_CAUSES:
            continue
        cause = stage.causes.setdefault(key, Cause(*key))
        cause.files += 1
        if len(cause.paths) < MOST_PATHS:
            cause.paths.append(failure.path)
    return stages
