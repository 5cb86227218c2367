"""The window over an ulcer in which its tissue is looked at."""

from __future__ import annotations

CONTEXT = 2.0
"""Side of a window, in lengths of the ulcer: as DFUTissue's crops have it, in the median."""
LEAST_SIDE_PX = 64
"""A smaller window would be enlarged until nothing but blur is seen."""


def window_over(box_px: tuple[int, int, int, int], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of a square over an ulcer's box, cut at the frame.

    Args:
        box_px: x, y, width and height of the ulcer.
        shape: height and width of the photograph.
    """
    x, y, width, height = box_px
    side = max(CONTEXT * max(width, height), LEAST_SIDE_PX)
    left, top = round(x + width / 2 - side / 2), round(y + height / 2 - side / 2)
    rows = slice(max(top, 0), min(top + round(side), shape[0]))
    return rows, slice(max(left, 0), min(left + round(side), shape[1]))
