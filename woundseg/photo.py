"""Reading photographs of every kind a clinic has into upright 8-bit sRGB pixels.

JPEG, PNG, TIFF, WebP, HEIC and BMP are read. What cannot be trusted whole is refused: a cut-off
file would otherwise end in grey, and grey skin has no ulcer.

How pixels become 8-bit sRGB:

- 16 bits a channel are reduced to 8 (of colour the upper byte, grey rounded);
- an embedded colour profile is followed, with relative colorimetric intent and black point
  compensation (ICC.1:2022); one that is damaged or does not fit is passed over, as viewers do;
- CMYK without a profile is read as ink on white: R = (255 − C) × (255 − K) / 255;
- transparent pixels are laid over white.
"""

from __future__ import annotations

import errno
import hashlib
import io
import math
import re
import stat
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import SupportsFloat

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from woundseg.errors import UnreadablePhotoError, UsageError

ByteImage = NDArray[np.uint8]
Convert = Callable[[Image.Image], Image.Image]

_FORMATS = "JPEG, PNG, TIFF, WebP, HEIC or BMP"
_SEND_IT = f"Give the photograph as {_FORMATS}"
_COPY_AGAIN = "Copy it again from the camera or phone"
_STRIP_ROWS = 256  # converting strip by strip stays in the cache and keeps the peak low


@dataclass(frozen=True)
class Limits:
    """What is refused before decoding.

    Attributes:
        max_pixels: width × height; phones give up to 108 million. Above 178 million Pillow
            refuses by itself.
        max_bytes: size of the file.
        min_side_px: the shorter side; thumbnails show nothing that can be measured.
    """

    max_pixels: int = 120_000_000
    max_bytes: int = 512 * 2**20
    min_side_px: int = 64


LIMITS = Limits()


@dataclass(frozen=True, eq=False)
class Photo:
    """One photograph, upright.

    Attributes:
        path: the file, as given.
        pixels: uint8 (H, W, 3), sRGB in the order red, green, blue; contiguous, read-only.
        sha256: of the file's bytes, in hex.
        captured_at: when it was taken by the camera's clock; with a time zone only where the
            file names one, so compare ``captured_at.replace(tzinfo=None)``.
        focal_px: focal length in pixels of ``pixels``; None when the file does not tell.
    """

    path: Path
    pixels: ByteImage
    sha256: str
    captured_at: datetime | None = None
    focal_px: float | None = None

    @property
    def width(self) -> int:
        """Columns, after orientation [px]."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows, after orientation [px]."""
        return int(self.pixels.shape[0])


@dataclass(frozen=True)
class _Exif:
    """What the camera wrote beside the pixels, as far as it makes sense."""

    orientation: int = 1
    captured_at: datetime | None = None
    focal_px: float | None = None


