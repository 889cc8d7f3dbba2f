"""Requests that follow from another, and their paths."""

from __future__ import annotations

from pathlib import Path

from impasto.studio.request import GRID_SIZE_PX, GridAxis, PaintingChoice, RegionChoice, Request


def test_a_grid_defaults_to_a_small_size() -> None:
    request = Request(photo=Path("photo.png"), options={"size_px": 2000, "strength": 10, "tv_weight": 0.5})
    assert request.as_grid().cell_options == {"size_px": GRID_SIZE_PX, "tv_weight": 0.5}
    small = request.model_copy(update={"options": {"size_px": 100}})
    assert small.as_grid().cell_options == {"size_px": 100}
    sizes = GridAxis(name="size_px", values=(500, 900))
    assert "size_px" not in request.as_grid((sizes,)).cell_options


def test_the_cells_of_a_grid_are_requests_row_by_row() -> None:
    paintings = tuple(PaintingChoice(path=Path(name), weight=0.5) for name in ("a.png", "b.png"))
    region = RegionChoice(mask=Path("m.png"))
    request = Request(photo=Path("p.png"), paintings=paintings, regions=(region,), options={"size_px": 900})
    axes = (GridAxis(name="painting"), GridAxis(name="strength", values=(20, 80)))
    cells = request.as_grid(axes).cells()
    assert [(cell.paintings[0].path.name, cell.options["strength"]) for cell in cells] == [
        ("a.png", 20), ("a.png", 80), ("b.png", 20), ("b.png", 80),
    ]  # fmt: skip
    assert {(cell.kind, cell.options["size_px"], cell.regions) for cell in cells} == {("paint", 900, (region,))}
    blend = request.as_grid((GridAxis(name="brush_scale", values=(0.5, 2)), axes[1])).cells()
    assert {cell.paintings for cell in blend} == {paintings}, "a mixture stays one"


def test_a_grid_of_version_0_1_0_is_read() -> None:
    old = {"photo": "p.png", "paintings": [{"path": "a.png"}], "kind": "grid", "strengths": [25.0, 75.0]}
    assert Request.model_validate(old).axes == (
        GridAxis(name="painting"), GridAxis(name="strength", values=(25.0, 75.0)),
    )  # fmt: skip
    assert Request.model_validate(old | {"kind": "paint"}).axes == ()


def test_every_path_of_a_request_is_converted() -> None:
    def choice(name: str) -> PaintingChoice:
        return PaintingChoice(path=Path(name), weight=2, mask=Path(f"mask-{name}"))

    request = Request(
        photo=Path("photo"),
        paintings=(choice("a"), choice("b")),
        regions=(RegionChoice(mask=Path("left"), paintings=(choice("c"),), strength=3), RegionChoice(mask=None)),
        options={"starting_point": "start.png", "color": "palette:dusk", "strength": 5},
    )
    moved = request.with_paths(lambda path: Path("store") / path)
    assert set(moved.files) == {Path("store") / path for path in request.files}
    names = {str(path) for path in request.files}
    assert names == {"photo", "a", "mask-a", "b", "mask-b", "c", "mask-c", "left", "start.png", "dusk"}
    assert moved.with_paths(lambda path: path.relative_to("store")) == request
    named = request.model_copy(update={"options": {"starting_point": "gray", "color": "photo"}})
    assert named.with_paths(lambda path: Path("store") / path).options == named.options
