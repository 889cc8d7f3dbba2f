"""Requests that follow from another, and their paths."""

from __future__ import annotations

from pathlib import Path

from impasto.studio.request import GRID_SIZE_PX, PaintingChoice, RegionChoice, Request


def test_a_grid_defaults_to_a_small_size() -> None:
    request = Request(photo=Path("photo.png"), options={"size_px": 2000, "strength": 10, "tv_weight": 0.5})
    assert request.as_grid().options == {"size_px": GRID_SIZE_PX, "tv_weight": 0.5}
    assert request.model_copy(update={"options": {"size_px": 100}}).as_grid().options == {"size_px": 100}


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


def test_what_a_grid_leaves_out_is_told() -> None:
    paintings = tuple(PaintingChoice(path=Path(name)) for name in ("a.png", "b.png"))
    region = RegionChoice(mask=Path("m.png"))
    request = Request(photo=Path("p.png"), paintings=paintings, regions=(region,))
    assert request.left_out_of_grid == (
        "the part that stays the photo",
        "the mixture: each painting has a row of its own",
    )
    assert Request(photo=Path("p.png"), paintings=paintings[:1]).left_out_of_grid == ()
    painted = region.model_copy(update={"paintings": paintings[:1]})
    assert Request(photo=Path("p.png"), paintings=paintings[:1], regions=(painted,)).left_out_of_grid == (
        "the regions",
    )