def read(path: Path | str, limits: Limits = LIMITS) -> Photo:
    """The photograph at ``path``; the same bytes always give the same pixels.

    Raises:
        UnreadablePhotoError: it is missing, not a photograph, of a kind that is not read,
            damaged, cut off, or beyond ``limits``.
    """
    path = Path(path)
    data = _file_bytes(path, limits)
    kind = _kind(path, data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, on odd metadata and large pictures
            pixels, exif = _decode(path, data, kind, limits)
    except UnreadablePhotoError:
        raise
    except Exception as error:  # on hostile bytes decoders raise whatever they please
        raise _explained(path, error, limits) from error
    upright = _upright(pixels, exif.orientation)
    upright.flags.writeable = False
    digest = hashlib.sha256(data).hexdigest()
    return Photo(path, upright, digest, exif.captured_at, exif.focal_px)


def captured_at(path: Path | str) -> datetime | None:
    """When the photograph was taken by the camera's clock, without decoding its pixels.

    None when the file does not tell, or is no photograph: ``read`` says why.
    """
    path = Path(path)
    try:
        data = _file_bytes(path, LIMITS)
        kind = _kind(path, data)
        if kind == "HEIF":
            _prepare_heif(path, data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, on odd metadata
            with Image.open(io.BytesIO(data), formats=(kind,)) as image:
                return _read_exif(image).captured_at
    except Exception:  # on hostile bytes decoders raise whatever they please
        return None


def from_pixels(pixels: ByteImage, name: str = "array") -> Photo:
    """A photograph from pixels already in memory, copied.

    Args:
        pixels: upright sRGB, uint8 (H, W, 3), in the order red, green, blue.
        name: stands for the path in messages and records.

    Raises:
        UsageError: another shape or type, or a side shorter than ``LIMITS.min_side_px``.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        told = f"has shape {pixels.shape} and type {pixels.dtype}"
        raise UsageError(name, told, "Give RGB pixels as uint8 of shape (H, W, 3)")
    if min(pixels.shape[:2]) < LIMITS.min_side_px:
        told = f"is {pixels.shape[1]} × {pixels.shape[0]} pixels"
        raise UsageError(name, told, f"Give at least {LIMITS.min_side_px} pixels a side")
    own = np.array(pixels, order="C")
    own.flags.writeable = False
    return Photo(Path(name), own, hashlib.sha256(own.data).hexdigest())


# The file and its kind


_PATH_FAULTS: dict[int, tuple[str, str]] = {
    errno.ENOENT: ("there is no such file", "Check the path"),
    errno.ENOTDIR: ("there is no such file", "Check the path"),
    errno.EACCES: ("may not be read", "Ask for permission to read it"),
    errno.EPERM: ("may not be read", "Ask for permission to read it"),
    errno.ELOOP: ("is a link that leads back to itself", "Name the file itself"),
    errno.ENAMETOOLONG: ("its name is too long", "Check the path"),
}


def _file_bytes(path: Path, limits: Limits) -> bytes:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            remedy = "Name one photograph; batch and segment take folders"
            raise UnreadablePhotoError(path, "is a folder", remedy)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadablePhotoError(path, "is not a file", "Name a photograph")
        if status.st_size > limits.max_bytes:
            size, limit = (f"{n / 2**20:.0f} MiB" for n in (status.st_size, limits.max_bytes))
            told = f"has {size}, above the limit of {limit}"
            raise UnreadablePhotoError(path, told, "Save it as JPEG")
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        number = getattr(error, "errno", None) or 0
        cause = f"cannot be read ({getattr(error, 'strerror', None) or error})"
        raise UnreadablePhotoError(path, *_PATH_FAULTS.get(number, (cause, _COPY_AGAIN))) from error
    if not data:
        raise UnreadablePhotoError(path, "is empty (0 bytes)", _COPY_AGAIN)
    return data


_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (8, b"WEBP", "WEBP"),
    (8, b"CR\x02", "raw"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (0, b"FUJIFILM", "raw"),
    (0, b"IIU\0", "raw"),
    (0, b"GIF8", "GIF"),
    (0, b"%PDF", "PDF"),
    (128, b"DICM", "DICOM"),
    (0, b"PK\x03\x04", "archive"),
    (0, b"\0\x05\x16\x07", "side file"),
)
"""Offset, bytes and kind; kinds in capitals that Pillow reads bear Pillow's name."""

_READ = frozenset({"JPEG", "PNG", "WEBP", "TIFF", "HEIF", "BMP"})
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
"""Sizes in bytes of the headers of a bitmap that exist, from OS/2 to Windows V5."""
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)

_NOT_READ: dict[str, tuple[str, str]] = {
    "raw": ("is a camera's raw file", f"Export it from the camera's software as {_FORMATS}"),
    "GIF": ("is a GIF, whose 256 colours are too few to measure by", _SEND_IT),
    "PDF": ("is a PDF", f"Take the photograph out of it and save it as {_FORMATS}"),
    "DICOM": ("is a DICOM file", f"Export the photograph from it as {_FORMATS}"),
    "AVIF": ("is an AVIF", f"Save it as {_FORMATS}"),
    "archive": ("is an archive or office document", "Take the photograph out of it"),
    "video": ("is a video", f"Take a photograph; {_FORMATS} are read"),
    "side file": ("is a side file that macOS makes, not the photograph", "Leave it out"),
    "text": ("holds text, not a photograph", _SEND_IT),
    "unknown": ("is not a photograph of a known kind", _SEND_IT),
}


def _kind(path: Path, data: bytes) -> str:
    """Pillow's name of the format, by the bytes and not by the name of the file."""
    kind = next((k for at, mark, k in _SIGNATURES if data[at : at + len(mark)] == mark), None)
    kind = kind or _boxed_kind(data) or _bitmap_kind(data)
    kind = kind or ("text" if _is_text(data[:1024]) else "unknown")
    if kind not in _READ:
        raise UnreadablePhotoError(path, *_NOT_READ[kind])
    return kind


def _boxed_kind(data: bytes) -> str | None:
    """HEIC, AVIF and films share one container (ISO/IEC 14496-12) and differ by brand."""
    if data[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    if b"crx " in brands:
        return "raw"
    return "HEIF" if brands & _HEIF_BRANDS else "video"


def _bitmap_kind(data: bytes) -> str | None:
    """BMP by its two letters, which text can begin with too, and the size of its second header."""
    known = data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADERS
    return "BMP" if known else None


def _is_text(head: bytes) -> bool:
    if any(byte < 32 and byte not in b"\t\n\r\f" for byte in head):
        return False
    try:
        head[:-3].decode("utf-8")  # the last letter may be cut
    except UnicodeDecodeError:
        return False
    return True


# Decoding


def _decode(path: Path, data: bytes, kind: str, limits: Limits) -> tuple[ByteImage, _Exif]:
    """Pixels as stored, not yet turned upright, and what EXIF says."""
    if kind == "HEIF":
        _prepare_heif(path, data)
    if kind == "JPEG" and not _reaches_its_end(data):
        raise UnreadablePhotoError(path, "is cut off: part of the picture is missing", _COPY_AGAIN)
    with Image.open(io.BytesIO(data), formats=(kind,)) as image:
        _check_size(path, image, limits)
        _check_frames(path, image, kind)
        exif = _read_exif(image)
        image.load()
        if kind == "TIFF":  # loading has turned it
            exif = replace(exif, orientation=1)
        return _to_srgb(path, image), exif


def _prepare_heif(path: Path, data: bytes) -> None:
    """Teach Pillow HEIC, and refuse what would take the whole process down.

    pi-heif 1.4 crashes where the text of an item's entry (``infe``, ISO/IEC 14496-12, 8.11.6)
    is not UTF-8. Side pictures are not looked at.
    """
    import pi_heif

    for entry in re.finditer(rb"infe([\x02\x03])", data):
        size = int.from_bytes(data[max(entry.start() - 4, 0) : entry.start()], "big")
        fixed = 8 if entry[1] == b"\x02" else 10  # version, flags, item, protection
        try:
            data[entry.start() + 4 + fixed : entry.start() + max(size - 4, 4 + fixed + 4)].decode()
        except UnicodeDecodeError as error:
            told = "is damaged and cannot be decoded"
            raise UnreadablePhotoError(path, told, _COPY_AGAIN) from error
    pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


def _reaches_its_end(data: bytes) -> bool:
    """Whether the end marker follows the first scan (ITU-T T.81, B.1.1).

    A copy that broke off is sometimes padded with zeros, which decode as grey without a word.
    Inside a scan the two bytes of the marker cannot stand.
    """
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xDA:
            return data.find(b"\xff\xd9", at) >= 0
        if marker == 0xFF:  # padding
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without content
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at < len(data)  # no marker where one is due: damaged, which the decoder will say


def _check_size(path: Path, image: Image.Image, limits: Limits) -> None:
    width, height = image.size
    if width * height > limits.max_pixels:
        raise _too_many_pixels(path, limits, f"{width} × {height} pixels")
    if min(width, height) < limits.min_side_px:
        told = f"has {width} × {height} pixels, below {limits.min_side_px} a side"
        raise UnreadablePhotoError(path, told, "Give the photograph itself, not its thumbnail")


def _too_many_pixels(path: Path, limits: Limits, size: str) -> UnreadablePhotoError:
    told = f"has {size}, above the limit of {limits.max_pixels / 1e6:.0f} million"
    return UnreadablePhotoError(path, told, "Set the camera to fewer megapixels")


def _check_frames(path: Path, image: Image.Image, kind: str) -> None:
    """One picture a file. Phones' JPEG and HEIC carry side pictures: their first is meant."""
    if kind == "TIFF":
        _check_tiff_pages(path, image)
    elif kind in {"PNG", "WEBP"} and getattr(image, "n_frames", 1) > 1:
        raise UnreadablePhotoError(path, "is an animation", "Give a single photograph")


def _check_tiff_pages(path: Path, image: Image.Image) -> None:
    """Refuse several pages, and raw files, whose first page is a thumbnail (TIFF 6.0, tag 254)."""
    subfile_type, dng_version = 254, 50706
    full_size = 0
    for page in range(getattr(image, "n_frames", 1)):
        image.seek(page)
        tags = getattr(image, "tag_v2", {})
        is_side_picture = int(tags.get(subfile_type, 0)) & 0b101  # reduced, or a mask
        if page == 0 and (is_side_picture or dng_version in tags):
            raise UnreadablePhotoError(path, *_NOT_READ["raw"])
        full_size += not is_side_picture
    if full_size > 1:
        told = f"has {full_size} pages"
        raise UnreadablePhotoError(path, told, "Save the photograph alone in one file")
    image.seek(0)


def _explained(path: Path, error: Exception, limits: Limits) -> UnreadablePhotoError:
    if isinstance(error, Image.DecompressionBombError):
        size = re.search(r"\d+ pixels", str(error))
        return _too_many_pixels(path, limits, size.group() if size else "too many pixels")
    if isinstance(error, MemoryError):
        return UnreadablePhotoError(path, "does not fit into memory", "Close other programs")
    if "truncated" in str(error).lower():
        return UnreadablePhotoError(path, "is cut off: part of it is missing", _COPY_AGAIN)
    return UnreadablePhotoError(path, "is damaged and cannot be decoded", _COPY_AGAIN)


# Colour


def _to_srgb(path: Path, image: Image.Image) -> ByteImage:
    """uint8 (H, W, 3) from any mode of Pillow's that photographs come in."""
    if image.mode in {"F", "I", "LAB", "HSV"}:
        told = f"has pixels of an unusual kind ({image.mode})"
        raise UnreadablePhotoError(path, told, "Save it with 8 bits a channel, in RGB")
    colour = _profile_transform(image)
    is_transparent = image.has_transparency_data
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _STRIP_ROWS):
        strip = image.crop((0, top, width, min(top + _STRIP_ROWS, height)))
        rgb = colour(_opaque(strip))
        if is_transparent:
            alpha = strip.convert("RGBA").getchannel("A")
            rgb = Image.composite(rgb, Image.new("RGB", rgb.size, "white"), alpha)
        pixels[top : top + _STRIP_ROWS] = np.asarray(rgb)
    return pixels


def _opaque(strip: Image.Image) -> Image.Image:
    """The strip as L, RGB or CMYK with 8 bits a channel, whatever its transparency."""
    if strip.mode in {"L", "RGB", "CMYK"}:
        return strip
    if strip.mode.startswith("I;16"):
        deep = np.asarray(strip).astype(np.uint32)
        return Image.fromarray(((deep + 128) // 257).astype(np.uint8))
    return strip.convert("L" if strip.mode in {"1", "LA", "La"} else "RGB")


def _profile_transform(image: Image.Image) -> Convert:
    """To sRGB, by the embedded profile where there is one that fits and says otherwise."""

    def plain(strip: Image.Image) -> Image.Image:
        return strip.convert("RGB")

    embedded = image.info.get("icc_profile")
    if not embedded:
        return plain
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(embedded))
        mode = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}[profile.profile.xcolor_space.strip()]
        transform = ImageCms.buildTransform(
            profile,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, KeyError):
        return plain
    stored = _opaque(image.crop((0, 0, 1, 1))).mode
    if stored != mode and (stored, mode) != ("L", "RGB"):  # a profile for other pixels
        return plain

    def managed(strip: Image.Image) -> Image.Image:
        return ImageCms.applyTransform(strip.convert(mode), transform) or strip

    return plain if mode == "RGB" and _changes_nothing(managed) else managed


def _changes_nothing(convert: Convert) -> bool:
    """Whether a profile is sRGB by what it does: no level moves by more than rounding."""
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(27, 27, 3)
    moved = np.asarray(convert(Image.fromarray(cube))).astype(int) - cube
    return int(np.abs(moved).max()) <= 1


# Orientation and camera


_UPRIGHT: dict[int, Callable[[ByteImage], object]] = {
    2: lambda pixels: cv2.flip(pixels, 1),
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0),
    5: cv2.transpose,
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.flip(cv2.transpose(pixels), -1),
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}
"""How to turn a picture upright, by EXIF's orientation (CIPA DC-008, tag 274)."""


