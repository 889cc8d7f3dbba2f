"""Which module of the package imports which, read from the source files."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src/impasto"


@cache
def modules() -> dict[str, Path]:
    """Dotted names of all modules and packages, and their files."""
    names = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


@cache
def tree(module: str) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


def room(module: str) -> str:
    """The package or module directly below `impasto` that a module belongs to."""
    return module.split(".")[1]


def owner_of(name: str) -> str | None:
    """The module that ``impasto.room.module.name`` belongs to; None outside the package."""
    while name.startswith("impasto"):
        if name in modules():
            return name
        name = name.rpartition(".")[0]
    return None


@cache
def imports(module: str) -> frozenset[str]:
    """Modules of the package that a module imports, within functions too, but not for type checkers alone.

    A module named by a string, as cyclopts and `import_module` take it, counts; the table of `impasto` itself, whose
    modules are loaded when a name of theirs is used, does not.
    """
    names = set[str]()
    for node in _nodes_that_run(tree(module)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{'.' * node.level}{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and module != "impasto":
            name = node.value.partition(":")[0]
            if name in modules() and modules()[name].name != "__init__.py":  # packages are named as places of data
                names.add(name)
    return frozenset(owner for owner in map(owner_of, names) if owner is not None and owner != module)


def room_imports() -> Counter[tuple[str, str]]:
    """How many imports lead from one room to another."""
    pairs = ((room(module), room(name)) for module in modules() if module != "impasto" for name in imports(module))
    return Counter(pair for pair in pairs if pair[0] != pair[1])


def _nodes_that_run(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a tree but those under ``if TYPE_CHECKING:``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            for other in child.orelse:
                yield from _nodes_that_run(other)
            continue
        yield child
        yield from _nodes_that_run(child)
