"""The trial's protocol (section 1): every value that a rule uses, read from YAML and checked.

Dotted names such as ``bor.sd_min_days`` mean the same in the YAML, here, in messages and in
docs/endpoint.md.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from woundseg import resources
from woundseg.errors import ConfigurationError

DEFAULT = "configs/protocol/default.yaml"

Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=0)]
Day = Annotated[int, Field(strict=True, ge=0)]
Cm2 = Annotated[float, Field(strict=True, ge=0.0, allow_inf_nan=False)]
Percent = Annotated[float, Field(strict=True, gt=0.0, allow_inf_nan=False)]
Positive = Annotated[float, Field(strict=True, gt=0.0, allow_inf_nan=False)]
OpenFraction = Annotated[float, Field(strict=True, gt=0.0, lt=1.0)]
Population = Literal["FAS", "EVAL"]


class Section(BaseModel):
    """A closed, immutable group of keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Identity(Section):
    """Which protocol this is, and of which study."""

    id: str
    version: str
    study: str


class TimeUnits(Section):
    """Days in a month and in a year."""

    month_days: Positive
    year_days: Positive


class UlcerRules(Section):
    """Which ulcer is assessed (section 2.4) and what a new one means."""

    strategy: Literal["index", "sum"]
    new_ulcer_response: Literal["ignore", "pd"]
    new_ulcer_remission: Literal["event", "ignore"]


class BaselineRules(Section):
    """Which measurement is the baseline (section 2.3)."""

    window_days: Day
    same_day: Literal["debrided_then_last_seq"]
    small_ulcer_cm2: Cm2


class VisitRules(Section):
    """Which of several rows of a date counts (section 2.5)."""

    same_date: Literal["largest_evaluable_area"]


class ClosureRule(Section):
    """When an ulcer is closed (section 3, rule 3)."""

    closed_max_cm2: Cm2
    closed_tol_cm2: Cm2
    require_flag: Flag


class DecreaseRule(Section):
    """How much smaller a partial response is (section 3, rule 7)."""

    ref: Literal["baseline"]
    min_decrease_pct: Percent
    min_decrease_cm2: Cm2


class IncreaseRule(Section):
    """How much larger progression is (section 3, rules 4 and 5)."""

    ref: Literal["nadir", "baseline"]
    min_increase_pct: Percent
    min_increase_cm2: Cm2
    reopen_after_confirmed_closure: Flag
    amputation: Literal["pd", "ignore"]


class CategoryRules(Section):
    """The thresholds of the visit-level response (section 3)."""

    round_decimals: Annotated[int, Field(strict=True, ge=0, le=12)]
    cr: ClosureRule
    pr: DecreaseRule
    pd: IncreaseRule


class BestResponseRules(Section):
    """Best overall response and its confirmation (section 4)."""

    cutoff_day: Day | None
    postbaseline_only: Flag
    sd_min_days: Day
    confirm_days_cr: Day
    confirm_days_pr: Day
    max_ne_between: Count
    accept_sd_between: Flag
    stop_at_pd: Flag
    pd_date_source: Literal["derived", "external"]
    rescue_same_day: Literal["keep", "drop"]
    missing_as_ne: Flag


class DiseaseControl(Section):
    """Codes that count as disease control at a late record (section 4, CB)."""

    values: Annotated[tuple[Literal["CR", "PR", "SD", "NON-CR/NON-PD"], ...], Field(min_length=1)]


class Landmark(Section):
    """The visit that stands for month 6 (section 4, LM6), in days."""

    target_day: Day
    lo: Day
    hi: Day
    pick: Literal["closest_evaluable_then_later"]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.lo <= self.target_day <= self.hi:
            raise ValueError("target_day must lie between lo and hi")
        return self


class Window(NamedTuple):
    """A scheduled visit: name, target day, first and last day of its window."""

    name: str
    target: int
    lo: int
    hi: int


class PopulationRules(Section):
    """Analysis set and interval of the rates (section 5)."""

    primary: Population
    ci: Literal["clopper-pearson", "wilson"]
    ci_alt: Literal["clopper-pearson", "wilson"]
    conf_level: OpenFraction
    p0_orr: OpenFraction | None


class TimeToEventRules(Section):
    """Events and censoring (section 6)."""

    death: Literal["event", "censor"]
    max_missed_windows: Count
    last_day: Day
    median_tie: Literal["midpoint", "first"]
    conf_type: Literal["log-log"]
    rates_months: tuple[Annotated[float, Field(strict=True, gt=0)], ...]


class Uncertainty(Section):
    """Measurement error of an area and its Monte Carlo (section 5)."""

    default_cv: Annotated[float, Field(strict=True, ge=0.0, le=1.0)]
    min_sd_cm2: Cm2
    level: OpenFraction
    draws: Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
    seed: Count