def _upright(pixels: ByteImage, orientation: int) -> ByteImage:
    turn = _UPRIGHT.get(orientation)
    return pixels if turn is None else np.ascontiguousarray(turn(pixels), dtype=np.uint8)


def _read_exif(image: Image.Image) -> _Exif:
    """What the camera wrote. Tag numbers are those of CIPA DC-008 (Exif 2.32).

    Where libheif has turned the picture (HEIC) it has set orientation to 1.
    """
    orientation, exif_ifd, taken, zone = 0x0112, 0x8769, 0x9003, 0x9011
    try:
        exif = image.getexif()
        camera = exif.get_ifd(exif_ifd)
        return _Exif(
            int(exif.get(orientation, 1)),
            _capture_time(camera.get(taken), camera.get(zone)),
            _focal_px(camera, *image.size),
        )
    except Exception:  # damaged metadata must not cost the photograph
        return _Exif()


def _capture_time(taken: object, zone: object) -> datetime | None:
    """``2024:03:05 10:11:12`` and ``+01:00`` as a time; None when a clock was never set."""
    found = re.match(r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)", str(taken))
    if not found:
        return None
    try:
        year, month, day, hour, minute, second = (int(part) for part in found.groups())
        time = datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    if not 1990 <= time.year < 2100:  # before digital cameras, or beyond their life
        return None
    return time.replace(tzinfo=_time_zone(zone))


