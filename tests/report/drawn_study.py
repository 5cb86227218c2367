"""A small study drawn with ellipses: what the report is given, made by hand."""

from __future__ import annotations

import io
import math
from datetime import date, timedelta

from PIL import Image, ImageDraw

from woundseg import quality
from woundseg.records import Failure, QualityFlag, VisitRow
from woundseg.report import Panel, PhotoShown, Question, Step, StudyFacts, SubjectReport
from woundseg.report.failures import gathered
from woundseg.trial.healing_course import HealingRow
from woundseg.trial.protocol import load

RULES = load().category
START = date(2025, 1, 6)
SKIN, WOUND = (214, 170, 140), (150, 20, 25)
UNVERIFIED = quality.flag("card_unverified", "note")
BLURRED = quality.flag("blurred", "reject")
SPOT = QualityFlag(
    code="possible_new_ulcer", severity="warning", advice="Look at the spot: is it an ulcer?"
)


def ellipse(x, y, rx, ry, count=60):
    """A closed outline, px of the photograph."""
    turns = (2 * math.pi * n / count for n in range(count))
    return tuple((x + rx * math.cos(t), y + ry * math.sin(t)) for t in turns)


def thumbnail(ulcers, size=(1600, 1200), factor=0.5):
    """JPEG of a photograph of that size with red ellipses (x, y, rx, ry) in px of it."""
    picture = Image.new("RGB", (round(size[0] * factor), round(size[1] * factor)), SKIN)
    pen = ImageDraw.Draw(picture)
    for x, y, rx, ry in ulcers:
        edges = ((x - rx) * factor, (y - ry) * factor, (x + rx) * factor, (y + ry) * factor)
        pen.ellipse(edges, fill=WOUND)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=90)
    return stream.getvalue()


def photo(path="p.jpg", mm_per_px=0.1, **ulcers):
    """A photograph whose named ulcers are ellipses (x, y, rx, ry) in px."""
    outlines = {name: (ellipse(*place),) for name, place in ulcers.items()}
    return PhotoShown(path, thumbnail(ulcers.values()), 0.5, mm_per_px, outlines, (UNVERIFIED,))


def row(week=0, area=None, **changes):
    """A row of visits.csv; without an area it is not evaluable."""
    visit = f"V{week}"
    figures = {} if area is None else {"area_cm2_low": 0.9 * area, "area_cm2_high": 1.1 * area}
    bed = {"granulation": 0.7, "slough": 0.2, "necrosis": 0.1, "other": 0.0} if area else {}
    values = {
        "subject": "S01",
        "visit": visit,
        "date": START + timedelta(weeks=week),
        "seq": 1,
        "ulcer": "u1",
        "path": f"S01/{visit}.jpg",
        "evaluable": "N" if area is None else "Y",
        "area_cm2": area,
        "calibrated": "Y",
        "scale": "card",
        **figures,
        **bed,
    }
    return VisitRow(**(values | changes))


def question(text="V3 · 2025-03-31", **changes):
    """Which of u1 and u2 is the outline at V3? ``text`` stands wherever there is text."""
    before = photo("before.jpg", u1=(700, 500, 90, 60), u2=(300, 300, 40, 40))
    now = photo("now.jpg", u=(650, 480, 80, 60))
    values = {
        "title": text,
        "now": Panel(text, now, {"1": now.outlines["u"]}),
        "before": (Panel(text, before, before.outlines),),
        "unsure": ("u1",),
        "known": ("u2",),
        "unnamed": ("1",),
        "steps": (Step(text, f"woundseg {text}"),),
    }
    return Question(**(values | changes))


def subject(rows, photos=(), **changes):
    """A subject with a baseline on the first day and u1 as its index ulcer."""
    values = {
        "subject": "S01", "rows": tuple(rows), "photos": tuple(photos), "healing": (),
        "baseline_date": START, "index_ulcer": "u1", "thresholds": RULES,
    }  # fmt: skip
    return SubjectReport(**(values | changes))


