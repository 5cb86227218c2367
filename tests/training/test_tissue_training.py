"""Learning tissue: the loss by hand, what is learnt from, and a run from end to end."""

from __future__ import annotations

import json
import math
import runpy
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs woundseg[train]")
pytest.importorskip("lightning", reason="needs woundseg[train]")
pytestmark = pytest.mark.train

import drawn_tissue
from datasets import toy
from torch.nn import functional as F

from woundseg import cli, config, engines, tissue_map
from woundseg.classes import TISSUE_CHANNELS
from woundseg.datasets import DFUTissue, WoundTissue
from woundseg.errors import ConfigurationError
from woundseg.tissue import derive
from woundseg.tissue.allowed import ANY, AROUND, BED
from woundseg.tissue.pieces import Piece
from woundseg.training import augment, fit, tissue_data
from woundseg.training.losses import tissue_loss
from woundseg.training.tissue_module import TissueModule

SCRIPT = Path(__file__).parents[2] / "scripts" / "export_weights"
# The bits in the order of the channels.
B, G, S, N, C = 1, 2, 4, 8, 16
ANSWER = torch.tensor([0.3, -1.0, 0.5, 2.0, -0.2])


# --- the loss ---------------------------------------------------------------------------------


def loss(logits, bits):
    """Of one row of pixels: logits (channels,) of every pixel or (W, channels), and their bits."""
    row = logits if logits.ndim == 2 else logits.expand(len(bits), -1)
    allowed = torch.tensor([[bits]], dtype=torch.uint8)
    return tissue_loss(row.T[None, :, None], allowed)


def test_one_allowed_channel_is_cross_entropy():
    """Of background, which has no Dice; of another channel with its Dice beside it."""
    assert float(loss(ANSWER, [B] * 4)) == pytest.approx(
        float(F.cross_entropy(ANSWER[None], torch.tensor([0])))
    )
    entropy = float(F.cross_entropy(ANSWER[None], torch.tensor([3])))
    p = math.exp(-entropy)
    # Four pixels labelled necrosis: soft Dice 2 · 4p / (4 + 4p), with 1 added above and below.
    assert float(loss(ANSWER, [N] * 4)) == pytest.approx(
        entropy + 1 - (8 * p + 1) / (4 + 4 * p + 1)
    )


def test_where_all_is_allowed_nothing_is_asked():
    logits = ANSWER.clone().requires_grad_()
    found = loss(logits, [ANY] * 4)
    found.backward()
    assert float(found.detach()) == 0
    assert not logits.grad.any()
    # Nor does it take a share of the mean.
    assert float(loss(ANSWER, [B, B, ANY, ANY])) == pytest.approx(float(loss(ANSWER, [B, B])))


@pytest.mark.parametrize(("bits", "count"), [(BED, 3), (AROUND, 2), (G + S, 2)])
def test_several_allowed_channels_cost_what_the_others_have(bits, count):
    """Logits of 0 give each of the five channels a fifth; no pixel has a label, so no Dice."""
    assert float(loss(torch.zeros(5), [bits] * 3)) == pytest.approx(-math.log(count / 5))


def test_dice_by_hand():
    """A fifth on each of 16 pixels with a label, 4 of them granulation; entropy is ln 5.

    Dice of granulation: (2 · 0.8 + 1) / (4 + 3.2 + 1). Bed without a label is not in it, but
    costs ln 5/3.
    """
    bits = [G] * 4 + [B] * 12
    dice = 1 - 2.6 / 8.2
    assert float(loss(torch.zeros(5), bits)) == pytest.approx(math.log(5) + dice)
    bed = [BED] * 4
    entropy = (16 * math.log(5) + 4 * math.log(5 / 3)) / 20
    assert float(loss(torch.zeros(5), bits + bed)) == pytest.approx(entropy + dice)
    # Two tissues: the mean of their Dice.
    two = [G] * 4 + [S] * 2 + [B] * 10
    slough = 1 - (2 * 0.4 + 1) / (2 + 3.2 + 1)
    assert float(loss(torch.zeros(5), two)) == pytest.approx(math.log(5) + (dice + slough) / 2)


def test_a_perfect_answer_costs_nothing_and_a_wrong_one_stays_finite():
    places = [1, 2, 4, 0, 3, 1]
    right = 60 * F.one_hot(torch.tensor(places), 5).float()
    assert float(loss(right, [1 << place for place in places])) < 1e-6
    wrong = (1000 * right).requires_grad_()
    found = loss(wrong, [B if place else BED for place in places])
    found.backward()
    assert math.isfinite(float(found.detach()))
    assert torch.isfinite(wrong.grad).all()


