"""What people have said of one photograph: the corrections that count, put together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from woundseg.store import Entry

Decision = Literal["mask", "accept", "closed", "not_evaluable"]


@dataclass(frozen=True)
class Word:
    """What a person decided.

    Attributes:
        decision: the outline drawn, the machine's accepted, the ulcer closed, or not evaluable.
        by: who.
        reason: why.
        at: when, ISO 8601.
        ulcer: the one it is said of; blank where it is said of the whole photograph.
        hides: whether it takes away an outline that is, or may be, the ulcer's.
    """

    decision: Decision
    by: str = ""
    reason: str = ""
    at: str = ""
    ulcer: str = ""
    hides: bool = False

    def line(self) -> str:
        """As a report shows it."""
        what: dict[Decision, str] = {
            "mask": "outlined",
            "accept": "accepted",
            "closed": "called closed",
            "not_evaluable": "called not evaluable",
        }
        whose = f"{self.ulcer} " if self.ulcer else ""
        when = f" on {self.at[:10]}" if self.at else ""
        return f"{whose}{what[self.decision]} by {self.by}{when}: {self.reason}"


@dataclass(frozen=True)
class Reading:
    """The words that count on one photograph.

    Attributes:
        base: the newest entry that says what is seen on the photograph: outlines with their
            figures, or that it is not evaluable; None leaves the machine's.
        whole: what was said of the photograph as a whole.
        ulcers: what was said after that of single ulcers, by name.
    """

    base: Entry | None = None
    whole: Word | None = None
    ulcers: Mapping[str, Word] = field(default_factory=dict)

    def of(self, ulcer: str) -> Word | None:
        """The word that counts for an ulcer."""
        return self.ulcers.get(ulcer, self.whole)

    def words(self) -> list[Word]:
        """All of them."""
        return [*([self.whole] if self.whole else []), *self.ulcers.values()]

    def takes_away(self) -> bool:
        """Whether outlines of the base may show an ulcer that a person has taken back."""
        return any(word.hides for word in self.ulcers.values())


def word(entry: Entry) -> Word:
    """What a correction says; those of schema 1 name neither decision nor ulcer."""
    made = json.loads(entry.made)
    result = json.loads(entry.result)
    before: Decision = "not_evaluable" if "stage" in result else "mask"
    return Word(
        decision=made.get("decision", before),
        by=made.get("by", ""),
        reason=made.get("reason", ""),
        at=made.get("time", ""),
        ulcer=made.get("ulcer", ""),
        hides=result.get("shown", False),
    )


def reading(entries: Sequence[Entry]) -> Reading:
    """Puts corrections together (``Store.corrections``, the oldest first).

    What is said of the whole photograph replaces all that was said before.
    """
    base: Entry | None = None
    whole: Word | None = None
    ulcers: dict[str, Word] = {}
    for entry in entries:
        said = word(entry)
        if not said.ulcer:
            base, whole, ulcers = entry, said, {}
            continue
        ulcers[said.ulcer] = said
        if said.decision in ("mask", "accept"):
            base = entry
    return Reading(base, whole, ulcers)
