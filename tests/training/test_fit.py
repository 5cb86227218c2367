"""Training from end to end through the door, on a drawn FUSeg, with every socket blocked."""

from __future__ import annotations

import csv
import json
import re
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs woundseg[train]")
pytest.importorskip("lightning", reason="needs woundseg[train]")
pytestmark = pytest.mark.train

from datasets.toy import draw_fuseg, photograph, rectangle, save_pair

from woundseg import cli, engines, resources, segment
from woundseg.config import train_options
from woundseg.errors import ConfigurationError
from woundseg.nets import unet
from woundseg.training.export import WIDEN_ABOVE, WeightCard, export
from woundseg.training.fit import network_weights

CARD = WeightCard("smoke", "0", border_sd_px=1.5, min_ulcer_px=20, training="drawn squares")


@dataclass(frozen=True)
class Run:
    """What one fit, resumed once, left behind."""

    data: Path
    out: Path
    overrides: list[str]
    runs: list[dict]
    printed: list[str]

    @property
    def checkpoint(self) -> Path:
        return self.out / "checkpoints" / "last.ckpt"


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("training")
    data, out = draw_fuseg(folder / "fuseg"), folder / "run"
    overrides = [
        "experiment=smoke",
        f"data.root={data}",
        "data.hold_out=[1]",
        "model.encoder_weights=none",
        "trainer.threads=1",
        f"out={out}",
    ]
    printed, runs = [], []
    with pytest.MonkeyPatch.context() as patch:
        _block_sockets(patch)
        patch.chdir(folder)
        for epochs in (1, 2):
            status, text = _call(["train", *overrides, f"trainer.epochs={epochs}"])
            assert status == 0
            printed.append(text)
            runs.append(json.loads((out / "run.json").read_text()))
        assert [path.name for path in folder.iterdir() if path.name not in ("fuseg", "run")] == []
    return Run(data, out, overrides, runs, printed)


def _block_sockets(patch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_args, **_kwargs):
        raise AssertionError("a socket was opened")

    for name in ("socket", "create_connection", "getaddrinfo"):
        patch.setattr(socket, name, refuse)


def _call(words: list[str]) -> tuple[int, str]:
    import io
    from contextlib import redirect_stdout

    out = io.StringIO()
    with redirect_stdout(out):
        status = cli.main(words)
    return status, out.getvalue()


@pytest.fixture(scope="module")
def weights(trained, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "smoke.onnx"
    options = train_options(trained.overrides).model
    digest = export(trained.checkpoint, options, CARD, path)
    assert segment.load("cpu", weights=path).model.sha256 == digest
    return path


def test_standard_output_names_the_checkpoint_alone(trained):
    assert trained.printed == [f"{trained.checkpoint}\n"] * 2


def test_run_json_says_what_was_done(trained):
    first, second = trained.runs
    # Fold 1 holds 0013 and 0014, fold 0 the other two of the split.
    assert first["photographs"] == {"training": 2, "held_out": 2}
    assert first["config"]["trainer"]["epochs"] == 1
    assert first["config"]["data"]["hold_out"] == [1]
    assert first["config"]["model"]["encoder"] == "tu-tf_efficientnet_lite0"
    assert first["versions"]["torch"] == version("torch")
    assert {"woundseg", "lightning", "timm", "albumentations", "numpy"} <= first["versions"].keys()
    assert all(len(first["data_sha256"][part]) == 64 for part in ("training", "held_out"))
    assert first["data_sha256"] == second["data_sha256"]
    (told,) = first["sets"]
    assert told["set"] == "fuseg"
    assert (told["training"], told["held_out"], told["terms_known"]) == (2, 2, True)
    assert {"train/loss", "val/dice_mean", "val/dice_pooled"} <= first["metrics"].keys()
    assert np.isfinite(first["metrics"]["train/loss"])


def test_a_second_call_goes_on_from_the_last_checkpoint(trained):
    first, second = trained.runs
    assert (first["epochs"], first["steps"]) == (1, 1)  # two photographs, batches of two
    assert (second["epochs"], second["steps"]) == (2, 2)
    assert [session["epochs"] for session in second["sessions"]] == [1, 2]
    assert second["seconds"] > 0


def test_curves_and_sample_pictures_are_written(trained):
    (events,) = (trained.out / "tensorboard" / "version_0").glob("events*")
    assert b"val/0" in events.read_bytes()
    with next((trained.out / "curves").rglob("metrics.csv")).open() as stream:
        columns = next(csv.reader(stream))
    assert {"epoch", "step", "val/dice_mean"} <= set(columns)


def test_the_checkpoint_executes_nothing_and_knows_no_machine(trained):
    loaded = torch.load(trained.checkpoint, weights_only=True)
    assert {"state_dict", "optimizer_states", "lr_schedulers", "epoch"} <= loaded.keys()
    assert loaded["epoch"] == 1
    assert _paths_in(trained.checkpoint.read_bytes(), trained.out) == []


def test_no_checkpoint_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="is no checkpoint"):
        network_weights(tmp_path / "gone.ckpt")


# --- export -----------------------------------------------------------------------------------


