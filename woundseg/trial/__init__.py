"""From areas to the trial's endpoint: no image and no torch.

The public names are loaded at first use, so that ``import woundseg.trial`` stays quick.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "load": "protocol",
    "Protocol": "protocol",
    "compare": "response",
    "visit_response": "api",
    "best_response": "api",
    "confirmed_response": "api",
    "derive": "endpoint",
    "explain": "story",
    "gilman_rate": "kinetics",
    "binom_ci": "intervals",
    "km": "survival",
    "aalen_johansen": "survival",
}

__all__ = [
    "Protocol",
    "aalen_johansen",
    "best_response",
    "binom_ci",
    "compare",
    "confirmed_response",
    "derive",
    "explain",
    "gilman_rate",
    "km",
    "load",
    "visit_response",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
