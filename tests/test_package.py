"""The package as people get it (sdist, wheel, editable install), used from an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

toy_weights = pytest.importorskip("toy_weights", reason="needs onnx")
pytest.importorskip("build", reason="needs woundseg[dev]")
pytest.importorskip("hatchling", reason="needs woundseg[dev]")
pytestmark = pytest.mark.package

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "models" / "ulcer.onnx"
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "WOUNDSEG"))}
WEIGHT_LIMIT = 16e6  # the issue: one weight file, under 16 MB


def call(*words, cwd: Path) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory) -> Path:
    """The sdist, and the wheel that is built from it; nothing is fetched."""
    out = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    return out


@pytest.fixture(scope="module")
def wheel(dist) -> Path:
    (path,) = dist.glob("*.whl")
    return path


def environment(folder: Path) -> Path:
    """An empty environment that sees this one's libraries, but not this one's woundseg."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    places = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(call(python, "-c", code, cwd=folder).strip())
    # Added as a path, not as a site folder: its own .pth files, the editable woundseg's among
    # them, are not followed.
    (site / "libraries.pth").write_text("\n".join(sorted(places)) + "\n")
    return python


def install(python: Path, *words) -> Path:
    """pip, run by this environment for the other one, without an index; gives its woundseg."""
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps"]
    options = ["--no-index", "--no-build-isolation", "--force-reinstall"]
    call(*pip, *options, "--disable-pip-version-check", *words, cwd=python.parent)
    return python.with_name("woundseg")


@pytest.fixture(scope="module", params=["wheel", "editable"])
def installed(request, tmp_path_factory) -> tuple[str, Path]:
    python = environment(tmp_path_factory.mktemp(request.param) / "env")
    if request.param == "wheel":
        return "wheel", install(python, request.getfixturevalue("wheel"))
    return "editable", install(python, "--editable", ROOT)


def test_the_sdist_holds_what_the_wheel_is_made_from(dist):
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "configs/train.yaml"} <= names
    assert {"woundseg/cli/__init__.py", "scripts/demo", "tests/test_package.py"} <= names
    assert not any(part in name for name in names for part in (".venv", "__pycache__", ".git/"))


def test_the_wheel_holds_the_package_its_configs_and_weights(wheel):
    with zipfile.ZipFile(wheel) as archive:
        sizes = {item.filename: item.file_size for item in archive.infolist()}
        for text in (n for n in sizes if n.endswith((".py", ".yaml", ".md", ".json"))):
            assert str(ROOT).encode() not in archive.read(text), text
    assert "woundseg/py.typed" in sizes
    assert "woundseg/_shipped/configs/protocol/default.yaml" in sizes
    assert not any(name.startswith(("tests/", "scripts/", "configs/")) for name in sizes)
    assert any(name.endswith("licenses/LICENSE") for name in sizes)
    if SHIPPED.is_file():
        assert 0 < sizes["woundseg/_shipped/models/ulcer.onnx"] < WEIGHT_LIMIT
    modules = {p.relative_to(ROOT).as_posix() for p in (ROOT / "woundseg").rglob("*.py")}
    assert modules <= sizes.keys()


def test_it_is_this_one_that_runs(installed, tmp_path):
    kind, woundseg = installed
    told = "import woundseg; print(woundseg.__file__)"
    where = Path(call(woundseg.with_name("python"), "-c", told, cwd=tmp_path).strip())
    assert (ROOT in where.parents) == (kind == "editable")


def test_commands_work_from_an_empty_folder(installed, tmp_path, toy):
    _, woundseg = installed
    empty = tmp_path / "empty"
    empty.mkdir()
    assert call(woundseg, "--version", cwd=empty).startswith("woundseg ")
    call(woundseg, "card", "x.pdf", cwd=empty)
    assert (empty / "x.pdf").read_bytes().startswith(b"%PDF")
    photo = toy_weights.save(tmp_path / "foot.png", toy_weights.photograph())
    words = [woundseg, "score", photo, "--json", "--baseline", "4"]
    record = json.loads(call(*words, "--weights", toy, cwd=empty))
    assert record["total"]["area_cm2"] == pytest.approx(2.545, rel=0.02)
    assert record["response"]["code"] == "SD"
    if SHIPPED.is_file():
        record = json.loads(call(*words[:4], cwd=empty))
        assert record["model"]["name"] != "toy"
        assert record["quality"]["measurable"]
    assert [path.name for path in empty.iterdir()] == ["x.pdf"]


def test_training_finds_its_configuration_from_an_empty_folder(installed, tmp_path):
    pytest.importorskip("hydra")
    _, woundseg = installed
    python = woundseg.with_name("python")
    code = "from woundseg.config import train_options as t; print(t(['data.root=x']).model.encoder)"
    assert call(python, "-c", code, cwd=tmp_path).strip() == "tu-tf_efficientnet_lite2"
