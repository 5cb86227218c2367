"""The Lightning module: one step, one validation, one schedule."""

from __future__ import annotations

import math
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from woundseg.training.losses import ulcer_loss
from woundseg.training.options import TrainerOptions

SAMPLE_PICTURES = 8


class SegmentationModule(L.LightningModule):
    """A network with its optimiser and schedule; what it learns is said by its children."""

    def __init__(self, network: nn.Module, options: TrainerOptions, total_steps: int) -> None:
        super().__init__()
        self.network = network
        self._options = options
        self._total_steps = total_steps

    def forward(self, photos: Tensor) -> Tensor:
        """Logits (N, classes, H, W) of photographs (N, 3, H, W), 0 to 255."""
        logits: Tensor = self.network(photos.contiguous(memory_format=torch.channels_last))
        return logits

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leaves out the callbacks' state: it says where this machine keeps its files."""
        checkpoint["callbacks"] = {}

    def configure_optimizers(self) -> Any:
        """AdamW, the encoder at a share of the rate, linear warm-up and cosine to zero."""
        options = self._options
        encoder = [p for n, p in self.named_parameters() if ".encoder." in n]
        others = [p for n, p in self.named_parameters() if ".encoder." not in n]
        optimizer = torch.optim.AdamW(
            [
                {"params": encoder, "lr": options.learning_rate * options.encoder_rate},
                {"params": others, "lr": options.learning_rate},
            ],
            weight_decay=options.weight_decay,
        )
        schedule = LambdaLR(optimizer, self._rate)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def _rate(self, step: int) -> float:
        warm = max(1, round(self._options.warmup * self._total_steps))
        if step < warm:
            return (step + 1) / warm
        past = (step - warm) / max(1, self._total_steps - warm)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, past)))

    def _picture(self, name: str, parts: list[Tensor]) -> None:
        """Pictures (3, H, W) uint8 side by side, in TensorBoard."""
        writer = getattr(self.logger, "experiment", None)
        if writer is not None and hasattr(writer, "add_image"):
            writer.add_image(name, torch.cat(parts, dim=2), self.current_epoch)


class UlcerModule(SegmentationModule):
    """Fits a network to ulcer masks; logs loss, Dice per photograph and pooled Dice."""

    def __init__(self, network: nn.Module, options: TrainerOptions, total_steps: int) -> None:
        super().__init__(network, options, total_steps)
        self._dice: list[float] = []
        self._pooled = [0.0, 0.0]

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
        """The loss of one batch."""
        photos, masks = batch
        loss = ulcer_loss(self(photos.float()).float(), masks)
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        """Dice of one whole photograph (both empty 1, one empty 0)."""
        photos, masks = batch
        found = self(photos.float()) > 0
        truth = masks.bool()
        inside = float((found & truth).sum())
        both = float(found.sum() + truth.sum())
        self._dice.append(2 * inside / both if both else 1.0)
        self._pooled[0] += 2 * inside
        self._pooled[1] += both
        if index < SAMPLE_PICTURES:
            shown = [255 * m[0].expand(3, -1, -1).to(torch.uint8) for m in (truth, found)]
            self._picture(f"val/{index}", [photos[0], *shown])

    def on_validation_epoch_end(self) -> None:
        """Logs the averages, then forgets the photographs."""
        self.log("val/dice_mean", sum(self._dice) / max(len(self._dice), 1), prog_bar=True)
        self.log("val/dice_pooled", self._pooled[0] / max(self._pooled[1], 1.0), prog_bar=True)
        self._dice, self._pooled = [], [0.0, 0.0]
