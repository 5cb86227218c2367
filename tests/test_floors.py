"""The floors of docs/architecture.md, kept by reading every import, and the size of functions."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "woundseg"

FLOORS: dict[str, int] = {
    "woundseg": 0,  # the version; its public names are looked up when asked for
    # 0: words
    "errors": 0,
    "records": 0,
    "canonical": 0,
    "record_files": 0,
    "classes": 0,
    "resources": 0,
    "files": 0,
    "locks": 0,
    # 1: one thing
    "photo": 1,
    "masks": 1,
    "outlines": 1,
    "skin": 1,
    "pages": 1,
    "visits": 1,
    "trial": 1,
    # 2: skills
    "card": 2,
    "scale": 2,
    "measure": 2,
    "quality": 2,
    "overlay": 2,
    "colour": 2,
    "tissue": 2,
    "match": 2,
    "metrics": 2,
    "datasets": 2,
    "simulate": 2,
    # 3: learned
    "nets": 3,
    "engines": 3,
    "segment": 3,
    "tissue_map": 3,
    "training": 3,
    # 4: assembly
    "pipeline": 4,
    "results": 4,
    "sketch": 4,
    "baseline": 4,
    "earlier": 4,
    "wording": 4,
    "scorer": 4,
    "contact": 4,
    # 5: many
    "segment_folder": 5,
    "trial_report": 5,
    "evaluate": 5,
    "evaluate_tissue": 5,
    "demo": 5,
    "store": 5,
    "batch": 5,
    "report": 5,
    "exchange": 5,
    # 6: door
    "config": 6,
    "cli": 6,
}
"""The one table. A room is a module or a package directly under ``woundseg``."""

EXCEPTIONS: dict[tuple[str, str], str] = {
    ("woundseg", "scorer"): "woundseg.load is looked up when asked for (PEP 562)",
    ("woundseg", "trial"): "woundseg.endpoint is looked up when asked for (PEP 562)",
}
"""Imports that go up a floor, with the reason."""

LAZY_FACADES = {"woundseg.engines"}
"""Packages that import their own modules inside functions, so that what is heavy stays out."""

NO_IMAGE = {"cv2", "PIL", "pi_heif", "skimage", "torch", "onnxruntime", "onnx", "matplotlib"}
"""What ``trial`` does not import: a statistician re-runs the endpoint with none of it."""


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def imports(module: str) -> Iterator[tuple[int, str]]:
    """Line and full name of every import in a module, those inside functions too."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                pytest.fail(f"{module}:{node.lineno}: a relative import")
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield node.lineno, full if full in MODULES else str(node.module)


def own_imports(module: str) -> list[tuple[int, str]]:
    return [(line, name) for line, name in imports(module) if name.split(".")[0] == "woundseg"]


def cycle(edges: dict[str, set[str]]) -> list[str]:
    """Names that lie on a circle; empty when there is none (Kahn's order)."""
    left = {name: set(targets) for name, targets in edges.items()}
    while free := [name for name, targets in left.items() if not targets & left.keys()]:
        for name in free:
            del left[name]
    return sorted(left)


def test_every_room_has_a_floor():
    assert sorted({room(module) for module in MODULES} - FLOORS.keys()) == []


def test_a_lower_floor_never_imports_a_higher_one():
    wrong = []
    for module in MODULES:
        here = room(module)
        for line, target in own_imports(module):
            there = room(target)
            if FLOORS[there] > FLOORS[here] and (here, there) not in EXCEPTIONS:
                wrong.append(f"{module}:{line} (floor {FLOORS[here]}) imports {target}")
    assert wrong == []


def test_every_exception_is_still_needed():
    used = {(room(m), room(target)) for m in MODULES for _, target in own_imports(m)}
    assert sorted(EXCEPTIONS.keys() - used) == []


def test_rooms_use_each_other_without_a_circle():
    edges: dict[str, set[str]] = {room(module): set() for module in MODULES}
    for module in MODULES:
        there = {room(target) for _, target in own_imports(module)}
        here = room(module)
        edges[here] |= {t for t in there - {here} if (here, t) not in EXCEPTIONS}
    assert cycle(edges) == []


def test_modules_use_each_other_without_a_circle():
    edges = {}
    for module in MODULES:
        targets = {name for _, name in own_imports(module)} - {module}
        if module in LAZY_FACADES:
            targets = {name for name in targets if not name.startswith(f"{module}.")}
        edges[module] = {t for t in targets if (room(module), room(t)) not in EXCEPTIONS}
    assert cycle(edges) == []


def test_a_circle_is_seen():
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == ["a", "b", "c", "d"]
    assert cycle({"a": {"b"}, "b": set()}) == []


@pytest.mark.parametrize("module", [m for m in MODULES if room(m) == "trial"])
def test_the_trial_needs_no_image(module):
    assert NO_IMAGE & {name.split(".")[0] for _, name in imports(module)} == set()
    rooms = {room(target) for _, target in own_imports(module)} - {"trial"}
    assert rooms <= {"errors", "records", "resources", "files", "woundseg"}


TORCH = {"torch", "torchvision", "lightning", "timm", "segmentation_models_pytorch"}


def test_torch_and_hydra_stay_in_their_rooms():
    for module in MODULES:
        names = {name.split(".")[0] for _, name in imports(module)}
        if TORCH & names:
            assert room(module) in {"nets", "training", "engines"}, module
        if {"hydra", "omegaconf"} & names:
            assert module == "woundseg.config"


# --- style that no linter keeps --------------------------------------------------------------

LONGEST_LINES, MEDIAN_LINES, MOST_PARAMETERS = 90, 15, 8
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions() -> list[tuple[str, Function]]:
    return [
        (f"{module}.{node.name}", node)
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, Function)
    ]


def test_functions_fit_a_screen():
    lines = {name: (node.end_lineno or 0) - node.lineno + 1 for name, node in functions()}
    assert [name for name, count in lines.items() if count > LONGEST_LINES] == []
    assert statistics.median(lines.values()) < MEDIAN_LINES


def test_functions_take_few_parameters():
    wrong = []
    for name, node in functions():
        given = node.args
        names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        if len([n for n in names if n not in ("self", "cls")]) > MOST_PARAMETERS:
            wrong.append(name)
    assert wrong == []


def test_no_assert_and_no_print():
    wrong = []
    for module in MODULES:
        for node in ast.walk(tree(module)):
            prints = isinstance(node, ast.Call) and getattr(node.func, "id", None) == "print"
            if isinstance(node, ast.Assert) or prints:
                wrong.append(f"{module}:{node.lineno}")
    assert wrong == []
