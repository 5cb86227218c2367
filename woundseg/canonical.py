"""Canonical JSON: one text for one value, so that its hash can be compared."""

from __future__ import annotations

import json
from typing import Any


def canonical(value: Any) -> str:
    """``value`` as canonical JSON: sorted keys, no spaces, letters as they are.

    Raises:
        ValueError: NaN or infinity.
        TypeError: what JSON has no form for.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
