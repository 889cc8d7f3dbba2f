"""The picture of the rooms is as the source is."""

from __future__ import annotations

import re

import architecture_picture
from import_graph import imports, modules, owner_of, room_imports

DOT = re.compile(r"<title>(\w+) imports from (\w+): \d+</title>")


def test_the_picture_shows_every_import_between_rooms() -> None:
    shown = set(DOT.findall(architecture_picture.TARGET.read_text(encoding="utf-8")))
    assert shown == set(room_imports()), "make docs-pictures draws it anew"


def test_a_dot_stands_in_the_row_of_the_importer() -> None:
    drawn = architecture_picture.draw()
    (x, y) = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" [^>]*><title>cli imports from studio', drawn)[0]
    rooms = architecture_picture.rooms_from_the_top()
    assert rooms[:3] == ["__main__", "cli", "studio"]
    cell = architecture_picture.CELL_PX
    assert (float(x) - architecture_picture.LEFT_PX) // cell == 2
    assert (float(y) - architecture_picture.TOP_PX) // cell == 1


def test_every_kind_of_import_is_read() -> None:
    assert "impasto.cli.main" in imports("impasto.__main__")
    assert "impasto.cli.draft" in imports("impasto.cli.commands"), "a command that is named by a string"
    assert "impasto.images.reading" in imports("impasto.cli.paint"), "an import within a function"
    assert "impasto.runs.run" not in imports("impasto.cli.output"), "an import for type checkers alone"
    assert imports("impasto") == {"impasto.version", "impasto.storage.forking"}, (
        "what its table names is loaded when it is used"
    )
    assert owner_of("impasto.errors.OptionError") == "impasto.errors"
    assert owner_of("numpy.typing") is None
    assert "impasto.cli" in modules()
