"""A small real weight file and a drawn photograph of known area, for tests of the assembly.

The network finds patches of crimson (red and blue well above green), as no card or skin has. Its
graph has what an exported U-Net has: photographs in, weights in float16 behind a Cast, a coarse
path resized and joined to a fine one, probabilities out.
"""

from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from woundseg import colour
from woundseg.card import draw_card, layout

SKIN, WOUND, CLOTH = (205, 160, 135), (220, 20, 130), (90, 110, 125)
FACTS = {
    "name": "toy",
    "version": "0",
    "border_sd_px": "0.5",
    "min_ulcer_px": "12",
    "training": "none: its weights are written by hand",
}


def _parameters() -> dict[str, np.ndarray]:
    """Weights in float16. Channel 0 is red plus blue minus twice green, channel 1 its opposite.

    It is 310/128 on the drawn wounds, about 150/128 on the card's red and 20/128 on skin; the
    logit is 40 times what it exceeds 165/128 by: half way from skin to wound.
    """
    contrast = np.zeros((2, 3, 1, 1))
    contrast[0, :, 0, 0] = 1, -2, 1
    contrast[1] = -contrast[0]
    down = np.zeros((2, 2, 3, 3))
    down[0, 0] = down[1, 1] = 1 / 9
    join = np.zeros((1, 4, 3, 3))
    join[0, 0] = 36 / 9  # the fine path decides
    join[0, 2, 1, 1] = 4  # the coarse one agrees
    weights = {"contrast": contrast, "down": down, "join": join, "bias": np.array([-51.5625])}
    return {name: value.astype(np.float16) for name, value in weights.items()}


def _nodes() -> list[onnx.NodeProto]:
    node = helper.make_node
    pads = [1, 1, 1, 1]
    return [
        *(node("Cast", [f"{n}.float16"], [n], to=TensorProto.FLOAT) for n in _parameters()),
        node("Cast", ["photo"], ["bytes"], to=TensorProto.FLOAT),
        node("Transpose", ["bytes"], ["channels"], perm=[0, 3, 1, 2]),
        node("Sub", ["channels", "middle"], ["centred"]),
        node("Div", ["centred", "span"], ["scaled"]),
        node("Conv", ["scaled", "contrast"], ["signed"], kernel_shape=[1, 1]),
        node("Relu", ["signed"], ["fine"]),
        node("Conv", ["fine", "down"], ["coarse"], kernel_shape=[3, 3], strides=[2, 2], pads=pads),
        node("Shape", ["fine"], ["side"], start=2, end=4),
        node("Shape", ["coarse"], ["batch"], start=0, end=2),
        node("Concat", ["batch", "side"], ["size"], axis=0),
        node(
            "Resize",
            ["coarse", "", "", "size"],
            ["up"],
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        ),
        node("Concat", ["fine", "up"], ["both"], axis=1),
        node("Conv", ["both", "join", "bias"], ["logits"], kernel_shape=[3, 3], pads=pads),
        node("Sigmoid", ["logits"], ["ulcer"]),
    ]


def model(facts: dict[str, str] | None = None) -> onnx.ModelProto:
    """The network as ONNX, with ``facts`` in its metadata."""
    constants = [numpy_helper.from_array(v, f"{k}.float16") for k, v in _parameters().items()]
    constants += [
        numpy_helper.from_array(np.array(value, np.float32), name)
        for name, value in (("middle", 127), ("span", 128))
    ]
    graph = helper.make_graph(
        _nodes(),
        "toy",
        [helper.make_tensor_value_info("photo", TensorProto.UINT8, ["n", "h", "w", 3])],
        [helper.make_tensor_value_info("ulcer", TensorProto.FLOAT, ["n", 1, "h", "w"])],
        constants,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    for key, value in (FACTS if facts is None else facts).items():
        made.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(made)
    return made


def write(path: Path, facts: dict[str, str] | None = None) -> Path:
    """Writes the weight file to ``path``."""
    path.write_bytes(model(facts).SerializeToString(deterministic=True))
    return path


PX_PER_MM = 4.0
ULCERS_MM = ((30.0, 24.0, 9.0), (30.0, 50.0, 5.0))
"""x, y, radius: 2.545 and 0.785 cm²."""


def _leg(at: np.ndarray) -> np.ndarray:
    """Skin at places (x, y) mm: lit from the left, with blood and tan of several sizes in it."""
    seeds = np.random.default_rng(4)
    shape = at.shape[:2]

    def varied() -> np.ndarray:
        layers = []
        for rows in (9, 30, 90):
            rough = seeds.standard_normal((rows, rows * shape[1] // shape[0] + 1), np.float32)
            layers.append(cv2.resize(rough, shape[::-1], interpolation=cv2.INTER_CUBIC))
        return (0.6 * layers[0] + 0.5 * layers[1] + 0.4 * layers[2])[..., None]

    blood, tan = varied(), varied()
    light = 1.08 - 0.4 * ((at[..., :1] - 20) / 40) ** 2
    skin = SKIN + blood * np.array((2, -7, -5), np.float32) - tan * np.array((5, 5, 9), np.float32)
    return np.clip(skin * light, 0, 240)


def photograph(
    ulcers: tuple[tuple[float, float, float], ...] = ULCERS_MM[:1],
    cards: int = 1,
    size_mm: tuple[int, int] = (190, 130),
    px_per_mm: float = PX_PER_MM,
) -> np.ndarray:
    """Skin on a cloth, round ulcers, the small scale card: seen straight on, RGB uint8.

    Noise is seeded: every call draws the same bytes.
    """
    width, height = (round(side * px_per_mm) for side in size_mm)
    canvas = np.full((height, width, 3), CLOTH, np.float32)
    at = np.moveaxis(np.mgrid[:height, :width].astype(np.float32) / px_per_mm, 0, -1)[..., ::-1]
    edge_mm = 58 + 2 * np.sin(at[..., 1:] / 9) + np.sin(at[..., 1:] / 4)
    canvas = np.where(at[..., :1] < edge_mm, _leg(at), canvas)
    for x, y, radius in ulcers:
        canvas[np.hypot(at[..., 0] - x, at[..., 1] - y) < radius] = WOUND
    card = draw_card("small", px_per_mm)
    for index in range(cards):
        top, left = round((2 + 62 * index) * px_per_mm), round(65 * px_per_mm)
        part = canvas[top : top + card.shape[0], left : left + card.shape[1]]
        part[:] = card[: part.shape[0], : part.shape[1]]
    soft = cv2.GaussianBlur(canvas, (0, 0), 0.15 * px_per_mm)
    noise = np.random.default_rng(5).normal(0, 2, soft.shape)
    return np.clip(soft + noise, 0, 255).astype(np.uint8)


def profile() -> dict[str, tuple[float, float, float]]:
    """What the card's patches as drawn would measure: L*, a*, b* (D50)."""
    measured = {}
    for patch in layout("small").patches:
        light = colour.to_linear(np.array(patch.box.colour, np.uint8))
        lightness, a, b = colour.linear_to_lab(light, d50=True)
        measured[patch.name] = (float(lightness), float(a), float(b))
    return measured


def save(path: Path, pixels: np.ndarray) -> Path:
    """Writes RGB pixels as PNG or JPEG, by the suffix."""
    _, encoded = cv2.imencode(path.suffix, pixels[..., ::-1])
    path.write_bytes(encoded.tobytes())
    return path
