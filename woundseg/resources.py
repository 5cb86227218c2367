"""Where the files that travel with woundseg lie: weights and configurations."""

from __future__ import annotations

from pathlib import Path

from woundseg.errors import ConfigurationError

_PACKAGE = Path(__file__).resolve().parent
_ROOTS = (_PACKAGE / "_shipped", _PACKAGE.parent)


def weights_remedy(weights: Path) -> str:
    """What to do about weights that cannot be loaded: only ours come back by reinstalling."""
    ours = {root / "models" for root in _ROOTS}
    if weights.resolve().parent in ours and weights.suffix == ".onnx":
        return "Reinstall woundseg"
    return "Name an .onnx file that woundseg exported"


def path(name: str) -> Path:
    """The shipped file or folder ``name``, such as ``models/ulcer.onnx``.

    Looks inside the installed package first, then in the checkout around it.

    Raises:
        ConfigurationError: neither has it.
    """
    for root in _ROOTS:
        candidate = root / name
        if candidate.exists():
            return candidate
    raise ConfigurationError(
        name, "is not part of this installation", "Reinstall woundseg from its wheel"
    )
