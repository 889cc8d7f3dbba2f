"""The shape of the house: rooms, imports, names and sizes, read from the source files themselves.

The layers contract in pyproject.toml says the same of imports. What is written here does not depend on it, so that
the contract cannot be weakened by a line of configuration.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import traceback
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

import impasto
from impasto.losses.style import WassersteinLoss
from import_graph import SOURCE, imports, modules, room, tree

ROOT = Path(__file__).parents[1]
CONFIGURATION = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

# From the top down: a module may import from the rows below its own, and within its own room.
ROWS = [
    ["__main__"],
    ["cli"],
    ["studio"],
    ["lab"],
    ["api"],
    ["video"],
    ["runs"],
    ["stylizer"],
    ["engine"],
    ["losses"],
    ["encoders"],
    ["inputs"],
    ["images"],
    ["options"],
    ["storage"],
    ["errors", "events", "version"],
]
HEIGHTS = {room: -row for row, rooms in enumerate(ROWS) for room in rooms}

MOST_LINES = 60
ENGINE_LOOP_LINES = 100

# Modules without a test file at their own path, and the file that tests them.
TESTED_ELSEWHERE = {
    "__main__.py": "cli/test_main.py",  # which runs `python -m impasto`
    "version.py": "cli/test_main.py",
    "cli/paint.py": "cli/test_main.py",
    "cli/info.py": "cli/test_main.py",
    "studio/worker/active_job.py": "studio/worker/test_main.py",
    "studio/answerer.py": "studio/test_routes.py",
    "studio/answers.py": "studio/test_routes.py",
    "studio/cells.py": "studio/worker/test_grid.py",
    "studio/faults.py": "studio/test_routes.py",
    "studio/file_routes.py": "studio/test_routes.py",
}

# -------------------------------------------------------------------------------------------- imports


def test_every_room_has_its_row() -> None:
    assert set(HEIGHTS) == {room(module) for module in modules() if module != "impasto"}


def test_no_import_runs_upward() -> None:
    rooms = [module for module in modules() if module != "impasto"]
    upward = {f"{module} -> {imported}" for module in rooms for imported in imports(module)
              if imported == "impasto" or HEIGHTS[room(imported)] > HEIGHTS[room(module)]
              or (HEIGHTS[room(imported)] == HEIGHTS[room(module)] and room(imported) != room(module))}  # fmt: skip
    assert not upward


def test_no_module_is_in_a_circle() -> None:
    left = {module: set(imports(module)) for module in modules()}
    size = 0
    while size != len(left):  # take away what imports nothing that is left, and what nothing left imports
        size = len(left)
        imported = set[str]().union(*left.values())
        left = {module: names & left.keys() for module, names in left.items() if names & left.keys()}
        left = {module: names for module, names in left.items() if module in imported}
    assert not left


def test_the_contract_has_the_same_rows() -> None:
    contracts = tomllib.loads(CONFIGURATION)["tool"]["importlinter"]["contracts"]
    (contract,) = [contract for contract in contracts if contract["type"] == "layers"]
    assert [row.split(" | ") for row in contract["layers"]] == ROWS
    assert (contract["containers"], contract["exhaustive"]) == (["impasto"], True)
    assert "ignore_imports" not in contract


def test_the_house_is_small_enough_to_see_at_once() -> None:
    assert len([path for path in SOURCE.iterdir() if path.name not in ("__init__.py", "py.typed", "__pycache__")]) <= 18
    assert len(ROWS) <= 17
    about_imports = [
        part for part in re.split(r"^(?=\[)", CONFIGURATION, flags=re.MULTILINE) if "tool.importlinter" in part
    ]
    assert len("".join(about_imports).splitlines()) <= 60


def loaded_after_each(names: list[str], watched: str) -> dict[str, bool]:
    """Whether `watched` is loaded once each module is, in turn, in an interpreter of its own."""
    script = (
        "import importlib, sys\n"
        f"for name in {names}:\n"
        "    importlib.import_module(name)\n"
        f"    print(name, {watched!r} in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    return {name: loaded == "True" for name, loaded in map(str.split, done.stdout.splitlines())}


LIGHT = [
    "impasto",
    "impasto.version",
    "impasto.errors",
    "impasto.events",
    "impasto.storage.files",
    "impasto.options.fields",
    "impasto.options.spelling",
    "impasto.images.color",
    "impasto.images.writing",
    "impasto.images.resize",
    "impasto.images.metadata",
    "impasto.images.picture",
    "impasto.images.print_size",
    "impasto.runs.interrupted",
    "impasto.images.reading",
    "impasto.runs.record",
    "impasto.cli.display",
    "impasto.api",
    "impasto.lab.jobs",
    "impasto.lab.run_folder",
    "impasto.cli.display_jobs",
    "impasto.cli.syntax",
    "impasto.cli.lab",
    "impasto.cli.paint",
    "impasto.cli.info",
    "impasto.cli.main",
]


def test_light_modules_load_no_torch() -> None:
    loaded = loaded_after_each([*LIGHT, "impasto.engine.paint"], "torch")
    assert loaded.pop("impasto.engine.paint"), "the probe does not see torch"
    assert loaded == dict.fromkeys(LIGHT, False)


@pytest.mark.parametrize("module", ["impasto.options.fields", "impasto.events", "impasto.errors"])
def test_options_events_and_errors_load_no_picture_library(module: str) -> None:
    assert loaded_after_each([module], "pyvips") == {module: False}


# ------------------------------------------------------------------------------------- names and sizes


def test_a_class_name_exists_once() -> None:
    homes = defaultdict(list)
    for module in modules():
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(module)
    twice = {name: names for name, names in homes.items() if len(names) > 1}
    assert not twice


def test_no_function_is_longer_than_a_page() -> None:
    lines = {
        f"{module}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for module in modules()
        for node in ast.walk(tree(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    most = {name: ENGINE_LOOP_LINES for name in lines if name.startswith("impasto.engine.paint.")}
    assert not {name: count for name, count in lines.items() if count > most.get(name, MOST_LINES)}


def test_only_the_command_line_exits() -> None:
    exits = {
        room(module)
        for module in modules()
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("sys.exit", "exit", "quit")
    }
    assert exits <= {"__main__", "cli"}


def test_every_module_has_its_tests() -> None:
    files = {path.relative_to(SOURCE) for path in modules().values() if path.name != "__init__.py"}
    without = {str(path) for path in files if not (ROOT / "tests" / path.parent / f"test_{path.name}").exists()}
    assert sorted(without - TESTED_ELSEWHERE.keys()) == []
    for path, tests in TESTED_ELSEWHERE.items():
        assert path not in without or (ROOT / "tests" / tests).exists(), f"{path}: no tests/{tests}"


# ------------------------------------------------------------------------------- from paint to the formula


def test_from_paint_to_the_formula_of_the_style_loss(
    folder_with_pictures: Path, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    chains = set[tuple[tuple[str, str], ...]]()
    formula = WassersteinLoss.__call__

    def watched(self: WassersteinLoss, *arguments: Any) -> Any:
        frames = [frame for frame in traceback.extract_stack() if Path(frame.filename).is_relative_to(SOURCE)]
        chains.add(tuple((str(Path(frame.filename).relative_to(SOURCE)), frame.name) for frame in frames))
        return formula(self, *arguments)

    monkeypatch.setattr(WassersteinLoss, "__call__", watched)
    impasto.paint("photo.png", "painting.png", **quick)
    assert chains
    for chain in chains:
        calls = [*chain, ("losses/style.py", "WassersteinLoss.__call__")]
        assert calls[0] == ("api.py", "paint")
        assert len(calls) <= 8, calls
        assert len({file for file, _ in calls}) <= 5, calls
