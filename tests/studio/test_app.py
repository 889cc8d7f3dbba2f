"""The API as the page uses it, without a server; files that the server sends."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest
from studio_stores import DraftingStore

from impasto.errors import InputError, OptionError

pytest.importorskip("starlette", reason="the studio needs the extra 'studio'")

from impasto.studio.app import PIECE_BYTES, StudioApi, in_one_line, in_pieces

DOCS = Path(__file__).parents[2] / "docs/studio.md"


@pytest.fixture
def api(drafting: DraftingStore, tmp_path: Path) -> StudioApi:
    (tmp_path / "uploading").mkdir()
    limits = {"max_upload_bytes": 10**6, "max_pixels": 10**6}
    return StudioApi(drafting.store, tmp_path / "store", tmp_path / "uploading", limits, {"threads": 1})


def test_every_function_is_documented(api: StudioApi) -> None:
    rows = [line.split("|")[1] for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| `/")]
    assert set(api.functions) == set(re.findall(r"`/(\w+)`", "".join(rows)))


def test_a_job_is_described_with_names_and_without_paths(api: StudioApi, drafting: DraftingStore) -> None:
    request = {"photo": drafting.photo.name, "paintings": [{"path": "flow.jpg"}], "options": {"strength": 30}}
    job_id = api.paint(request)
    drafting.painting.set()
    while (view := api.view(job_id, losses=True))["state"] != "done":
        threading.Event().wait(0.01)
    assert view["request"]["photo"] == drafting.photo.name
    assert view["request"]["paintings"][0]["path"] == "flow.jpg"
    assert view["request"]["titles"] == {drafting.photo.name: "a lion.png", "flow.jpg": "flow.jpg"}
    assert (view["kind"], view["title"], view["steps_done"], view["position"]) == ("paint", "a lion + flow", 3, None)
    assert (view["can_go_on"], view["resumable"], view["error"], view["notices"]) == (False, False, None, ())
    assert [step for step, _ in view["losses"]] == [1, 2, 3]
    assert view["picture"].startswith(f"/jobs/{job_id}/picture.png?") and view["preview"] is None
    assert str(drafting.photo.parent) not in json.dumps(view)
    assert api.history() == [{name: view[name] for name in api.history()[0]}]
    assert api.job_file(job_id, "picture.png").read_bytes() == b"a picture"
    for name in ("preview.jpg", "job.json", "../job.json"):
        with pytest.raises(OptionError, match="there is no"):
            api.job_file(job_id, name)


def test_only_what_was_uploaded_is_added(api: StudioApi, folder_with_pictures: Path) -> None:
    (folder_with_pictures / "uploading/one").mkdir()
    upload = (folder_with_pictures / "photo.png").rename(folder_with_pictures / "uploading/one/photo.png")
    added = api.add({"path": str(upload), "orig_name": "holiday.png"})
    assert (added["title"], added["width"], added["height"], added["pastiche"]) == ("holiday.png", 60, 48, False)
    assert not upload.parent.exists()
    assert api.measure(added["name"]) == {name: added[name] for name in ("name", "title", "width", "height")}
    for path in (
        str(folder_with_pictures / "painting.png"),
        str(folder_with_pictures / "uploading/../painting.png"),
        "",
    ):
        with pytest.raises(InputError, match="has not been uploaded"):
            api.add({"path": path, "orig_name": "x.png"})
    with pytest.raises(OptionError, match="there is no picture"):
        api.measure("../studio.lock")


def test_errors_are_one_line(api: StudioApi) -> None:
    class PageError(Exception):
        def __init__(self, line: str, print_exception: bool) -> None:
            super().__init__(line)

    paint = in_one_line(api.paint, PageError)
    with pytest.raises(
        PageError, match=r"^the request cannot be used: paintings.*weight.*: input should be greater than 0"
    ):
        paint({"photo": None, "paintings": [{"path": "flow.jpg", "weight": 0}]})
    with pytest.raises(PageError, match=r"^nothing to paint: add a photo and a painting$"):
        paint({"photo": None})


def test_a_picture_replaced_while_it_is_sent_arrives_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(bytes(PIECE_BYTES) + b"old")
    (tmp_path / "newer.png").write_bytes(b"new")
    opened = (tmp_path / "picture.png").open("rb")
    pieces = in_pieces(opened)
    first = next(pieces)
    (tmp_path / "newer.png").replace(tmp_path / "picture.png")
    assert (len(first), b"".join(pieces), opened.closed) == (PIECE_BYTES, b"old", True)
