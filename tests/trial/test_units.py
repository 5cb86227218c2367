"""A column under another name: whether its figures may be taken as they are."""

from __future__ import annotations

import pytest

from woundseg.trial.units import remedy


@pytest.mark.parametrize(
    ("column", "found", "told"),
    [
        # 1 cm² is 100 mm²: taken as it is, every area would be 100 times too large
        ("area_cm2", "area_mm2", "Convert 'area_mm2' to cm² (divide by 100) and name it area_cm2"),
        ("area_cm2", "Area (mm²)", "Convert 'Area (mm²)' to cm² (divide by 100)"),
        ("area_cm2", "AreaMM2", "Convert 'AreaMM2' to cm² (divide by 100)"),
        ("area_cm2", "area_sq_mm", "Convert 'area_sq_mm' to cm² (divide by 100)"),
        ("area_cm2", "area_in2", "Convert 'area_in2' to cm² (multiply by 6.4516)"),
        ("area_cm2", "area_m2", "Convert 'area_m2' to cm² (multiply by 10000)"),
        ("area_cm2", "area_px", "Convert 'area_px' to cm² and name it area_cm2"),
        ("area_cm2", "area", "If 'area' is in cm², rename it to area_cm2"),
        ("area_cm2", "AREA_CM2", "Rename 'AREA_CM2' to area_cm2"),
        ("area_cm2", "area_cm", "Rename 'area_cm' to area_cm2"),
        ("area_cm2", "area_in_cm2", "Rename 'area_in_cm2' to area_cm2"),
        ("area_cm2", "Area [cm^2]", "Rename 'Area [cm^2]' to area_cm2"),
        ("mm_per_px", "mm_per_pixel", "Rename 'mm_per_pixel' to mm_per_px"),
        ("mm_per_px", "px_per_mm", "Convert 'px_per_mm' to mm per px and name it mm_per_px"),
        ("mm_per_px", "cm_per_px", "Convert 'cm_per_px' to mm per px (multiply by 10)"),
        ("mm_per_px", "um_per_px", "Convert 'um_per_px' to mm per px (divide by 1000)"),
        ("card_line_mm", "card_line_cm", "Convert 'card_line_cm' to mm (multiply by 10)"),
        ("card_line_mm", "card_line", "If 'card_line' is in mm, rename it to card_line_mm"),
        ("date", "Date", "Rename 'Date' to date"),
    ],
)
def test_another_unit_is_converted_before_it_is_renamed(column, found, told):
    assert remedy(column, found).startswith(told)
