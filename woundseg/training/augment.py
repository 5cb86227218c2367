"""Augmentation: crops over the wound, and the ways in which clinics' photographs differ."""

from __future__ import annotations

import os
from typing import Any

# albumentations asks PyPI for a newer version at import unless told not to.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

import albumentations as A
import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.tissue.allowed import ANY
from woundseg.training.options import AugmentOptions
from woundseg.training.relit import Relit

cv2.setNumThreads(0)  # its threads would take the cores from the network


def pipeline(options: AugmentOptions, seed: int) -> A.Compose:
    """Training augmentation of ``image`` (H, W, 3) uint8 and ``mask`` (H, W) uint8, seeded."""
    geometry = [
        A.D4(p=1.0),
        A.Affine(
            scale=(options.scale_low, options.scale_high),
            rotate=(-options.rotate_deg, options.rotate_deg),
            shear=(-options.shear_deg, options.shear_deg),
            balanced_scale=True,
            keep_ratio=True,
            border_mode=cv2.BORDER_CONSTANT,
            p=0.8,
        ),
        # Photographs smaller than a crop stand on black, as the network sees them in use.
        A.PadIfNeeded(options.crop_px, options.crop_px, border_mode=cv2.BORDER_CONSTANT),
        _crop(options),
    ]
    varied = _light(options) + _degradation(options) + _camera(options)
    return A.Compose(geometry + varied, seed=seed)


def tissue_pipeline(options: AugmentOptions, seed: int) -> A.Compose:
    """Training augmentation of ``image`` (H, W, 3) and ``mask`` (H, W) of allowed bits, seeded.

    The whole picture is brought to the crop's size first: tissue is looked at in windows as large
    as the ulcer asks for. What comes in from outside the frame is black and may be anything.
    """
    side = options.crop_px
    geometry = [
        A.LongestMaxSize(side, interpolation=cv2.INTER_LINEAR),
        A.PadIfNeeded(side, side, border_mode=cv2.BORDER_CONSTANT, fill_mask=ANY),
        A.D4(p=1.0),
        A.Affine(
            scale=(options.scale_low, options.scale_high),
            rotate=(-options.rotate_deg, options.rotate_deg),
            shear=(-options.shear_deg, options.shear_deg),
            translate_percent=(-0.12, 0.12),
            balanced_scale=True,
            keep_ratio=True,
            border_mode=cv2.BORDER_CONSTANT,
            fill_mask=ANY,
            p=0.9,
        ),
    ]
    light = [
        Relit(p=options.relit),
        A.PlanckianJitter(temperature_limit=(3500, 9500), p=options.light),
    ]
    return A.Compose(geometry + light + _light(options) + _degradation(options), seed=seed)


def _crop(options: AugmentOptions) -> A.OneOf:
    side = options.crop_px
    return A.OneOf(
        [
            A.CropNonEmptyMaskIfExists(side, side, p=options.wound_share),
            A.RandomCrop(side, side, p=1 - options.wound_share),
        ],
        p=1.0,
    )


def _light(options: AugmentOptions) -> list[Any]:
    return [
        A.ColorJitter(
            brightness=(1 - options.brightness, 1 + options.brightness),
            contrast=(1 - options.contrast, 1 + options.contrast),
            saturation=(1 - options.saturation, 1 + options.saturation),
            hue=(-options.hue, options.hue),
            p=0.8,
        ),
        A.RandomGamma(gamma_limit=(75, 135), p=0.25 if options.brightness else 0.0),
    ]


def _degradation(options: AugmentOptions) -> list[Any]:
    return [
        A.OneOf(
            [
                A.GaussianBlur(blur_limit=(3, 5)),
                A.MotionBlur(blur_limit=(3, 5)),
                A.GaussNoise(std_range=(0.01, 0.05)),
                A.ImageCompression(quality_range=(50, 90)),
                A.Downscale(scale_range=(0.5, 0.8)),
            ],
            p=options.degrade,
        )
    ]


def _camera(options: AugmentOptions) -> list[Any]:
    """What a camera does, in its order: white balance, sensor, sharpening, file.

    The resolution goes down to 320 px of the 512 that a photograph is looked at with.
    """
    if not options.camera:
        return []
    steps = [
        A.OneOf(
            [
                A.PlanckianJitter(temperature_limit=(3500, 9500)),
                A.RGBShift(r_shift_limit=12, g_shift_limit=12, b_shift_limit=12),
            ],
            p=0.6,
        ),
        A.Downscale(
            scale_range=(0.625, 0.95),
            interpolation_pair={"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_LINEAR},
            p=0.5,
        ),
        A.OneOf(
            [A.ISONoise(intensity=(0.05, 0.3)), A.GaussNoise(std_range=(0.005, 0.03))],
            p=0.4,
        ),
        A.UnsharpMask(blur_limit=(3, 5), alpha=(0.2, 0.8), threshold=0, p=0.4),
        A.ImageCompression(quality_range=(45, 95), p=0.7),
    ]
    return [A.Sequential(steps, p=options.camera)]


def apply(
    transform: A.Compose, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """One augmented crop: photograph (S, S, 3) uint8 and mask (S, S) uint8 of 0 and 1."""
    result = transform(image=pixels, mask=mask.astype(np.uint8))
    return result["image"], result["mask"]