# --- pieces as tensors ------------------------------------------------------------------------


def options(*words, **folders):
    given = [f"data.{name}={folder}" for name, folder in folders.items()]
    return config.train_options(
        ["data=dfutissue", "model=tissue_lite0", "trainer=smoke", "augment=tissue", *given, *words]
    )


def piece(height=40, width=60, kind="label"):
    """Light grey; the left half may be granulation, the right half bed."""
    may = np.full((height, width), BED, np.uint8)
    may[:, : width // 2] = G
    return Piece("p", kind, np.full((height, width, 3), 200, np.uint8), may)


def test_a_piece_is_shown_as_in_use_and_its_padding_may_be_anything():
    pixels, may = tissue_data.shown(piece())
    # 60 px become 224, 40 px 149; 160 is the next multiple of 32.
    assert (pixels.shape, may.shape) == ((160, 224, 3), (160, 224))
    assert (may[149:] == ANY).all()
    assert not pixels[149:].any()
    assert (may[:149, :112] == G).all()
    assert (may[:149, 112:] == BED).all()
    picture, bits = tissue_data.Pieces([piece()], None)[0]
    assert (tuple(picture.shape), picture.dtype) == ((3, 160, 224), torch.uint8)
    assert np.array_equal(bits.numpy(), may)


def test_augmentation_keeps_bits_whole_and_leaves_the_outside_open():
    """Geometry alone: what is black came in from outside, and may be anything."""
    plain = ("augment.brightness=0", "augment.contrast=0", "augment.saturation=0")
    still = (*plain, "augment.hue=0", "augment.degrade=0", "augment.light=0", "augment.relit=0")
    transform = augment.tissue_pipeline(options(*still, "augment.crop_px=64").augment, seed=1)
    for _ in range(12):
        drawn = transform(image=piece().pixels, mask=piece().allowed)
        pixels, may = drawn["image"], drawn["mask"]
        assert (pixels.shape, may.shape) == ((64, 64, 3), (64, 64))
        assert set(np.unique(may)) <= {G, BED, ANY}
        outside = pixels.max(axis=2) == 0
        inside = pixels.min(axis=2) >= 190
        assert (may[outside] == ANY).mean() > 0.99
        assert (may[inside] != ANY).mean() > 0.95
        assert outside.sum() + inside.sum() > 0.85 * 64 * 64


def test_the_same_seed_gives_the_same_pieces():
    def drawn(seed):
        transform = augment.tissue_pipeline(options("augment.crop_px=64").augment, seed)
        shown = [transform(image=piece().pixels, mask=piece().allowed) for _ in range(3)]
        return np.stack([each["image"] for each in shown])

    assert np.array_equal(drawn(3), drawn(3))
    assert not np.array_equal(drawn(3), drawn(4))


def test_labels_are_drawn_more_often_than_what_is_known_in_part():
    """Two labels, one window with derived necrosis, five outlines; 16 pieces an epoch."""
    kinds = ["label"] * 2 + ["necrosis"] + ["outline"] * 5
    known = [piece(kind=kind) for kind in kinds]
    loader = tissue_data.training_loader(known, options("augment.crop_px=32"))
    weights = loader.sampler.weights.tolist()
    assert weights == pytest.approx([0.3, 0.3, 0.15] + [0.05] * 5)
    assert loader.sampler.num_samples == tissue_data.ROUNDS * 2
    assert len(loader) == 8  # batches of two
    pictures, bits = next(iter(loader))
    assert (tuple(pictures.shape), tuple(bits.shape)) == ((2, 3, 32, 32), (2, 32, 32))


# --- validation -------------------------------------------------------------------------------


class FromRed(torch.nn.Module):
    """A network that calls the channel that the picture's red names."""

    def forward(self, photos):
        return F.one_hot(photos[:, 0].long(), 5).permute(0, 3, 1, 2).float()


def validated(data_set, *crops):
    """A module that has seen rows of pixels (allowed bits, called channels), and what it logged."""
    module, told = TissueModule(FromRed(), options().trainer, 1, data_set), {}
    module.log = lambda name, value, **_: told.update({name: float(value)})
    for bits, called in crops:
        photos = torch.zeros(1, 3, 1, 4, dtype=torch.uint8)
        photos[0, 0, 0] = torch.tensor(called)
        module.validation_step((photos, torch.tensor([[bits]], dtype=torch.uint8)), 0)
    module.on_validation_epoch_end()
    return module, told


def test_validation_pools_the_pixels_of_all_crops():
    """Granulation: 2 labelled, 3 called, 1 in both; slough 2, 2, 1; callus 1, 1, 1.

    The fourth pixel is open: what is called there counts as called. Necrosis and background are
    in no figure.
    """
    module, told = validated(
        DFUTissue, ([G, G, S, ANY], [1, 2, 1, 1]), ([S, C, N, B], [2, 4, 3, 0])
    )
    assert told == pytest.approx(
        {
            "val/granulation": 2 / 5,
            "val/slough": 2 / 4,
            "val/callus": 1.0,
            "val/dice_pooled": 2 * 3 / (5 + 4 + 2),
        }
    )
    told.clear()
    module.on_validation_epoch_end()  # forgotten
    assert set(told.values()) == {0.0}


def test_validation_leaves_open_pixels_out_where_the_set_does():
    """The same pixels by WoundTissue: granulation 2 labelled, 2 called, 1 in both; slough 2, 2
    and 1; necrosis 1, 1 and 1. Callus has no figure."""
    _, told = validated(
        WoundTissue, ([G, G, S, ANY], [1, 2, 1, 1]), ([S, AROUND, N, AROUND], [2, 4, 3, 0])
    )
    assert told == pytest.approx(
        {
            "val/granulation": 2 / 4,
            "val/slough": 2 / 4,
            "val/necrosis": 1.0,
            "val/dice_pooled": 2 * 3 / (4 + 4 + 2),
        }
    )


# --- what is learnt from ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return drawn_tissue.draw(tmp_path_factory.mktemp("drawn"))


def places(root):
    return {"root": root / "dfutissue", "photographs": root / "fuseg"}


def names(pieces):
    return {piece.id for piece in pieces}


def test_neither_held_out_nor_judged_photographs_are_learnt_from(root):
    """Fold 0 has crop 0100 and photographs 0101, 0105; 0106 and 0111 are judged (or a copy)."""
    known, held_out, parts = tissue_data.split(options("data.hold_out=[0]", **places(root)).data)
    assert names(known) == {"0101", "0102", "0102-1", "0103-1", "0104-1", "0104-2"}
    assert names(held_out) == {"0100"}
    assert [crop.id for crop in parts.train] == ["0101", "0102"]
    assert [crop.id for crop in parts.held_out] == ["0100"]
    everything, nothing, parts = tissue_data.split(options(**places(root)).data)
    assert names(everything) == names(known) | {"0100", "0101-1", "0105-1"}
    assert nothing == []
    assert [crop.id for crop in parts.train] == ["0100", "0101", "0102"]


def test_labels_alone(root):
    words = ("data.outlines=false", "data.necrosis=false")
    known, _, _ = tissue_data.split(options(*words, **places(root)).data)
    assert names(known) == {"0100", "0101", "0102"}


@pytest.fixture(scope="module")
def wounds(tmp_path_factory):
    root = toy.draw_woundtissue(tmp_path_factory.mktemp("drawn") / "woundtissue")
    rows = ["image,group,fold", "img (1),img (1),0", "img (2),img (2),1"]
    (root / "folds.csv").write_text("\n".join(rows) + "\n")
    return root


def test_woundtissue_is_learnt_from_without_fuseg(wounds):
    words = ["data=woundtissue", "model=tissue_lite0", f"data.root={wounds}"]
    asked = config.train_options([*words, "data.hold_out=[0]"]).data
    known, held_out, parts = tissue_data.split(asked)
    assert [(each.id, each.kind) for each in known] == [("img (2)", "label")]
    assert names(held_out) == {"img (1)"}
    assert [photograph.id for photograph in parts.train] == ["img (2)"]
    # As drawn: tendon 6 × 8 px and bone 5 × 6 may be anything, and 60 × 80 − 32 × 52 are no bed.
    may = known[0].allowed
    areas = {N: 100, S: 320, ANY: 78, AROUND: 60 * 80 - 32 * 52}
    assert {bits: int((may == bits).sum()) for bits in areas} == areas
    everything, nothing, _ = tissue_data.split(config.train_options(words).data)
    assert (names(everything), nothing) == ({"img (1)", "img (2)"}, [])


# --- from end to end --------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """What one fit left behind, and the weights made of it."""

    out: Path
    words: list[str]
    weights: Path
    printed: str


@pytest.fixture(scope="module")
def trained(root, tmp_path_factory) -> Run:
    """Two steps on two crops and five windows, then the weight file; no socket is opened."""
    folder = tmp_path_factory.mktemp("run")
    words = [
        "data=dfutissue",
        "model=tissue_lite0",
        "trainer=smoke",
        "augment=tissue",
        *(f"data.{name}={place}" for name, place in places(root).items()),
        "data.hold_out=[0]",
        "model.encoder_weights=none",
        "model.decoder_channels=[16,16,8]",
        "augment.crop_px=64",
        "trainer.batch_size=8",
        "trainer.threads=1",
        f"out={folder / 'out'}",
    ]
    with pytest.MonkeyPatch.context() as patch:
        _block_sockets(patch)
        patch.chdir(folder)
        assert cli.main(["train", *words]) == 0
        weights = folder / "tissue.onnx"
        printed = _exported(patch, folder / "out", weights, "--fraction-sd", "0.75")
    return Run(folder / "out", words, weights, printed)


def _block_sockets(patch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_args, **_kwargs):
        raise AssertionError("a socket was opened")

    for name in ("socket", "create_connection", "getaddrinfo"):
        patch.setattr(socket, name, refuse)


def _exported(patch: pytest.MonkeyPatch, run: Path, weights: Path, *words: str) -> str:
    """What scripts/export_weights prints."""
    import io
    from contextlib import redirect_stdout

    command = ["export_weights", str(run), str(weights), "--weights-version", "0", *words]
    patch.setattr(sys, "argv", command)
    out = io.StringIO()
    with redirect_stdout(out):
        assert runpy.run_path(str(SCRIPT))["main"]() == 0
    return out.getvalue()


def test_run_json_counts_crops_and_pieces(trained):
    told = json.loads((trained.out / "run.json").read_text())
    assert told["photographs"] == {"training": 2, "held_out": 1}
    assert told["pieces"] == {"label": 2, "outline": 4}
    assert (told["epochs"], told["steps"]) == (1, 2)  # 8 · 2 pieces in batches of eight
    figures = {"train/loss", "val/dice_pooled", "val/granulation", "val/slough", "val/callus"}
    assert figures <= told["metrics"].keys()
    assert np.isfinite(told["metrics"]["train/loss"])
    (events,) = (trained.out / "tensorboard" / "version_0").glob("events*")
    assert b"val/0" in events.read_bytes()


def test_both_engines_read_the_weights_and_agree(trained):
    from woundseg.engines.torch_gpu import TorchEngine

    photos = np.random.default_rng(1).integers(0, 256, (1, 64, 96, 3), np.uint8)
    light, other = engines.load(trained.weights, "cpu"), TorchEngine(trained.weights, "cpu", "fp32")
    one, two = light(photos), other(photos)
    assert one.shape == two.shape == (1, len(TISSUE_CHANNELS), 64, 96)
    assert np.abs(one - two).max() < 1e-4
    assert one.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert np.ptp(one) > 0.01
    assert light.facts == other.facts


def test_the_weights_carry_their_card(trained):
    reader = tissue_map.load("cpu", weights=trained.weights)
    assert (reader.model.name, reader.model.version) == ("unet_efficientnet_lite0", "0")
    assert reader.fraction_sd == 0.75
    assert reader.model.sha256 in trained.printed
    facts = engines.load(trained.weights, "cpu").facts
    assert facts["training"] == "dfutissue, 2 photographs, held out folds [0], 1 epochs"
    assert set(facts) == {"name", "version", "fraction_sd", "training"}


def test_a_run_on_woundtissue_is_where_one_on_dfutissue_starts(
    trained, wounds, tmp_path, monkeypatch
):
    """At a rate of 0 the second run's parameters stay those of the first's checkpoint."""
    _block_sockets(monkeypatch)
    common = [
        word for word in trained.words if not word.startswith(("data", "out=", "trainer.batch"))
    ]
    words = ["data=woundtissue", f"data.root={wounds}", "data.hold_out=[0]", *common]
    assert cli.main(["train", *words, "trainer.batch_size=4", f"out={tmp_path / 'wounds'}"]) == 0
    told = json.loads((tmp_path / "wounds" / "run.json").read_text())
    assert told["photographs"] == {"training": 1, "held_out": 1}
    assert (told["pieces"], told["steps"]) == ({"label": 1}, 2)
    figures = {f"val/{name}" for name in ("granulation", "slough", "necrosis", "dice_pooled")}
    assert {name for name in told["metrics"] if name.startswith("val/")} == figures
    assert np.isfinite(told["metrics"]["train/loss"])
    last = tmp_path / "wounds" / "checkpoints" / "last.ckpt"
    more = [f"start_from={last}", "trainer.learning_rate=0", f"out={tmp_path / 'feet'}"]
    given = [word for word in trained.words if not word.startswith("out=")]
    assert cli.main(["train", *given, *more]) == 0
    before = fit.network_weights(last)
    after = fit.network_weights(tmp_path / "feet" / "checkpoints" / "last.ckpt")
    unlike = fit.network_weights(trained.out / "checkpoints" / "last.ckpt")
    learnt = [name for name in before if name.endswith("weight")]
    assert all(torch.allclose(before[name], after[name]) for name in learnt)
    assert not all(torch.allclose(before[name], unlike[name]) for name in learnt)


def test_tissue_weights_need_their_fractions_sd(trained, capsys):
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        _exported(patch, trained.out, trained.weights, "--border-sd-px", "1")
    assert "--fraction-sd" in capsys.readouterr().err


def test_evaluate_through_the_door(trained, root, tmp_path, monkeypatch, capsys):
    _block_sockets(monkeypatch)
    monkeypatch.chdir(tmp_path)
    words = ["data=dfutissue", f"data.root={root / 'dfutissue'}", f"weights={trained.weights}"]
    more = ["folds=[0]", "out=figures", "keep=maps", "device=cpu", "bootstrap_draws=20"]
    assert cli.main(["evaluate", *words, *more]) == 0
    assert "1 crops in 1 groups" in capsys.readouterr().out
    content = json.loads((tmp_path / "figures" / "metrics.json").read_text())
    assert content["maps"].startswith("unet_efficientnet_lite0 0 (")
    kept = ["data=dfutissue", f"data.root={root / 'dfutissue'}", "predictions=maps", *more[:1]]
    assert cli.main(["evaluate", *kept, "out=again", "bootstrap_draws=20"]) == 0
    again = json.loads((tmp_path / "again" / "metrics.json").read_text())
    # A map holds the likeliest class alone, not which bed is likeliest inside an outline.
    for name in (name for name in content["figures"] if "inside" not in name):
        assert again["figures"][name] == content["figures"][name]


def test_a_teacher_only_narrows_what_is_allowed(trained, root, monkeypatch):
    """Certain of what it says when a fifth is enough: it chooses in the bed and around it."""
    words = ("data.hold_out=[0]", f"data.teacher={trained.weights}")
    monkeypatch.setattr(tissue_data, "SURE", 0.2)
    taught, _, _ = tissue_data.split(options(*words, **places(root)).data)
    before, _, _ = tissue_data.split(options(words[0], **places(root)).data)
    assert [each.id for each in taught] == [each.id for each in before]
    for one, other in zip(taught, before, strict=True):
        assert not (one.allowed & ~other.allowed).any()
        assert ((one.allowed == ANY) == (other.allowed == ANY)).all()
        single = (one.allowed & (one.allowed - 1)) == 0
        assert (single | (one.allowed == ANY)).all()


# --- what cannot be learnt --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["model=unet_lite2"], ("model.classes=1", "Take model=tissue_lite0 for tissue")),
        (["data=fuseg"], ("model.classes=5", "model=unet_lite2 for ulcers")),
        (["data.photographs=null"], ("data.photographs", "Name the folder of FUSeg")),
        (["data.photographs=gone"], ("gone", "github.com/uwm-bigdata")),
        (["data.hold_out=[0,1]"], ("data.hold_out", "Hold out less")),
        (["data.hold_out=[7]"], ("fold 7", "folds.csv")),
        (["data.teacher=gone.onnx"], ("gone.onnx", "Name an ONNX file")),
    ],
)
def test_what_cannot_be_trained(trained, capsys, tmp_path, words, told):
    given = [word for word in trained.words if not word.startswith(words[0].split("=")[0] + "=")]
    if words == ["data=fuseg"]:
        given = [word for word in given if not word.startswith("data.")]
        words = [*words, f"data.root={tmp_path}"]
    assert cli.main(["train", *given, *words, f"out={tmp_path / 'run'}"]) == 2
    error = capsys.readouterr().err
    assert error.strip().count("\n") == 0, error
    assert "Traceback" not in error
    for words_of_it in told:
        assert words_of_it in error


def test_a_derived_table_that_is_gone_is_named(root, monkeypatch):
    monkeypatch.setattr(derive, "SHIPPED", "configs/tissue/none.csv")
    with pytest.raises(ConfigurationError, match=r"none\.csv"):
        tissue_data.split(options(**places(root)).data)
