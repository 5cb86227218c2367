"""woundseg: measures diabetic foot ulcers on photographs.

::

    import woundseg

    scorer = woundseg.load()
    record = scorer("visit.jpg")
    record.total.area_cm2, record.total.area_cm2_low, record.total.area_cm2_high

    trial = woundseg.endpoint(visits, subjects)  # data frames
    trial.summary["bor_confirmed"]["FAS"]["ORR"]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from woundseg.scorer import Scorer, load
    from woundseg.trial.endpoint import derive as endpoint

__version__ = "0.2.0"
__all__ = ["Scorer", "__version__", "endpoint", "load"]


def __getattr__(name: str) -> Any:
    """Public names are imported when asked for (PEP 562): ``woundseg --help`` stays quick."""
    if name in ("Scorer", "load"):
        from woundseg import scorer

        return getattr(scorer, name)
    if name == "endpoint":
        from woundseg.trial.endpoint import derive

        return derive
    raise AttributeError(f"module 'woundseg' has no attribute {name!r}")
