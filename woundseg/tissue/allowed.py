"""What each pixel may be: one bit for each channel of the tissue network.

Few pixels have a label. Of the others something is known all the same: inside an ulcer's outline
lies bed, outside lies none. A map of allowed channels says both in one way: one bit is a label,
several are a choice that the network makes by itself, all of them say nothing.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.classes import (
    BACKGROUND,
    CALLUS,
    GRANULATION,
    NECROSIS,
    OTHER,
    SLOUGH,
    TISSUE_CHANNELS,
    UNLABELLED,
)

ByteMap = NDArray[np.uint8]
BoolMap = NDArray[np.bool_]
FloatMap = NDArray[np.float32]


def bits(*classes: int) -> int:
    """The bits of class ids.

    >>> bits(BACKGROUND, CALLUS)
    17
    """
    return sum(1 << TISSUE_CHANNELS.index(each) for each in classes)


ANY = bits(*TISSUE_CHANNELS)
BED = bits(GRANULATION, SLOUGH, NECROSIS)
AROUND = bits(BACKGROUND, CALLUS)


def of_labels(label: ByteMap, bed: BoolMap) -> ByteMap:
    """What the pixels of a labelled crop may be.

    What annotators left without a label is background, but inside the ulcer's outline it may be
    anything: they had no class for necrosis, tendon or bone.

    Args:
        label: ids of classes, uint8 (H, W).
        bed: inside the ulcer's outline of the same crop, bool (H, W).
    """
    table = np.zeros(256, np.uint8)
    for each in TISSUE_CHANNELS:
        table[each] = bits(each)
    table[UNLABELLED] = bits(BACKGROUND)
    table[OTHER] = ANY  # tendon, bone: the network has no channel for it
    allowed: ByteMap = table[label]
    allowed[(label == UNLABELLED) & bed] = ANY
    return allowed


def of_photograph(label: ByteMap) -> ByteMap:
    """What the pixels of a photograph may be whose every tissue is labelled.

    Background there may be callus as well: WoundTissue has no class for it. What nobody called may
    be anything, and so may tendon and bone: the network has no channel for them.

    Args:
        label: ids of classes, uint8 (H, W).
    """
    table = np.full(256, ANY, np.uint8)
    for each in (GRANULATION, SLOUGH, NECROSIS, CALLUS):
        table[each] = bits(each)
    table[BACKGROUND] = AROUND
    allowed: ByteMap = table[label]
    return allowed


def of_outline(mask: BoolMap, unsure_px: int = 2) -> ByteMap:
    """What the pixels may be where an ulcer's outline alone is known.

    Args:
        mask: the ulcer, bool (H, W).
        unsure_px: on either side of the outline nothing is said: hands differ by that much.
    """
    brush = np.ones((2 * unsure_px + 1, 2 * unsure_px + 1), np.uint8)
    thick = cv2.dilate(mask.astype(np.uint8), brush, borderType=cv2.BORDER_REPLICATE) > 0
    thin = cv2.erode(mask.astype(np.uint8), brush, borderType=cv2.BORDER_REPLICATE) > 0
    allowed = np.full(mask.shape, ANY, np.uint8)
    allowed[~thick] = AROUND
    allowed[thin] = BED
    return allowed


def taught(allowed: ByteMap, probability: FloatMap, sure: float) -> ByteMap:
    """``allowed`` with a teacher's choice where it may choose and is sure (a pseudo-label).

    Args:
        allowed: uint8 (H, W).
        probability: the teacher's, float32 (channels, H, W).
        sure: share of what is allowed that the choice must have.
    """
    open_to = np.stack([allowed & (1 << n) > 0 for n in range(len(TISSUE_CHANNELS))])
    possible = probability * open_to
    share = possible.max(axis=0) / np.maximum(possible.sum(axis=0), 1e-6)
    chosen = (1 << possible.argmax(axis=0)).astype(np.uint8)
    return np.where((allowed != ANY) & (share >= sure), chosen, allowed)
