"""The loss: cross entropy for every pixel, Dice for every photograph with a wound."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def ulcer_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Binary cross entropy plus soft Dice, averaged over the batch.

    Dice is taken for each crop by itself, so that a small ulcer weighs as much as a large one,
    and only for crops that show some; the others are held down by cross entropy.

    Args:
        logits: (N, 1, H, W).
        mask: (N, 1, H, W), 0 or 1.
    """
    mask = mask.to(logits.dtype)
    entropy = F.binary_cross_entropy_with_logits(logits, mask)
    probability = torch.sigmoid(logits)
    inside = (probability * mask).sum(dim=(1, 2, 3))
    both = probability.sum(dim=(1, 2, 3)) + mask.sum(dim=(1, 2, 3))
    dice = 1 - (2 * inside + 1) / (both + 1)
    shows = (mask.sum(dim=(1, 2, 3)) > 0).to(logits.dtype)
    return entropy + (dice * shows).sum() / shows.sum().clamp(min=1)
