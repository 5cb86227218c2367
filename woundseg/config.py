"""Hydra's compose, in one room: overrides in, typed options out."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from woundseg import resources
from woundseg.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from woundseg.evaluate import Evaluation
    from woundseg.training.options import TrainOptions

Options = TypeVar("Options")

_OF_TRAINING = (
    *("split", "hold_out", "known_terms_only", "long_side_px", "sets"),
    *("photographs", "outlines", "necrosis", "teacher"),
)
"""Keys of the group ``data`` that evaluation has no use for."""


def compose(name: str, overrides: list[str]) -> dict[str, Any]:
    """The configuration ``configs/NAME.yaml`` with overrides, resolved, as plain values.

    Raises:
        ConfigurationError: an unknown group, key or value, or a value left open.
        UsageError: Hydra is not installed.
    """
    try:
        from hydra import compose as hydra_compose
        from hydra import initialize_config_dir
        from hydra.errors import HydraException
        from omegaconf import OmegaConf
        from omegaconf.errors import OmegaConfBaseException
    except ModuleNotFoundError:
        raise UsageError(
            "woundseg train", "needs packages that are not installed", "pip install woundseg[train]"
        ) from None
    folder = str(resources.path("configs"))
    try:
        with initialize_config_dir(config_dir=folder, version_base="1.3"):
            config = hydra_compose(name, overrides)
        values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except (HydraException, OmegaConfBaseException) as error:
        cause = str(error).strip().splitlines()[0]
        raise ConfigurationError(
            " ".join(overrides) or name, cause, f"See the groups in {folder}"
        ) from None
    return {str(key): value for key, value in dict(values).items()}  # type: ignore[arg-type]


def train_options(overrides: list[str]) -> TrainOptions:
    """The typed options of ``woundseg train OVERRIDES``.

    Raises:
        ConfigurationError: an unknown key, or a value of the wrong type.
    """
    values = compose("train", overrides)
    from woundseg.training.options import TrainOptions

    return _typed(TrainOptions, values)


def evaluation(overrides: list[str]) -> Evaluation:
    """The typed options of ``woundseg evaluate OVERRIDES``.

    Raises:
        ConfigurationError: an unknown key, or a value of the wrong type.
    """
    values = compose("evaluate", overrides)
    # Of training; evaluate has a split of its own.
    for key in _OF_TRAINING:
        values["data"].pop(key, None)
    from woundseg.evaluate import Evaluation

    return _typed(Evaluation, values)


def _typed(kind: type[Options], values: dict[str, Any]) -> Options:
    from pydantic import TypeAdapter, ValidationError

    unknown = _unknown(kind, values)
    if unknown:
        raise ConfigurationError(unknown[0], "is no option", "Correct it or leave it out")
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{key}={first['input']}", first["msg"], "Correct it") from None


def _unknown(kind: Any, values: dict[str, Any]) -> list[str]:
    """Keys, with those above them, that the options ``kind`` have no field for."""
    kinds = get_type_hints(kind)
    found = [key for key in values if key not in kinds]
    for key in values.keys() & kinds.keys():
        if is_dataclass(kinds[key]) and isinstance(values[key], dict):
            found += [f"{key}.{deeper}" for deeper in _unknown(kinds[key], values[key])]
    return sorted(found)
