"""The losses: of the ulcer's mask, and of tissues that are labelled in part."""

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


def tissue_loss(logits: Tensor, allowed: Tensor) -> Tensor:
    """What is not allowed costs its probability; what has a label is held to it by Dice as well.

    The first term is minus the logarithm of the probability of all that is allowed: with one
    channel allowed it is cross entropy, with all of them nothing. The second is one minus soft
    Dice, for each channel but the background that the batch has labels of, over all pixels with
    a label.

    Args:
        logits: (N, channels, H, W).
        allowed: bits, uint8 (N, H, W) (``tissue.allowed``).
    """
    channels = torch.arange(logits.shape[1], device=logits.device)
    may = ((allowed[:, None].int() >> channels[None, :, None, None]) & 1).to(logits.dtype)
    logarithm = F.log_softmax(logits, dim=1)
    hidden = torch.finfo(logits.dtype).min / 2
    share = torch.logsumexp(logarithm.masked_fill(may == 0, hidden), dim=1)
    told = may.sum(dim=1) < logits.shape[1]
    entropy = -(share * told).sum() / told.sum().clamp(min=1)
    single = (may.sum(dim=1, keepdim=True) == 1).to(logits.dtype)
    truth, probability = may * single, logarithm.exp() * single
    inside = (truth * probability).sum(dim=(0, 2, 3))
    both = truth.sum(dim=(0, 2, 3)) + probability.sum(dim=(0, 2, 3))
    dice = 1 - (2 * inside + 1) / (both + 1)
    shown = (truth.sum(dim=(0, 2, 3)) > 0).to(logits.dtype)
    shown[0] = 0
    return entropy + (dice * shown).sum() / shown.sum().clamp(min=1)
