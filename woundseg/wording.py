"""A record in a few lines for the person who took the photograph."""

from __future__ import annotations

from woundseg.records import LEAST_TOLD, ResponseFacts, ScoreRecord, Ulcer, UlcerFigures

NOT_MEASURED = "not measured"


def describe(record: ScoreRecord) -> str:
    """The record as text: figures first, then response, then flags with advice."""
    lines = [record.photo.path]
    if not record.quality.measurable:
        lines.append("  NOT MEASURABLE: see below what to do")
    elif not record.ulcers:
        lines += [f"  {line}" for line in _nothing_found(record)]
    lines += [f"  {ulcer.id:<5} {_ulcer(ulcer)}" for ulcer in record.ulcers]
    if len(record.ulcers) > 1 and record.quality.measurable:
        lines.append(f"  total {_figures(record.total)}")
    if record.response is not None:
        lines += [f"  {line}" for line in _response(record.response, record.judged)]
    lines += [f"  {flag.severity}: {flag.advice} [{flag.code}]" for flag in record.quality.flags]
    return "\n".join(lines)


def _nothing_found(record: ScoreRecord) -> list[str]:
    """That no ulcer was found, and what stands behind it: a zero reads as healed."""
    total = record.total
    if total.area_px is None:
        return ["no ulcer found, but this is not sure enough for 0 cm²: see below"]
    if total.area_cm2 is None:
        found = f"no ulcer found (smallest that counts: {record.settings.min_ulcer_px} px)"
    else:
        least = f"{record.settings.min_ulcer_cm2:g} cm²"
        found = f"no ulcer found: 0 cm² (smallest that counts: {least})"
    response = record.response
    if response is not None and response.place == "found":
        place = "the place of the earlier ulcer was found by the skin around it, in view and empty"
    else:
        place = "whether the place of an earlier ulcer is in view was not checked"
        place += " (--baseline PHOTO)" if response is None else ""
    return [found, f"evidence: the photograph is measurable and shows skin; {place}"]


def _ulcer(ulcer: Ulcer) -> str:
    """An ulcer's figures; of one that the frame cuts they are the least it can be."""
    figures = _figures(ulcer)
    if not ulcer.lower_bound or ulcer.area_px is None:
        return figures
    return f"at least {figures}  (the edge of the photograph cuts it)"


def _figures(figures: UlcerFigures) -> str:
    if figures.area_px is None:
        return NOT_MEASURED
    if figures.area_cm2 is None:
        return f"{figures.area_px} px (no scale: nothing in cm)" + _tissue(figures)
    parts = [f"{figures.area_cm2:.2f} cm²"]
    if figures.area_cm2_low is not None and figures.area_cm2_high is not None:
        parts.append(f"(95%: {figures.area_cm2_low:.2f} to {figures.area_cm2_high:.2f})")
    if figures.length_cm is not None and figures.width_cm is not None:
        parts.append(f"{figures.length_cm:.1f} × {figures.width_cm:.1f} cm")
    if figures.perimeter_cm is not None:
        parts.append(f"perimeter {figures.perimeter_cm:.1f} cm")
    return "  ".join(parts) + _tissue(figures)


def _tissue(figures: UlcerFigures) -> str:
    shares = [f"{name} {told}" for name, told in figures.shares_told().items()]
    return "  " + ", ".join(shares) if shares else ""


def _response(response: ResponseFacts, judged: str) -> list[str]:
    """Change, category and what to do, of the ulcer that was judged."""
    if response.category == "not_evaluable":
        advice = f": {response.advice}" if response.advice else ""
        return [f"against baseline: not evaluable ({response.reason}){advice}"]
    lines = [f"against baseline {response.baseline_cm2:.2f} cm²: {_change(response)}"]
    if judged:
        lines[0] = f"{judged}, {lines[0]}"
    if response.grown_since_baseline:
        lines.append(f"against the smallest before, {_growth(response)}")
    lines[-1] += f": {response.category} ({response.code}, {response.reason}), unconfirmed"
    if response.closed_by_person:
        lines.append("a person has seen the ulcer closed (--closed)")
    lines += _borderline(response)
    return [*lines, f"note: {response.advice}"] if response.advice else lines


def _change(response: ResponseFacts) -> str:
    """Change from baseline with its interval; of a lower bound, which has no upper end, the least.

    Only a progression is ever told of a lower bound.
    """
    low, high = response.percent_change_low, response.percent_change_high
    if response.percent_change is None:
        return f"at least {low:+.0f}%, as the area is a lower bound"
    change = f"{response.percent_change:+.0f}%"
    if low is None or high is None or low == high:  # 0 cm² has no interval
        return change
    return f"{change} (95%: {low:+.0f}% to {high:+.0f}%)"


def _growth(response: ResponseFacts) -> str:
    """The smallest earlier area and the change from it; nothing is a percentage of 0."""
    text = f"{response.growth_from_cm2:.2f} cm²"
    if response.growth_percent is None:
        return text if response.growth_from_cm2 else f"{text} (closed)"
    return f"{text}: {response.growth_percent:+.0f}%"


def _borderline(response: ResponseFacts) -> list[str]:
    """What else it may be; nothing where one category alone is left."""
    if response.borderline is None or response.probability is None:
        return []
    shares = response.probability.model_dump().items()
    told = [f"{code} {share:.0%}" for code, share in shares if share >= LEAST_TOLD]
    if len(told) < 2:
        return []
    return [f"borderline: within the measurement error it may be {', '.join(told)}"]