def facts(count=1, **changes):
    values = {
        "title": "Drawn study", "software": "woundseg 0", "weights": "toy 0 fp32",
        "head": "a1" * 32, "photos": "visits", "failures": {}, "warnings": (),
        "as_of": date(2025, 7, 1), "counts": {"subjects": count},
    }  # fmt: skip
    if "failures" in changes:
        changes["failures"] = gathered(changes["failures"])
    return StudyFacts(**(values | changes))


def healing(week, area, **changes):
    values = {
        "subject": "S01", "ulcer": "u1", "visit": f"V{week}",
        "date": START + timedelta(weeks=week), "day": 7 * week, "weeks": float(week),
        "area_cm2": area, "base_area_cm2": 8.0, "par_pct": 100 * (8 - area) / 8,
        "log_healing_rate_per_week": 0.125, "gilman_cm_per_week": 0.0625,
        "gilman_from_last_cm_per_week": None, "par4_pct": 62.5, "par50w4": True,
    }  # fmt: skip
    return HealingRow(**(values | changes))


def healed(name="S01"):
    """One ulcer that heals: 8, 5, a blurred visit, 3 and closed."""
    areas = {0: 8.0, 2: 5.0, 4: None, 8: 3.0, 12: 0.0}
    rows, photos = [], []
    for week, area in areas.items():
        path = f"{name}/V{week}.jpg"
        rows.append(row(week, area, subject=name, path=path))
        if area is None:
            failure = Failure(path, "measure", "not measurable (blurred)", BLURRED.advice)
            bad = PhotoShown(path, thumbnail(()), 0.5, 0.1, {}, (BLURRED,), False, failure)
            photos.append(bad)
        elif area == 0:
            photos.append(
                PhotoShown(path, thumbnail(()), 0.5, 0.1, {}, (UNVERIFIED,), places={"u1": (9, 9)})
            )
        else:
            photos.append(photo(path, u1=(700, 500, 40 * area**0.5, 30 * area**0.5)))
    told = tuple(
        healing(week, area, subject=name) for week, area in areas.items() if area is not None
    )
    return subject(rows, photos, subject=name, healing=told)


def several(name="S02"):
    """Two ulcers, of which the second is lost; one visit without a scale, one unreadable."""
    two = {"u1": (500, 600, 120, 80), "u2": (900, 500, 60, 50)}
    rows, photos = [], []
    for week in (0, 2, 6, 10):
        path = f"{name}/V{week}.jpg"
        own = {"subject": name, "path": path}
        none = {**own, "calibrated": "N", "scale": "none"}
        if week == 2:
            rows += [row(week, ulcer=ulcer, **none) for ulcer in two]
            failure = Failure(path, "measure", "has no scale", "Lay the card beside the ulcer.")
            outlines = {ulcer: (ellipse(*place),) for ulcer, place in two.items()}
            photos.append(
                PhotoShown(path, thumbnail(two.values()), 0.5, None, outlines, (), True, failure)
            )
        elif week == 6:
            rows += [row(week, ulcer=ulcer, flags=("unreadable",), **none) for ulcer in two]
            failure = Failure(path, "read", "is cut short", "Copy it again from the camera.")
            photos.append(PhotoShown(path, b"", 1.0, None, {}, (), False, failure))
        else:
            lost = {"flags": ("match_unsure",)} if week else {}
            rows.append(row(week, 3.0 + week / 4, ulcer="u1", **own))
            rows.append(row(week, None if week else 1.0, ulcer="u2", **own, **lost))
            shown = photo(path, **two)
            flags = (SPOT, UNVERIFIED) if week else (UNVERIFIED,)
            photos.append(
                PhotoShown(
                    path, shown.thumbnail, 0.5, 0.1, shown.outlines, flags, overlay="o/a.png"
                )
            )
    return subject(
        rows,
        photos,
        subject=name,
        overdue="W16 (2025-04-14 to 2025-05-11)",
        to_look_at=("V10 2025-03-17: not sure whether the second ulcer is u2.",),
    )
