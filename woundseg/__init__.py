"""woundseg: measures diabetic foot ulcers on photographs."""

from __future__ import annotations

__version__ = "0.1.0"