class Protocol(Section):
    """The whole protocol: frozen, each value checked."""

    protocol: Identity
    time: TimeUnits
    source: Literal["area", "assessed"]
    ulcer: UlcerRules
    baseline: BaselineRules
    visit: VisitRules
    category: CategoryRules
    bor: BestResponseRules
    cb: DiseaseControl
    landmark: Landmark
    schedule: Annotated[tuple[Window, ...], Field(min_length=1)]
    population: PopulationRules
    tte: TimeToEventRules
    uncertainty: Uncertainty

    @model_validator(mode="after")
    def _contiguous(self) -> Self:
        names = [window.name for window in self.schedule]
        if len(set(names)) < len(names):
            raise ValueError("schedule: two windows have the same name")
        for window in self.schedule:
            if not window.lo <= window.target <= window.hi:
                raise ValueError(f"schedule: the target day of {window.name} lies outside it")
        for before, after in zip(self.schedule, self.schedule[1:], strict=False):
            if after.lo != before.hi + 1:
                raise ValueError(f"schedule: {after.name} must begin on day {before.hi + 1}")
        return self

    def window(self, name: str) -> Window | None:
        """The scheduled window called ``name``; None when the schedule has none."""
        return next((window for window in self.schedule if window.name == name), None)

    def to_yaml(self) -> str:
        """The whole protocol as YAML, the same text for the same values."""
        plain = self.model_dump(mode="json")
        plain["schedule"] = [list(window) for window in self.schedule]
        return yaml.safe_dump(
            plain, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
        )

    def sha256(self) -> str:
        """SHA-256 of :meth:`to_yaml`, which ``protocol_used.yaml`` holds byte for byte."""
        return hashlib.sha256(self.to_yaml().encode()).hexdigest()

    def override(self, changes: Mapping[str, Any]) -> Protocol:
        """This protocol with nested ``changes``, such as ``{"bor": {"sd_min_days": 84}}``.

        Raises:
            ConfigurationError: an unknown key or an impossible value.
        """
        plain = self.model_dump()
        return _checked(_merged(plain, changes, "protocol"), "protocol")


def load(path: Path | str | None = None) -> Protocol:
    """The default protocol, with the keys that the file at ``path`` has laid over it.

    Args:
        path: a YAML file that holds only the keys to change; None for the default as it is.

    Raises:
        ConfigurationError: the file cannot be read, has an unknown key or an impossible value;
            the message names the key and the nearest right one.
    """
    default = _read(resources.path(DEFAULT))
    if path is None:
        return _checked(default, DEFAULT)
    return _checked(_merged(default, _read(Path(path)), str(path)), str(path))


def variant(name: str, base: Protocol) -> Protocol:
    """``base`` with the shipped variant ``configs/protocol/<name>.yaml`` laid over it."""
    return base.override(_read(resources.path(f"configs/protocol/{name}.yaml")))


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        cause = f"cannot be read ({error.strerror or error})"
        raise ConfigurationError(path, cause, "Name a protocol file that exists") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            path, f"is not YAML ({error})", "Compare it with configs/protocol/default.yaml"
        ) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(
            path, "holds no keys", "Write keys such as 'bor: {sd_min_days: 84}'"
        )
    return content


def _merged(
    base: Mapping[str, Any], changes: Mapping[str, Any], source: str, prefix: str = ""
) -> dict[str, Any]:
    """``base`` with ``changes`` laid over it, key by key; lists are replaced whole."""
    merged = dict(base)
    for key, value in changes.items():
        dotted = f"{prefix}{key}"
        if key not in base:
            raise _unknown_key(dotted, source)
        if isinstance(base[key], Mapping):
            if not isinstance(value, Mapping):
                keys = ", ".join(base[key])
                raise ConfigurationError(
                    source, f"{dotted} is {value!r}, not a group of keys", f"Give it keys: {keys}"
                )
            merged[key] = _merged(base[key], value, source, f"{dotted}.")
        else:
            merged[key] = value
    return merged


def _dotted_keys(tree: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in tree.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _dotted_keys(value, f"{prefix}{key}.")


def _unknown_key(dotted: str, source: str) -> ConfigurationError:
    known = list(_dotted_keys(_read(resources.path(DEFAULT))))
    near = difflib.get_close_matches(dotted, known, n=1, cutoff=0.7)
    if not near:
        leaf = dotted.rsplit(".", 1)[-1]
        leaves = {key.rsplit(".", 1)[-1]: key for key in known}
        near = [leaves[hit] for hit in difflib.get_close_matches(leaf, leaves, n=1, cutoff=0.6)]
    remedy = f"Did you mean {near[0]}?" if near else "See configs/protocol/default.yaml"
    return ConfigurationError(source, f"unknown key {dotted}", remedy.rstrip("?"))


def _checked(content: Mapping[str, Any], source: str) -> Protocol:
    try:
        return Protocol.model_validate(content)
    except ValidationError as error:
        raise _impossible_value(error, source) from error


def _impossible_value(error: ValidationError, source: str) -> ConfigurationError:
    first = error.errors()[0]
    where = [str(part) for part in first["loc"]]
    value = first["input"]
    if first["type"] == "value_error":
        dotted = ".".join([*where, ""])
        return ConfigurationError(
            source, f"{dotted}{first['ctx']['error']}", "Correct it as default.yaml shows"
        )
    expected = str(first.get("ctx", {}).get("expected", ""))
    permitted = [part.strip(" '") for part in expected.replace(" or ", ", ").split(",") if part]
    near = difflib.get_close_matches(str(value), permitted, n=1, cutoff=0.4)
    remedy = f"Did you mean {near[0]}" if near else "Correct it as default.yaml shows"
    return ConfigurationError(
        source,
        f"{'.'.join(where)} is {value!r}; {first['msg'][:1].lower()}{first['msg'][1:]}",
        remedy,
    )
