"""What a draft shows of a request."""

from __future__ import annotations

import pytest
from studio_stores import DraftingStore

from impasto.errors import OptionError
from impasto.studio.draft_request import DRAFT_PX, WHOLE_FROM, reduce_to_draft
from impasto.studio.request import PaintingChoice, RegionChoice


def test_what_a_draft_takes_of_a_request_and_what_it_leaves_out(drafting: DraftingStore) -> None:
    first, second = (PaintingChoice(path=path) for path in drafting.paintings[:2])
    plain = drafting.request(tv_weight="half typed", steps="nonsense")
    assert reduce_to_draft(plain, {})[0] == reduce_to_draft(drafting.request(), {})[0], "a draft has no such options"
    assert reduce_to_draft(plain, {})[1] == ("tv weight, steps",)
    assert reduce_to_draft(drafting.request(), {})[1] == ()
    many = drafting.request(variation=3, tv_weight=0.5, steps="9", tile_px=512).model_copy(update={"recipe": "pixels"})
    assert reduce_to_draft(many, {})[1] == ("the recipe 'pixels'", "another try", "tv weight, steps and 1 more option")
    assert reduce_to_draft(drafting.request(steps="9"), {"steps": 9})[1] == (), "every painting starts from it"
    regions = RegionChoice(mask=None), RegionChoice(mask=None, paintings=(second,), strength=WHOLE_FROM / 5)
    asked = drafting.request(color="photo", color_strength=30, keep_detail=40)
    shown, left_out = reduce_to_draft(asked.model_copy(update={"paintings": (), "regions": regions}), {})
    assert shown.paintings == ()
    assert [region.strength for region in shown.regions] == [None, 20]
    assert (shown.options["color"], shown.options["color_strength"]) == ("photo", 30)
    assert left_out == ("kept detail",)
    masked = first.model_copy(update={"mask": drafting.photo})
    assert reduce_to_draft(drafting.request().model_copy(update={"paintings": (masked,)}), {})[0].paintings == (masked,)
    with pytest.raises(OptionError, match="at least one painting"):
        reduce_to_draft(drafting.request().model_copy(update={"paintings": (), "regions": regions[:1]}), {})


@pytest.mark.parametrize(("strength", "expected"), [(0, 0), (WHOLE_FROM / 2, 50), (WHOLE_FROM, 100), (100, 100)])
def test_the_strength_of_a_painting_as_that_of_its_draft(
    drafting: DraftingStore, strength: float, expected: float
) -> None:
    assert reduce_to_draft(drafting.request(strength=strength), {})[0].options["strength"] == expected
    assert reduce_to_draft(drafting.request(), {"strength": strength})[0].options["strength"] == expected


@pytest.mark.parametrize(("asked", "expected"), [(None, DRAFT_PX), (4096, DRAFT_PX), (200, 200)])
def test_drafts_are_small(drafting: DraftingStore, asked: int | None, expected: int) -> None:
    assert reduce_to_draft(drafting.request(size_px=asked), {})[0].options["size_px"] == expected
