"""The Lightning module that learns tissue."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from woundseg.classes import BACKGROUND, LABELLED_TISSUES, TISSUE_CHANNELS
from woundseg.datasets.tissue import TissueSet
from woundseg.tissue.allowed import ANY
from woundseg.training.losses import tissue_loss
from woundseg.training.module import SAMPLE_PICTURES, SegmentationModule
from woundseg.training.options import TrainerOptions

_NAMES = {tissue.id: tissue.name for tissue in LABELLED_TISSUES}
_COLOURS = {tissue.id: tissue.colour for tissue in LABELLED_TISSUES} | {BACKGROUND: (96, 96, 96)}


class TissueModule(SegmentationModule):
    """Fits a network to tissues labelled in part; logs Dice pooled over what is held out.

    Args:
        network: see ``SegmentationModule``.
        options: see there.
        total_steps: see there.
        data: says of which tissues, and whether pixels that may be anything count.
    """

    def __init__(
        self,
        network: nn.Module,
        options: TrainerOptions,
        total_steps: int,
        data: type[TissueSet],
    ) -> None:
        super().__init__(network, options, total_steps)
        self._told = [TISSUE_CHANNELS.index(each) for each in data.tissues]
        self._open_counts = data.unlabelled_counts
        self._inside = torch.zeros(len(TISSUE_CHANNELS))
        self._both = torch.zeros(len(TISSUE_CHANNELS))

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
        """The loss of one batch."""
        photos, allowed = batch
        loss = tissue_loss(self(photos.float()).float(), allowed)
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        """Counts of one piece's pixels by channel."""
        photos, allowed = batch
        found = self(photos.float()).argmax(dim=1)
        counted = self._open_counts | (allowed != ANY)
        for channel in range(len(TISSUE_CHANNELS)):
            truth, called = allowed == 1 << channel, (found == channel) & counted
            self._inside[channel] += 2 * (truth & called).sum().cpu()
            self._both[channel] += truth.sum().cpu() + called.sum().cpu()
        if index < SAMPLE_PICTURES:
            truth = torch.log2(allowed[0].float()).long() * (allowed[0] & (allowed[0] - 1) == 0)
            self._picture(f"val/{index}", [photos[0], _painted(truth), _painted(found[0])])

    def on_validation_epoch_end(self) -> None:
        """Logs Dice of each labelled tissue, and of all of them together."""
        for channel in self._told:
            dice = self._inside[channel] / self._both[channel].clamp(min=1)
            self.log(f"val/{_NAMES[TISSUE_CHANNELS[channel]]}", dice, prog_bar=True)
        pooled = self._inside[self._told].sum() / self._both[self._told].sum().clamp(min=1)
        self.log("val/dice_pooled", pooled, prog_bar=True)
        self._inside.zero_()
        self._both.zero_()


def _painted(channels: Tensor) -> Tensor:
    """Channels (H, W) in their tissues' colours, uint8 (3, H, W)."""
    table = torch.tensor([_COLOURS[each] for each in TISSUE_CHANNELS], dtype=torch.uint8)
    return table.to(channels.device)[channels].permute(2, 0, 1)
