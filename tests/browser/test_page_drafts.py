"""Drafts on the page: at once and unasked, after whatever painting is chosen, until there is something better."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hands import call, choose, drop, paint, set_option, set_slider, stroke, until, wait_done, wait_preview
from looks import FAINT, LOOKS, SAMPLES, UNNAMED
from matplotlib.cbook import get_sample_data
from PIL import Image
from studio_server import Page, Server, show

from impasto.images.reading import read_record

LONG = 4000  # steps: more than any test waits for
TAG = "document.getElementById('draft-tag')"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Another one for every test, so that no draft of it is kept already."""
    seed = np.frombuffer(str(tmp_path).encode(), np.uint8)
    pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    Image.fromarray(pixels).resize((80, 60), Image.Resampling.BICUBIC).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def wait_draft(page: Page, painting: str) -> None:
    """Wait until the draft after a painting is seen, marked as what it is."""
    until(page, f"!{TAG}.hidden && {TAG}.textContent === 'Draft · {painting}'")
    assert page.locator("#draft").is_visible()
    assert page.evaluate("document.getElementById('draft').naturalWidth") == 64


def draft_files(server: Server) -> set[Path]:
    """The drafts that a studio keeps."""
    return set((server.folder / "drafts").glob("*.jpg"))


def draft_record(page: Page, server: Server) -> dict:  # type: ignore[type-arg]
    """The record of the draft that is seen."""
    address = page.locator("#draft").get_attribute("src")
    return read_record(server.folder / "drafts" / address.rsplit("/", 1)[1])


def wait_option(page: Page, server: Server, name: str, value: float) -> None:
    """Wait until the draft that is seen was made with an option."""
    for _ in range(600):
        if draft_record(page, server)["options"][name] == value:
            return
        page.wait_for_timeout(100)
    pytest.fail(f"{name} of the draft is never {value}")


def test_a_draft_appears_unasked_and_gives_way_to_the_picture(page: Page, photo: Path, server: Server) -> None:
    choose(page, photo, steps=LONG)
    wait_draft(page, "flow")
    assert page.locator("#paint").inner_text() == "Paint"
    assert page.locator("#telling").inner_text() == "A draft. With Paint come: steps."
    assert draft_record(page, server)["inputs"]["content"]["name"] == "photo.png"
    drawn = page.locator("#draft").get_attribute("src")
    paint(page)
    assert page.locator("#draft").get_attribute("src") == drawn, "it stays until there is something better"
    wait_preview(page)
    assert page.locator("#draft-tag").is_hidden()
    page.click("#paint.stop")
    wait_done(page)
    assert page.locator("#draft").is_hidden()
    assert page.locator("#telling").inner_text().endswith("s")


def test_the_draft_stays_while_what_is_painted_is_coarser(page: Page, photo: Path) -> None:
    choose(page, photo, steps=LONG)
    set_option(page, "medium", "pixels")  # the one that begins with small pictures
    set_option(page, "min_scale_px", "16")
    wait_draft(page, "flow")
    id = paint(page)
    for _ in range(600):
        if call(page, "view", id)["preview"]:
            break
        page.wait_for_timeout(100)
    page.wait_for_timeout(1500)
    assert page.locator("#after").is_hidden() and page.locator("#draft").is_visible()
    assert page.locator("#draft-tag").inner_text() == "Draft · flow"
    assert page.locator("#telling").inner_text().startswith("Painting")
    page.click("#shelf [title='wash.jpg']")
    wait_draft(page, "wash")
    page.click("#shelf [title='flow.jpg']")
    wait_draft(page, "flow")
    page.click("#paint.stop")
    wait_done(page)
    wait_preview(page)  # however small, it is the picture now
    assert page.locator("#draft").is_hidden()


