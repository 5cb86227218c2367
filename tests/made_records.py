"""Score records made by hand."""

from woundseg.records import (
    ColourFacts,
    ModelFacts,
    PhotoFacts,
    Quality,
    QualityFlag,
    ScaleFacts,
    ScoreRecord,
    Settings,
    TissueFractions,
    Ulcer,
    UlcerFigures,
)

BED = TissueFractions(granulation=0.75, slough=0.25, necrosis=0, other=0)
MODEL = ModelFacts(name="toy", version="0", sha256="0" * 64, device="cpu", precision="fp32")


def figures(area_cm2: float | None, area_px: int | None = 400) -> UlcerFigures:
    """Figures of one area with a standard deviation of 5%; in px alone where it is None."""
    if area_cm2 is None:
        values = dict.fromkeys(UlcerFigures.model_fields)
        return UlcerFigures(**{**values, "area_px": area_px, "tissue": BED if area_px else None})
    return UlcerFigures(
        area_cm2=area_cm2,
        area_sd=0.05 * area_cm2,
        area_cm2_low=0.9 * area_cm2,
        area_cm2_high=1.11 * area_cm2,
        perimeter_cm=5.6,
        length_cm=2.1,
        width_cm=1.5,
        area_px=area_px,
        bbox_px=(1, 2, 30, 20),
        tissue=BED if area_cm2 else None,
        tissue_low=None,
        tissue_high=None,
    )


def record(*areas_cm2: float | None, flags: tuple[QualityFlag, ...] = (), scale: str = "card"):
    """The record of a photograph with ulcers of these areas, largest first."""
    measurable = all(flag.severity != "reject" for flag in flags)
    px = 400 if measurable else None
    parts = [figures(area, px) for area in areas_cm2]
    nothing = figures(None, 0 if measurable else None) if scale == "none" else figures(0.0, 0)
    known = [area for area in areas_cm2 if area is not None]
    several = figures(sum(known), 400 * len(known)) if known else figures(None, px)
    return ScoreRecord(
        software="woundseg 0",
        photo=PhotoFacts(path="v.jpg", sha256="0" * 64, width=64, height=48, captured_at=None),
        scale=ScaleFacts(source=scale, mm_per_px=None, tilt_deg=None, residual_px=None),
        colour=ColourFacts(source="none", residual_de2000=None),
        ulcers=tuple(Ulcer(id=f"u{n}", **vars(part)) for n, part in enumerate(parts, start=1)),
        total=several if areas_cm2 else nothing,
        quality=Quality(measurable=measurable, flags=flags),
        settings=Settings(min_ulcer_cm2=0.05, min_ulcer_px=12),
        model=MODEL,
    )


DARK = QualityFlag(code="too_dark", severity="reject", advice="Add light.")