def _paths_in(content: bytes, *places: Path) -> list[str]:
    """Places of this machine that stand in a file."""
    here = [sys.prefix, str(Path(unet.__file__).parents[2]), str(Path.home()), *map(str, places)]
    told = [place for place in here if len(place) > 1 and place.encode() in content]
    return told + [part.decode() for part in re.findall(rb"site-packages|/\w{3,}\.py", content)]


def test_the_weight_file_knows_no_machine(weights, trained):
    assert _paths_in(weights.read_bytes(), trained.out, weights.parent) == []


def test_the_weight_file_holds_float16_and_its_card(weights):
    import onnx

    model = onnx.load(weights)
    wide = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT]
    assert all(np.prod(t.dims, dtype=int) <= WIDEN_ABOVE for t in wide)
    facts = {item.key: item.value for item in model.metadata_props}
    assert facts == {
        "name": "smoke",
        "version": "0",
        "border_sd_px": "1.5",
        "min_ulcer_px": "20",
        "training": "drawn squares",
    }
    (photo,) = model.graph.input
    assert (photo.name, photo.type.tensor_type.elem_type) == ("photo", onnx.TensorProto.UINT8)


def test_the_weight_file_is_the_network(weights, trained):
    """Probabilities of the checkpoint's network in torch, to what float16 storage takes away."""
    options = train_options(trained.overrides).model
    network = unet.build(
        options.architecture, options.encoder, "none", list(options.decoder_channels)
    )
    network.load_state_dict(network_weights(trained.checkpoint))
    photos = np.random.default_rng(0).integers(0, 256, (1, 96, 64, 3), np.uint8)
    tensor = torch.from_numpy(photos).permute(0, 3, 1, 2).float()
    with torch.inference_mode():
        expected = torch.sigmoid(network.eval()(tensor))[:, 0].numpy()
    assert np.abs(engines.load(weights, "cpu")(photos) - expected).max() < 0.01


def test_engines_agree_on_an_exported_network(weights):
    from woundseg.engines.torch_gpu import TorchEngine

    photos = np.random.default_rng(1).integers(0, 256, (1, 64, 128, 3), np.uint8)
    light, other = engines.load(weights, "cpu"), TorchEngine(weights, "cpu", "fp32")
    assert np.abs(light(photos) - other(photos)).max() < 1e-4


# --- from weights to figures ------------------------------------------------------------------


def test_segmenting_with_the_exported_weights(weights):
    segmenter = segment.load("cpu", weights=weights)
    found = segmenter(photograph(90, rectangle(90, 20, 30)))
    assert found.probability.shape == (90, 90)
    assert (found.border_sd_px, found.min_ulcer_px) == (1.5, 20)


def test_evaluate_through_the_door(weights, trained, tmp_path, monkeypatch):
    _block_sockets(monkeypatch)
    monkeypatch.chdir(tmp_path)
    words = [f"data.root={trained.data}", f"weights={weights}", "folds=[1]", "out=figures"]
    status, text = _call(["evaluate", *words, "bootstrap_draws=20", "device=cpu"])
    assert status == 0
    assert "ICC(2,1)" in text
    figures = json.loads((tmp_path / "figures" / "metrics.json").read_text())
    assert figures["counts"]["photographs"] == 2
    assert figures["min_ulcer_px"] == 20
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {
        "metrics.json",
        "per_photo.csv",
        "worst.jpg",
    }
    assert Path.cwd() == tmp_path


def test_start_from_takes_an_earlier_runs_weights(trained, tmp_path):
    from woundseg.training import fit

    options = train_options([*trained.overrides, f"start_from={trained.checkpoint}"])
    state = fit._network(options).state_dict()
    kept = network_weights(trained.checkpoint)
    assert state.keys() == kept.keys()
    assert all(torch.equal(state[name], kept[name]) for name in kept)


def test_a_smoke_run_takes_two_steps_however_large_the_set(trained, tmp_path):
    for number in range(20, 40):
        save_pair(tmp_path / "set" / "train", f"{number:04}", rectangle(64, 5, 7), kind=".png")
    out = tmp_path / "run"
    words = [*trained.overrides, f"data.root={tmp_path / 'set'}", "data.hold_out=[]", f"out={out}"]
    words += ["data.limit=12"]
    assert _call(["train", *words])[0] == 0
    run = json.loads((out / "run.json").read_text())
    assert run["steps"] == 2
    assert run["photographs"]["training"] == 12


@pytest.mark.parametrize(
    ("override", "status"),
    [
        ("data.root=gone", 2),
        ("data.hold_out=[0,1]", 2),
        ("trainer.accelerator=tpu", 2),
        ("trainer.accelerator=quantum", 2),
        ("trainer.precision=7-bit", 2),
    ],
)
def test_what_cannot_be_trained(trained, capsys, tmp_path, override, status):
    words = ["train", *trained.overrides, f"out={tmp_path / 'run'}", override]
    assert cli.main(words) == status
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert error.strip().count("\n") == 0, error


def test_configs_are_shipped():
    assert (resources.path("configs") / "train.yaml").is_file()