def _time_zone(zone: object) -> timezone | None:
    if str(zone).startswith("Z"):
        return UTC
    found = re.match(r"([+-])(\d\d):(\d\d)", str(zone))
    if not found:
        return None
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    if offset > timedelta(hours=14):  # the widest in use
        return None
    return timezone(-offset if found[1] == "-" else offset)


def _focal_px(camera: dict[int, object], width: int, height: int) -> float | None:
    """Focal length in pixels of a picture of this size.

    From the 35 mm equivalent, f = f35 × diagonal / 43.27 (a frame of 24 mm × 36 mm has a
    diagonal of 43.27 mm); else from focal length and sensor resolution,
    f = focal length in mm × pixels per mm, scaled when the picture was resized since. Wrong for
    a picture that was cropped since, which EXIF does not tell. Values that no lens has
    (below 0.3 or above 30 diagonals) are passed over.
    """
    diagonal = math.hypot(width, height)
    film_mm, focal_mm = _number(camera, 0xA405), _number(camera, 0x920A)
    unit_mm = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}.get(int(_number(camera, 0xA210, 2)), 25.4)
    stored = max(_number(camera, 0xA002), _number(camera, 0xA003))
    resized = max(width, height) / stored if stored > 0 else 1.0
    for focal in (
        film_mm * diagonal / 43.27,
        focal_mm * _number(camera, 0xA20E) / unit_mm * resized,
    ):
        if 0.3 * diagonal <= focal <= 30 * diagonal:
            return focal
    return None


def _number(camera: dict[int, object], tag: int, default: float = 0.0) -> float:
    """A tag as a finite number, else ``default``."""
    found = camera.get(tag, default)
    if not isinstance(found, SupportsFloat | str):
        return default
    try:
        value = float(found)
    except (TypeError, ValueError, ZeroDivisionError):
        return default
    return value if math.isfinite(value) else default
