"""Tests of the tests: small faults put into modules at random, each of which some test should notice.

    python tools/mutants.py src/impasto/losses --count 60 --seed 1

A mutant is one change of one module: a comparison turned, a constant moved, plus and minus or times and divided
exchanged, `and` and `or` exchanged, a condition negated, a statement left out. The tests that mirror the module run
on it in a copy of the repository. Survivors are printed with their difference: kill them with a better test, or see
that they are equivalent.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
COPIED = ("src", "tests", "tools", "benchmarks", "docs", "examples", "pyproject.toml", "README.md", "CHANGELOG.md")
TURNED: dict[type, Any] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


def iter_mutations(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Every place of a module that can be changed, with the kind of change."""
    annotations = {
        id(part)
        for node in ast.walk(tree)
        for name in ("annotation", "returns")
        if (annotation := getattr(node, name, None)) is not None
        for part in ast.walk(annotation)
    }
    for node in ast.walk(tree):
        if id(node) not in annotations and (kind := _kind_of(node)):
            yield node, kind


def _kind_of(node: ast.AST) -> str:
    """The change that a place allows; empty: none."""
    match node:
        case ast.Compare() if type(node.ops[0]) in TURNED:
            return "comparison"
        case ast.BinOp() | ast.BoolOp() | ast.AugAssign() if type(node.op) in TURNED:
            return "operator"
        case ast.Constant() if type(node.value) in (int, float, bool):
            return "constant"
        case ast.If() | ast.IfExp() | ast.While():
            return "condition"
        case ast.Expr(value=ast.Call()) | ast.Continue() | ast.Break() | ast.Raise():
            return "statement"
        case ast.Assign() if node.col_offset > 0 and not isinstance(node.value, ast.Constant):
            return "statement"
    return ""


def mutate(node: ast.AST, kind: str, chance: random.Random) -> None:
    """Change a place in its tree."""
    if isinstance(node, ast.Compare) and kind == "comparison":
        node.ops[0] = TURNED[type(node.ops[0])]()
    elif isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign):
        node.op = TURNED[type(node.op)]()
    elif isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bool):
            node.value = not value
        else:
            assert isinstance(value, int | float)
            node.value = value + chance.choice((-1, 1)) if isinstance(value, int) else value * chance.choice((0.5, 2))
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        node.test = ast.UnaryOp(ast.Not(), node.test)


class _Remover(ast.NodeTransformer):
    """Puts `pass` in the place of one statement."""

    def __init__(self, statement: ast.AST) -> None:
        self._statement = statement

    def visit(self, node: ast.AST) -> ast.AST:
        return ast.Pass() if node is self._statement else super().generic_visit(node)


def make_mutant(source: str, number: int, chance: random.Random) -> str:
    """The source with its mutation of that number, as Python writes it."""
    tree = ast.parse(source)
    node, kind = list(iter_mutations(tree))[number]
    if kind == "statement":
        _Remover(node).visit(tree)
    else:
        mutate(node, kind, chance)
    return ast.unparse(ast.fix_missing_locations(tree))


def mirror_tests(module: Path) -> list[str]:
    """The test file of a module, else the tests of its room; paths from the root."""
    inside = module.relative_to("src/impasto")
    own = Path("tests") / inside.parent / f"test_{inside.name}"
    return [str(own)] if (ROOT / own).exists() else [str(own.parent)]


def survives(copy: Path, tests: list[str], timeout: float) -> bool:
    """Whether all of these tests pass in the copy."""
    environment = os.environ | {"PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    command += ["-m", "not slow and not cluster and not browser"]
    try:
        return subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=timeout).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="+", type=Path, help="modules or folders of them, from the repository's root")
    parser.add_argument("--count", type=int, default=60, help="mutants")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tests", nargs="*", help="these in place of the tests that mirror a module")
    parser.add_argument("--timeout", type=float, default=600, help="seconds for a mutant's tests; a timeout kills it")
    args = parser.parse_args()
    files = sorted(f for given in args.modules for f in ([given] if given.suffix else given.rglob("*.py")))
    places = [(f, n) for f in files for n in range(len(list(iter_mutations(ast.parse((ROOT / f).read_text("utf-8"))))))]
    chosen = random.Random(args.seed).sample(places, min(args.count, len(places)))
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / name)
        for file, number in chosen:
            original = (ROOT / file).read_text("utf-8")
            mutant = make_mutant(original, number, random.Random(f"{args.seed} {file} {number}"))
            (copy / file).write_text(mutant, "utf-8")
            survived = survives(copy, args.tests or mirror_tests(file), args.timeout)
            (copy / file).write_text(original, "utf-8")
            survivors += survived
            plain = ast.unparse(ast.parse(original)).splitlines()
            difference = list(difflib.unified_diff(plain, mutant.splitlines(), lineterm="", n=0))[2:]
            print(f"{'SURVIVED' if survived else 'killed'} {file}", *difference, sep="\n  ", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} killed")


if __name__ == "__main__":
    main()
