"""Configuration groups, augmentation, the loss and mixed precision, each by itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs woundseg[train]")
pytest.importorskip("hydra", reason="needs woundseg[train]")
pytestmark = pytest.mark.train

from woundseg import config, resources
from woundseg.errors import ConfigurationError
from woundseg.training import augment
from woundseg.training.losses import ulcer_loss
from woundseg.training.precision import keep_depthwise_in_float32

GROUPS = ("data", "model", "trainer", "augment", "experiment")
CHOICES = [
    (group, path.stem)
    for group in GROUPS
    for path in sorted((resources.path("configs") / group).glob("*.yaml"))
]
ROOT = "data.root=somewhere"


# --- configuration ----------------------------------------------------------------------------


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_shipped_choice_composes(group, choice):
    options = config.train_options([f"{group}={choice}", ROOT])
    assert options.trainer.epochs >= 1
    assert options.augment.crop_px % 32 == 0
    assert options.model.encoder.startswith("tu-")
    if group == "data":
        assert (options.data.limit, options.data.known_terms_only) == (None, False)
        assert options.data.name == choice
        assert config.evaluation([f"data={choice}", ROOT]).data.name == choice


def test_defaults():
    options = config.train_options([ROOT])
    assert (options.data.name, options.model.architecture) == ("fuseg", "unet")
    assert options.out == "runs/fuseg-unet"
    smoke = config.train_options([ROOT, "experiment=smoke"])
    assert (smoke.augment.crop_px, smoke.data.limit, smoke.trainer.steps_per_epoch) == (64, 4, 2)
    several = config.train_options([ROOT, "trainer=gpu", "trainer.devices=4"]).trainer
    assert (several.accelerator, several.devices) == ("gpu", 4)


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (["model=unet_huge"], "unet_huge"),
        (["trainer.epochs=many"], "trainer.epochs"),
        (["trainer.epoch=3"], "epoch"),
        (["+nonsense=1"], "nonsense"),
        (["+trainer.nonsense=1"], "nonsense"),
        (["a=b=c"], "a=b=c"),
        (["data=folder", "data.root=???"], "data.root"),
    ],
)
def test_wrong_overrides_are_named(overrides, named):
    with pytest.raises(ConfigurationError) as caught:
        config.train_options([ROOT, *overrides])
    assert named in caught.value.line()
    assert "\n" not in caught.value.line()


# --- the loss ---------------------------------------------------------------------------------


def test_loss_by_hand():
    """Logits of 0: entropy ln 2. Dice of the first crop: 1 − (2·0.5·4 + 1) / (0.5·16 + 4 + 1)."""
    logits, mask = torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 4, 4, dtype=torch.uint8)
    mask[0, 0, :2, :2] = 1
    # The second crop shows no wound: it has no Dice and takes no share of the mean.
    assert float(ulcer_loss(logits, mask)) == pytest.approx(math.log(2) + 1 - 5 / 13, rel=1e-6)


def test_loss_without_any_wound_is_entropy_alone():
    logits, mask = torch.full((1, 1, 4, 4), -2.0), torch.zeros(1, 1, 4, 4)
    assert float(ulcer_loss(logits, mask)) == pytest.approx(math.log1p(math.exp(-2)), rel=1e-6)


def test_loss_of_a_perfect_answer_is_near_zero():
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :4] = 1
    assert float(ulcer_loss(40 * (mask - 0.5), mask)) < 1e-6


# --- mixed precision --------------------------------------------------------------------------


def test_depthwise_stays_in_float32_and_names_stay():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 1), torch.nn.Conv2d(4, 4, 3, padding=1, groups=4)
    )
    names, photo = list(network.state_dict()), torch.randn(1, 3, 8, 8)
    before = network(photo)
    keep_depthwise_in_float32(network)
    assert list(network.state_dict()) == names
    assert torch.equal(network(photo), before)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert network[0](photo).dtype == torch.bfloat16
        assert network(photo).dtype == torch.float32


# --- augmentation -----------------------------------------------------------------------------


def options(name="clinic", **changes):
    words = [f"++augment.{key}={value}" for key, value in changes.items()]
    return config.train_options([ROOT, f"augment={name}", *words]).augment


def wound(height=120, width=150):
    pixels = np.full((height, width, 3), 180, np.uint8)
    mask = np.zeros((height, width), bool)
    mask[40:70, 50:90] = True
    pixels[mask] = (150, 30, 30)
    return pixels, mask


@pytest.mark.parametrize("side", [64, 128, 160])
def test_crops_have_their_size_even_of_small_photographs(side):
    transform = augment.pipeline(options(crop_px=side), seed=1)
    for _ in range(12):
        shown, label = augment.apply(transform, *wound())
        assert (shown.shape, label.shape) == ((side, side, 3), (side, side))
        assert (shown.dtype, label.dtype) == (np.uint8, np.uint8)
        assert set(np.unique(label)) <= {0, 1}


def test_the_mask_goes_with_the_photograph():
    transform = augment.pipeline(options("none", crop_px=96), seed=2)
    for _ in range(8):
        shown, label = augment.apply(transform, *wound())
        red = shown[..., 0].astype(int) - shown[..., 1] > 80
        inside = red & (label > 0)
        assert inside.sum() >= 0.85 * max(label.sum(), red.sum())


def test_a_camera_changes_the_photograph_and_never_the_mask():
    plain = augment.pipeline(options("none", crop_px=96), seed=6)
    other = augment.pipeline(options("none", crop_px=96, camera=1.0), seed=6)
    changed = 0
    for number in range(10):
        for transform in (plain, other):
            transform.set_random_seed(number)
        (before, label), (after, kept) = (augment.apply(t, *wound()) for t in (plain, other))
        assert np.array_equal(label, kept)
        changed += not np.array_equal(before, after)
        assert np.abs(after.astype(int) - before).mean() < 60
    assert changed >= 6


def test_the_same_seed_gives_the_same_crops():
    crops = []
    for seed in (3, 3, 4):
        transform = augment.pipeline(options(crop_px=64), seed)
        crops.append(np.stack([augment.apply(transform, *wound())[0] for _ in range(4)]))
    assert np.array_equal(crops[0], crops[1])
    assert not np.array_equal(crops[0], crops[2])


def test_most_crops_show_the_wound():
    transform = augment.pipeline(options(crop_px=32, scale_low=1, scale_high=1), seed=5)
    shows = [augment.apply(transform, *wound())[1].any() for _ in range(60)]
    assert np.mean(shows) > 0.7
