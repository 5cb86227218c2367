"""What a phone does with the light on its sensor, until a JPEG file comes out."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from math import cos, radians, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.simulate.noise import FloatImage


@dataclass(frozen=True)
class Capture:
    """How the light is gathered and kept.

    Attributes:
        blur_px: standard deviation of the defocus.
        motion_px: length of the motion blur.
        motion_deg: its direction.
        shot: standard deviation of the noise at full scale, linear (grows with the root of light).
        read: standard deviation of the noise in the dark, linear.
        exposure: light factor; 1 puts a white card just below full scale.
        gradient: change of light from the middle to the frame's edge, as a share.
        gradient_deg: direction of that change.
        vignette: loss of light in the corners, as a share.
        white_balance: factors on red and blue that the camera got wrong.
        sharpen: strength of the phone's sharpening.
        jpeg_quality: 1 to 95.
    """

    blur_px: float = 0.6
    motion_px: float = 0.0
    motion_deg: float = 0.0
    shot: float = 0.008
    read: float = 0.001
    exposure: float = 1.0
    gradient: float = 0.0
    gradient_deg: float = 0.0
    vignette: float = 0.15
    white_balance: tuple[float, float] = (1.0, 1.0)
    sharpen: float = 0.3
    jpeg_quality: int = 90


def to_linear(encoded: FloatImage) -> FloatImage:
    """Decodes sRGB (IEC 61966-2-1) into linear light, 0 to 1."""
    low = encoded / 12.92
    high = cv2.pow((np.maximum(encoded, 0.0) + 0.055) / 1.055, 2.4)
    return np.asarray(np.where(encoded <= 0.04045, low, high), dtype=np.float32)


def to_srgb(linear: FloatImage) -> FloatImage:
    """Encodes linear light as sRGB (IEC 61966-2-1), 0 to 1; clips."""
    clipped = np.clip(linear, 0, 1)
    high = 1.055 * cv2.pow(clipped, 1 / 2.4) - 0.055
    return np.asarray(np.where(clipped <= 0.0031308, 12.92 * clipped, high), dtype=np.float32)


def develop(light: FloatImage, capture: Capture, seed: int) -> NDArray[np.uint8]:
    """From linear light (H, W, 3) on the sensor to 8-bit sRGB; ``seed`` is the noise's.

    Channel by channel, to spare memory.
    """
    height, width = light.shape[:2]
    fall = _uneven_light(capture, width, height) * np.float32(capture.exposure)
    gains = (capture.white_balance[0], 1.0, capture.white_balance[1])
    rng = np.random.default_rng((seed, 80))
    picture = np.empty(light.shape, dtype=np.uint8)
    for channel, gain in enumerate(gains):
        plane = light[..., channel] * fall
        plane = _blur(plane, capture)
        noise = rng.standard_normal(plane.shape, dtype=np.float32)
        plane += noise * np.sqrt(np.maximum(plane, 0) * capture.shot**2 + capture.read**2)
        encoded = to_srgb(plane * np.float32(gain))
        if capture.sharpen > 0:
            soft = cv2.GaussianBlur(encoded, (0, 0), 1.2)
            encoded += np.float32(capture.sharpen) * (encoded - soft)
        picture[..., channel] = np.clip(encoded * 255 + 0.5, 0, 255)
    return picture


def _uneven_light(capture: Capture, width: int, height: int) -> FloatImage:
    half = np.hypot(width, height) / 2
    x = ((np.arange(width) - width / 2) / half).astype(np.float32)[None, :]
    y = ((np.arange(height) - height / 2) / half).astype(np.float32)[:, None]
    angle = radians(capture.gradient_deg)
    ramp = 1 + capture.gradient * (x * np.float32(cos(angle)) + y * np.float32(sin(angle)))
    return np.asarray(ramp * (1 - capture.vignette * (x * x + y * y)), dtype=np.float32)


def _blur(plane: FloatImage, capture: Capture) -> FloatImage:
    if capture.blur_px > 0:
        plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), capture.blur_px), dtype=np.float32)
    if capture.motion_px > 0:
        plane = np.asarray(cv2.filter2D(plane, -1, _motion_kernel(capture)), dtype=np.float32)
    return plane


def _motion_kernel(capture: Capture) -> FloatImage:
    """A straight stroke, centred, with its light shared between neighbouring pixels."""
    reach = int(np.ceil(capture.motion_px / 2)) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), dtype=np.float32)
    angle = radians(capture.motion_deg)
    for t in np.linspace(-0.5, 0.5, 65) * capture.motion_px:
        x, y = reach + t * cos(angle), reach + t * sin(angle)
        column, row = int(x), int(y)
        right, down = x - column, y - row
        kernel[row, column] += (1 - right) * (1 - down)
        kernel[row, column + 1] += right * (1 - down)
        kernel[row + 1, column] += (1 - right) * down
        kernel[row + 1, column + 1] += right * down
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


@dataclass(frozen=True)
class Exif:
    """What the file says of itself: focal length against 35 mm film, and when it was taken."""

    focal_35mm: float
    taken_at: datetime | None = None


def encode_jpeg(picture: NDArray[np.uint8], quality: int, facts: Exif) -> bytes:
    """A JPEG file of an RGB picture (H, W, 3)."""
    from PIL import Image

    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "woundseg", "simulated camera"  # Make, Model
    details = exif.get_ifd(0x8769)
    details[0xA405] = round(facts.focal_35mm)  # FocalLengthIn35mmFilm
    if facts.taken_at is not None:
        stamp = facts.taken_at.strftime("%Y:%m:%d %H:%M:%S")
        exif[0x0132] = stamp  # DateTime
        details[0x9003] = stamp  # DateTimeOriginal
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality, exif=exif)
    return stream.getvalue()


def decode_jpeg(jpeg: bytes) -> NDArray[np.uint8]:
    """The RGB picture (H, W, 3) in a JPEG file."""
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as image:
        return np.asarray(image.convert("RGB")).copy()
