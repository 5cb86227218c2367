"""The fit: from typed options to a folder with checkpoints, curves and ``run.json``."""

from __future__ import annotations

import dataclasses
import json
import platform
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import (
    Callback,
    EMAWeightAveraging,
    ModelCheckpoint,
    TQDMProgressBar,
)
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from woundseg import files
from woundseg.datasets import fingerprint
from woundseg.errors import ConfigurationError
from woundseg.nets import unet
from woundseg.training import tasks
from woundseg.training.options import TrainerOptions, TrainOptions
from woundseg.training.precision import keep_depthwise_in_float32

if TYPE_CHECKING:
    from torch import nn

RECORDED_PACKAGES = (
    "woundseg",
    "torch",
    "lightning",
    "segmentation-models-pytorch",
    "timm",
    "albumentations",
    "numpy",
    "opencv-python-headless",
)


def fit(options: TrainOptions) -> Path:
    """Trains as ``options`` say, going on from the last checkpoint; gives the last checkpoint.

    Raises:
        ConfigurationError: an option that cannot be served, or nothing to train on.
        DataSetError: the data set is not where it should be.
        OutputError: the run's folder or ``run.json`` cannot be written.
    """
    started = time.time()
    out = files.make_folder(Path(options.out))
    L.seed_everything(options.seed, workers=True, verbose=False)
    if options.trainer.threads:
        torch.set_num_threads(options.trainer.threads)
    torch.set_float32_matmul_precision("high")
    task = tasks.of(options)
    steps = min(len(task.training), options.trainer.steps_per_epoch or len(task.training))
    total = steps * options.trainer.epochs
    module = task.module(_network(options), options.trainer, total)
    trainer = _trainer(options, task.validation is not None)
    last = out / "checkpoints" / "last.ckpt"
    trainer.fit(
        module,
        task.training,
        task.validation,
        ckpt_path=str(last) if options.resume and last.exists() else None,
        weights_only=True,
    )
    _write_run(out, options, _facts(trainer, task, time.time() - started))
    return last


def _network(options: TrainOptions) -> nn.Module:
    network = unet.build(**dataclasses.asdict(options.model))
    if options.start_from:
        network.load_state_dict(network_weights(Path(options.start_from)))
    if options.trainer.accelerator == "cpu" and "16" in options.trainer.precision:
        keep_depthwise_in_float32(network)
    return network.to(memory_format=torch.channels_last)


def network_weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    """The network's tensors out of a checkpoint of ``fit``; nothing in the file is executed.

    Raises:
        ConfigurationError: the file is not there.
    """
    if not checkpoint.is_file():
        raise ConfigurationError(checkpoint, "is no checkpoint", "Name a .ckpt file of a run")
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    return {key.removeprefix("network."): tensor for key, tensor in state.items()}


def _trainer(options: TrainOptions, validates: bool) -> L.Trainer:
    out = Path(options.out)
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")  # two cores
    trainer = options.trainer
    try:
        return _lightning(trainer, out, validates)
    except (MisconfigurationException, ModuleNotFoundError, ValueError) as error:
        raise ConfigurationError(
            f"trainer.accelerator={trainer.accelerator}",
            f"cannot be served here ({str(error).strip().splitlines()[0]})",
            "Take trainer=cpu, or what this machine has",
        ) from error


def _lightning(trainer: TrainerOptions, out: Path, validates: bool) -> L.Trainer:
    return L.Trainer(
        accelerator=trainer.accelerator,
        devices=trainer.devices,
        num_nodes=trainer.num_nodes,
        strategy=trainer.strategy,
        precision=trainer.precision,  # type: ignore[arg-type] # from a configuration
        max_epochs=trainer.epochs,
        check_val_every_n_epoch=trainer.validate_every,
        num_sanity_val_steps=0,
        limit_train_batches=trainer.steps_per_epoch,
        limit_val_batches=None if validates else 0,
        gradient_clip_val=1.0,
        log_every_n_steps=10,
        default_root_dir=out,
        logger=[TensorBoardLogger(out, name="tensorboard"), CSVLogger(out, name="curves")],
        callbacks=_callbacks(trainer, out),
    )


def _callbacks(trainer: TrainerOptions, out: Path) -> list[Callback]:
    callbacks: list[Callback] = [
        ModelCheckpoint(
            out / "checkpoints",
            filename="last",
            enable_version_counter=False,
            save_on_train_epoch_end=True,
        ),
        TQDMProgressBar(refresh_rate=10),
    ]
    if trainer.ema_decay:
        callbacks.append(EMAWeightAveraging(decay=trainer.ema_decay))
    return callbacks


def _facts(trainer: L.Trainer, task: tasks.Task, seconds: float) -> dict[str, Any]:
    parts = {"training": task.learnt_from, "held_out": task.held_out}
    return {
        "photographs": {name: len(samples) for name, samples in parts.items()},
        "pieces": task.pieces,
        "sets": task.sets,
        "data_sha256": {name: fingerprint(samples) for name, samples in parts.items()},
        "versions": {name: version(name) for name in RECORDED_PACKAGES},
        "python": platform.python_version(),
        "processor": platform.machine(),
        "epochs": trainer.current_epoch,
        "steps": trainer.global_step,
        "seconds": round(seconds, 1),
        "metrics": {key: float(value) for key, value in trainer.callback_metrics.items()},
    }


def _write_run(out: Path, options: TrainOptions, facts: dict[str, Any]) -> None:
    path = out / "run.json"
    earlier = json.loads(path.read_text()).get("sessions", []) if path.exists() else []
    run = {"config": dataclasses.asdict(options), **facts}
    run["sessions"] = [*earlier, {"epochs": facts["epochs"], "seconds": facts["seconds"]}]
    files.write_text(path, json.dumps(run, indent=1, sort_keys=True) + "\n")
