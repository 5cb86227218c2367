"""Score records as files: their digest, reading them back, and whether they were edited.

The digest is the SHA-256 of the record's canonical JSON (:mod:`woundseg.canonical`) without the
field ``digest`` itself, in UTF-8, as 64 small hexadecimal letters. It is computed from the JSON
document and not from its fields as this version knows them, so that a record of an earlier
version keeps its digest. It guards against slips: whoever edits a record on purpose can write a
new digest. Only a study's chain (:mod:`woundseg.store`) shows that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from woundseg.canonical import canonical
from woundseg.errors import UsageError
from woundseg.records import ScoreRecord

State = Literal["as_written", "edited", "no_digest"]

_REMEDY = "Give a record (.json) that woundseg score wrote"


def digest_of(document: Mapping[str, Any]) -> str:
    """SHA-256 of a record's document, without its own ``digest``.

    Args:
        document: the record, as parsed from JSON.

    Raises:
        ValueError: NaN or infinity, which no record holds.
    """
    rest = {key: value for key, value in document.items() if key != "digest"}
    text = canonical(rest).encode("utf-8", errors="surrogatepass")
    return hashlib.sha256(text).hexdigest()


def with_digest(record: ScoreRecord) -> ScoreRecord:
    """The record with the digest of what its JSON says now."""
    document = json.loads(record.model_dump_json(exclude={"digest"}))
    return record.model_copy(update={"digest": digest_of(document)})


@dataclass(frozen=True)
class RecordFile:
    """A record that was read from a file.

    Attributes:
        path: the file.
        record: what it holds.
        state: whether the record is as woundseg wrote it; ``no_digest`` where the file cannot
            say, as those of versions before the digest.
    """

    path: Path
    record: ScoreRecord
    state: State


def read(path: Path) -> RecordFile:
    """The record in a file, edited or not.

    Raises:
        UsageError: the file cannot be read, or is no record.
    """
    try:
        document = json.loads(path.read_bytes())
        record = ScoreRecord.model_validate(document)
        digest = digest_of(document)
    except OSError as error:
        raise UsageError(path, f"cannot be read ({error.strerror})", _REMEDY) from None
    except (ValidationError, ValueError, RecursionError):  # JSON's and UTF-8's are ValueErrors
        raise UsageError(path, "is not a record of woundseg score", _REMEDY) from None
    if record.digest is None:
        return RecordFile(path, record, "no_digest")
    return RecordFile(path, record, "as_written" if record.digest == digest else "edited")