def test_paging_through_twenty_paintings(page: Page, photo: Path, server: Server, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    files = []
    for number in range(20):
        files.append(tmp_path / f"painting {number}.png")
        Image.fromarray(rng.integers(0, 255, (48, 48, 3), np.uint8)).save(files[-1])
    page.set_input_files("#photo-file", photo)
    page.set_input_files("#shelf-file", files)
    page.wait_for_selector("#shelf [title='painting 19.png']")
    wait_draft(page, "painting 0")
    assert page.locator(".painting").count() == 1, "what is put on the shelf is not mixed"
    before = draft_files(server)
    page.evaluate("""() => {
        for (let click = 0; click < 19; click++) {
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
        }
    }""")
    wait_draft(page, "painting 19")
    assert 1 <= len(draft_files(server) - before) < 19, "what was only passed by is not drafted"
    assert draft_record(page, server)["inputs"]["paintings"][0]["name"] == "painting 19.png"
    page.keyboard.press("ArrowRight")  # round to the first
    first = page.locator("#shelf li button").first.get_attribute("title")
    wait_draft(page, first.removesuffix(".jpg"))
    page.click("#previous")
    wait_draft(page, "painting 19")
    page.wait_for_timeout(300)
    assert page.locator("#draft-tag").inner_text() == "Draft · painting 19", "no late draft takes its place"
    page.focus("#strength")
    page.keyboard.press("ArrowRight")
    assert page.locator("#strength").input_value() == "51", "a slider keeps its keys"
    assert page.locator("#paged").inner_text() == "painting 19"


def test_many_paintings_dropped_are_put_on_the_shelf(page: Page, photo: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    files = [tmp_path / f"many {number}.png" for number in range(5)]
    for file in files:
        Image.fromarray(rng.integers(0, 255, (20, 20, 3), np.uint8)).save(file)
    page.set_input_files("#painting-file", files[:2])
    until(page, "document.querySelectorAll('.painting').length === 2")
    page.set_input_files("#painting-file", files)
    page.wait_for_selector("#shelf [title='many 4.png']")
    assert page.locator(".painting .name").all_inner_texts() == ["many 0", "many 2"], "the first new one"
    page.click("#shelf [title='many 3.png']")
    assert page.locator(".painting .name").all_inner_texts() == ["many 0", "many 3"], "the last one is replaced"
    page.hover("#shelf [title='flow.jpg']")
    page.click("[aria-label='Add flow.jpg to the mixture']")
    assert page.locator(".painting .where").all_inner_texts() == ["33 %", "33 %", "33 %"]


def test_the_shelf_is_kept_and_can_be_cleared(open_page: Callable[..., Page], photo: Path, tmp_path: Path) -> None:
    page = open_page()
    bundled = page.locator("#shelf li").count() - page.locator("#shelf .off").count()
    rng = np.random.default_rng(3)
    files = [tmp_path / f"mine {number}.png" for number in range(2)]
    for file in files:
        Image.fromarray(rng.integers(0, 255, (20, 20, 3), np.uint8)).save(file)
    page.set_input_files("#shelf-file", files)
    page.wait_for_selector("#shelf [title='mine 1.png']")
    until(page, "document.querySelectorAll('.painting').length === 1")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    titles = [item.get_attribute("title") for item in page.locator("#shelf li > :first-child").all()]
    assert titles[-2:] == ["mine 0.png", "mine 1.png"]
    page.hover("#shelf [title='mine 0.png']")
    page.click("[aria-label='Take mine 0.png off the shelf']")
    page.wait_for_selector("#shelf [title='mine 0.png']", state="detached")
    assert page.evaluate("document.activeElement.title") == "mine 1.png"
    other = open_page()
    assert other.locator("#shelf [title='mine 0.png']").count() == 0
    assert other.locator("#shelf [title='mine 1.png']").count() == 1
    assert page.locator("#shelf li").count() - page.locator("#shelf .off").count() == bundled == 6


def test_sliders_redraw_the_draft_and_what_was_drawn_comes_back(page: Page, photo: Path, server: Server) -> None:
    choose(page, photo)
    wait_draft(page, "flow")
    whole = page.locator("#draft").get_attribute("src")
    before = draft_files(server)
    for strength in (40, 30, 20, 10):
        set_slider(page, "strength", strength)
    wait_option(page, server, "strength", 20)
    weak = page.locator("#draft").get_attribute("src")
    set_slider(page, "brush_scale", 1)
    wait_option(page, server, "brush_scale", 2)
    made = draft_files(server)
    assert len(made - before) <= 5
    set_slider(page, "brush_scale", 0)
    until(page, f"document.getElementById('draft').getAttribute('src') === '{weak}'")
    set_slider(page, "strength", 50)
    until(page, f"document.getElementById('draft').getAttribute('src') === '{whole}'")
    assert draft_files(server) == made


def test_another_painting_beside_a_running_job(page: Page, photo: Path) -> None:
    choose(page, photo, steps=LONG)
    paint(page)
    wait_preview(page)
    page.click("#shelf [title='wash.jpg']")
    wait_draft(page, "wash")
    assert page.locator("#after").is_hidden()
    assert page.locator("#paint").inner_text() == "Paint"
    assert page.locator("#progress").is_hidden()
    page.click("#shelf [title='flow.jpg']")  # back to what is being painted
    wait_preview(page)
    assert page.locator("#paint").inner_text() == "Stop"
    page.check("#steer-on")
    set_slider(page, "strength", 80)
    page.wait_for_timeout(400)
    assert page.locator("#after").is_visible(), "the strength steers what is painted"
    page.click("#paint.stop")
    wait_done(page)
    page.click("#shelf [title='wash.jpg']")
    wait_draft(page, "wash")
    assert page.locator("#download").is_hidden(), "a draft is not what is downloaded"
    page.click("#shelf [title='flow.jpg']")
    wait_done(page)
    assert page.locator("#after").is_visible()


def test_regions_and_colours_are_drafted(page: Page, photo: Path, server: Server) -> None:
    choose(page, photo)
    wait_draft(page, "flow")
    page.click("#brush-open")
    assert page.locator("#draft-tag").is_hidden() and page.locator("#draft").is_hidden()
    set_slider(page, "brush-size", 80)
    stroke(page, (0.1, 0.2), (0.8, 0.2))
    page.click("#brush-done")
    set_slider(page, "colors", 60)
    wait_option(page, server, "color_strength", 60)
    record = draft_record(page, server)
    assert record["options"]["color"] == "photo"
    (region,) = record["inputs"]["regions"]
    assert (region["mask"]["name"], region["paintings"]) == ("region.png", []), "the photograph is brushed first"
    assert page.locator("#telling").inner_text() == "A draft. Paint makes the picture."
    page.click("[aria-label='Remove flow.jpg']")
    assert page.locator("#draft").is_hidden() and page.locator("#draft-tag").is_hidden()


def test_a_photo_too_narrow_to_be_painted_is_refused_at_once(page: Page, tmp_path: Path) -> None:
    Image.new("RGB", (200, 3), "red").save(tmp_path / "thin.png")
    page.set_input_files("#photo-file", tmp_path / "thin.png")
    said = page.locator(".message span").inner_text()
    assert said.startswith("thin.png is 200 × 3 px: a photo this narrow cannot be painted.")
    assert page.locator("#frame").is_hidden(), "it is not taken"


def test_a_photo_that_cannot_be_drafted_is_reported_once(page: Page, tmp_path: Path) -> None:
    Image.new("RGB", (200, 7), "red").save(tmp_path / "low.png")
    choose(page, tmp_path / "low.png")
    assert "the stylizer needs 16 px a side" in page.locator(".message span").inner_text()
    page.click("#shelf [title='wash.jpg']")
    page.wait_for_timeout(500)
    assert page.locator(".message").count() == 1
    assert page.locator("#draft-tag").is_hidden()


def test_a_style_file_is_a_painting(page: Page, photo: Path, tmp_path: Path) -> None:
    import impasto

    impasto.save_style(SAMPLES / "wash.jpg", tmp_path / "mine.style")
    page.set_input_files("#photo-file", photo)
    page.wait_for_selector("#frame:not([hidden])")
    drop(page, "#wall", tmp_path / "mine.style")
    wait_draft(page, "mine")
    assert page.locator(".painting .style-file").inner_text() == "mine"
    show(page, "style-file")
    job = paint(page)
    wait_done(page)
    (choice,) = call(page, "view", job)["request"]["paintings"]
    assert choice["path"].endswith(".style")
    (tmp_path / "broken.style").write_bytes((tmp_path / "mine.style").read_bytes()[:5000])
    drop(page, "#painting-drop", tmp_path / "broken.style")
    assert "'broken.style'" in page.locator(".message span").inner_text()


@pytest.mark.parametrize(("width", "height", "scheme"), LOOKS)
def test_how_drafts_look(open_page: Callable[..., Page], width: int, height: int, scheme: str) -> None:
    page = open_page(width=width, height=height, scheme=scheme)
    kind = "phone" if width < 500 else "desktop"

    def look(state: str) -> None:
        page.wait_for_timeout(150)
        show(page, f"{kind}-{scheme}-draft-{state}")
        assert page.evaluate(UNNAMED) == []
        assert page.evaluate(FAINT) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "it must not scroll sideways"

    choose(page, Path(get_sample_data("grace_hopper.jpg", asfileobj=False)), steps=LONG)
    set_option(page, "min_scale_px", "256")
    page.fill("#exact", "512")
    page.click("#more > summary")
    page.evaluate("scrollTo(0, 0)")
    page.click("#shelf [title='shards.jpg']")
    until(page, f"{TAG}.textContent === 'Draft · shards'")
    look("1-chosen")
    page.keyboard.press("ArrowRight")
    until(page, f"{TAG}.textContent === 'Draft · wash'")
    set_slider(page, "colors", 50)
    page.wait_for_timeout(300)
    until(page, f"{TAG}.textContent === 'Draft · wash'")
    look("2-paged")
    paint(page)
    look("3-pressed")
    wait_preview(page)
    look("4-painting")
    page.click("#next")
    until(page, f"{TAG}.textContent === 'Draft · woodcut'")
    look("5-another-meanwhile")
    page.click("#previous")
    page.click("#paint.stop")
    wait_done(page)
