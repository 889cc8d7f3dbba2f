"""Draw docs/pictures/architecture.svg, the rooms and their imports: ``python tools/architecture_picture.py``."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator
from pathlib import Path

from import_graph import room_imports

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs/pictures/architecture.svg"
CELL_PX, LEFT_PX, TOP_PX, RIGHT_PX, BOTTOM_PX = 32, 96, 84, 56, 16
INK, FAINT, PALE, DOT = "#333333", "#777777", "#e8e4dc", "#3b6ea5"
LEGEND = (
    "A dot: the room of this row",
    "imports from the room of this column.",
    "A larger dot: more imports.",
    "",
    "No dot is left of the diagonal:",
    "no import runs upward.",
)


def draw() -> str:
    """The picture as SVG: rooms from the top down, a dot where a row's room imports from a column's."""
    rooms = rooms_from_the_top()
    side = CELL_PX * len(rooms)
    width, height = LEFT_PX + side + RIGHT_PX, TOP_PX + side + BOTTOM_PX
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="14">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *_grid(rooms, LEFT_PX + side),
        *_dots({room: index for index, room in enumerate(rooms)}),
        *(
            f'<text x="24" y="{height - 24 - 20 * (len(LEGEND) - 1 - line)}" fill="{FAINT}">{text}</text>'
            for line, text in enumerate(LEGEND)
        ),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def rooms_from_the_top() -> list[str]:
    """The rooms in the order of the layers contract."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    return [room for contract in contracts for row in contract.get("layers", ()) for room in row.split(" | ")]


def _grid(rooms: list[str], right_px: int) -> Iterator[str]:
    """For every room its name, its square on the diagonal, and lines from there to the right and up."""
    for index, room in enumerate(rooms):
        x, y = LEFT_PX + index * CELL_PX, TOP_PX + index * CELL_PX
        column, row = x + CELL_PX / 2, y + CELL_PX / 2
        yield f'<path d="M{column} {TOP_PX}V{row}H{right_px}" fill="none" stroke="{PALE}"/>'
        yield f'<rect x="{x + 4}" y="{y + 4}" width="{CELL_PX - 8}" height="{CELL_PX - 8}" rx="3" fill="{PALE}"/>'
        yield f'<text x="{x - 2}" y="{row + 5}" text-anchor="end" fill="{INK}">{room}</text>'
        turn = f"rotate(-45 {column} {TOP_PX - 8})"
        yield f'<text x="{column}" y="{TOP_PX - 8}" transform="{turn}" fill="{INK}">{room}</text>'


def _dots(places: dict[str, int]) -> Iterator[str]:
    counts = room_imports()
    for (importer, imported), count in sorted(counts.items()):
        x = LEFT_PX + (places[imported] + 0.5) * CELL_PX
        y = TOP_PX + (places[importer] + 0.5) * CELL_PX
        radius = 3.5 + 7.5 * math.sqrt(count / max(counts.values()))
        title = f"<title>{importer} imports from {imported}: {count}</title>"
        yield f'<circle cx="{x}" cy="{y}" r="{radius:.1f}" fill="{DOT}">{title}</circle>'


if __name__ == "__main__":
    TARGET.write_text(draw(), encoding="utf-8")
    print(TARGET)
