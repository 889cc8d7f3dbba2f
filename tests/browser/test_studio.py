"""The studio's page in Chromium, used as people use it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hands import (
    call,
    choose,
    download,
    drop,
    look_at,
    paint,
    set_option,
    set_slider,
    stroke,
    until,
    wait_done,
    wait_preview,
)
from PIL import Image
from studio_server import SMALL, Page, Server, show

from impasto.errors import InputError
from impasto.images.reading import load_picture, read_record
from impasto.options.recipes import load_recipe

LONG = 4000  # steps: more than any test waits for
SAMPLES = Path(__file__).parents[2] / "src" / "impasto" / "inputs" / "samples"


@pytest.fixture
def photo(folder_with_pictures: Path) -> Path:
    return folder_with_pictures / "photo.png"


@pytest.fixture
def painting(folder_with_pictures: Path) -> Path:
    return folder_with_pictures / "painting.png"


def state(page: Page, job: str) -> str:
    return str(call(page, "view", job)["state"])


def wait_state(page: Page, job: str, wanted: str) -> None:
    for _ in range(600):
        if state(page, job) == wanted:
            return
        page.wait_for_timeout(100)
    pytest.fail(f"the job is {state(page, job)}, never {wanted}")


def test_kept_detail_is_the_recipes_until_it_is_moved(page: Page, photo: Path, tmp_path: Path) -> None:
    choose(page, photo)
    page.click("#more > summary")
    slider, usual = page.locator("#keep_detail"), str(load_recipe("painterly")["keep_detail"]).removesuffix(".0")
    assert slider.input_value() == page.locator("#keep_detail-shown").inner_text() == usual
    page.select_option("#recipe", "pixels")
    assert slider.input_value() == "0"
    page.select_option("#recipe", "painterly")
    assert slider.input_value() == usual
    set_slider(page, "keep_detail", 0)
    paint(page)
    wait_done(page)
    assert read_record(download(page, "png", tmp_path))["options"]["keep_detail"] == 0


def test_upload_paint_download_and_replay(page: Page, photo: Path, tmp_path: Path) -> None:
    assert page.locator("#paint").is_disabled()
    choose(page, photo)
    job = paint(page)
    wait_done(page)
    assert state(page, job) == "done"
    pixels, files = {}, {}
    for suffix in ("png", "jpg", "webp", "tif"):
        file = files[suffix] = download(page, suffix, tmp_path)
        assert file.suffix == f".{suffix}"
        assert read_record(file)["inputs"]["content"]["name"] == "photo.png"  # type: ignore[index]
        pixels[suffix] = load_picture(file).samples
    assert np.array_equal(pixels["png"], pixels["tif"])
    again = tmp_path / "again.png"
    command = [sys.executable, "-m", "impasto", "replay", "-q", "-o", str(again)]
    subprocess.run([*command, str(files["png"]), str(photo), str(SAMPLES / "flow.jpg")], check=True)
    assert np.array_equal(load_picture(again).samples, pixels["png"])


def test_the_picture_appears_while_it_is_painted(page: Page, photo: Path) -> None:
    choose(page, photo, steps=LONG)
    job = paint(page)
    first = wait_preview(page)
    until(page, f"document.getElementById('after').getAttribute('src') !== '{first}'")
    assert page.locator("#paint").inner_text() == "Stop"
    assert "Painting" in page.locator("#telling").inner_text()
    page.click("#details > summary")
    page.wait_for_selector("#curve path", state="attached")
    page.click("#paint")
    wait_done(page)
    assert state(page, job) == "stopped"
    assert page.locator("#continue").is_visible()


def test_stop_and_continue(page: Page, photo: Path) -> None:
    choose(page, photo, steps=70)
    job = paint(page)
    wait_preview(page)
    page.click("#paint.stop")
    wait_done(page)
    stopped = call(page, "view", job)
    assert stopped["state"] == "stopped"
    assert 0 < stopped["steps_done"] < stopped["steps"]
    page.click("#continue")
    until(page, "document.getElementById('telling').textContent.includes('painted in')")
    done = call(page, "view", job)
    assert done["state"] == "done"
    assert not page.locator("#continue").is_visible()


def test_the_strength_steers_the_painting_in_hand(page: Page, photo: Path, tmp_path: Path) -> None:
    choose(page, photo, steps=LONG)
    job = paint(page)
    wait_preview(page)
    page.check("#steer-on")
    set_slider(page, "strength", 85)
    set_slider(page, "colors", 40)
    assert page.locator("#paint").inner_text() == "Stop", "it is the same painting"
    page.wait_for_timeout(1500)
    page.click("#paint.stop")
    wait_done(page)
    assert state(page, job) == "stopped"
    record = read_record(download(page, "png", tmp_path))
    ended: dict[str, float] = {}
    for change in record["steered"]:  # type: ignore[attr-defined]
        ended |= change["options"]
    assert ended == {"strength": 85, "color_strength": 40}
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.locator("#strength").input_value() == "85"
    assert page.locator("#colors").input_value() == "40"


def test_before_and_after(page: Page, photo: Path) -> None:
    choose(page, photo)
    paint(page)
    wait_done(page)
    page.click("#compare-on")
    clip = "getComputedStyle(document.getElementById('after')).clipPath"
    assert page.evaluate(clip) == "inset(0px 0px 0px 50%)"
    page.focus("#compare")
    page.keyboard.press("End")
    assert page.evaluate(clip) == "inset(0px 0px 0px 100%)"
    box = page.locator("#frame").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 40, steps=4)
    page.mouse.up()
    assert page.evaluate("Number(document.getElementById('compare').value)") == pytest.approx(25, abs=1)
    page.click("#compare-on")
    assert page.evaluate(clip) == "none"
    page.click("#full-on")
    page.click("#full-fit")
    assert page.evaluate("document.getElementById('full-picture').naturalWidth") == 64
    assert page.locator("#full-picture").bounding_box()["width"] == 64
    page.keyboard.press("Escape")
    assert not page.locator("#full").is_visible()


def test_two_paintings_in_two_regions(page: Page, photo: Path, painting: Path, server: Server) -> None:
    choose(page, photo, painting, SAMPLES / "flow.jpg")
    assert page.locator(".painting .where").all_inner_texts() == ["50 %", "50 %"]
    page.click("#brush-open")
    set_slider(page, "brush-size", 80)
    stroke(page, (0.05, 0.2), (0.95, 0.2))
    assert page.locator(".painting .where").all_inner_texts() == ["everywhere else", "where brushed"]
    page.click("#brush-done")
    job = paint(page)
    wait_done(page)
    view = call(page, "view", job)
    assert (view["state"], view["error"]) == ("done", None)
    (region,) = view["request"]["regions"]
    assert [choice["path"] for choice in region["paintings"]] == ["flow.jpg"]
    assert len(view["request"]["paintings"]) == 1
    mask = np.asarray(Image.open(server.folder / "uploads" / region["mask"]).convert("L"))
    assert mask.shape == (48, 60)
    assert mask[10, 30] > 250
    assert mask[40, 30] < 5
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.locator(".painting .where").all_inner_texts() == ["everywhere else", "where brushed"]


def test_brush_by_keyboard_undo_and_a_part_that_stays_the_photo(page: Page, photo: Path) -> None:
    choose(page, photo)
    page.click("#brush-open")
    wheres = page.locator(".painting .where")
    page.focus("#brush")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    assert wheres.all_inner_texts() == ["everywhere else"]
    page.click("#brush-undo")
    assert wheres.all_inner_texts() == ["everywhere"]
    page.set_input_files("#mask-file", {"name": "half.png", "mimeType": "image/png", "buffer": half_white()})
    until(page, "document.querySelector('.where').textContent === 'everywhere else'")
    page.click("#brush-clear")
    assert wheres.all_inner_texts() == ["everywhere"]


def half_white() -> bytes:
    import io

    pixels = np.zeros((20, 20), np.uint8)
    pixels[:, :10] = 255
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def test_a_pastiche_dropped_brings_its_settings_back(page: Page, photo: Path, tmp_path: Path) -> None:
    choose(page, photo)
    set_slider(page, "strength", 71)
    set_option(page, "tv_weight", "0.01")
    page.fill("#variation", "3")
    paint(page)
    wait_done(page)
    pastiche = download(page, "jpg", tmp_path)
    page.click("#anew")
    assert page.locator("#strength").input_value() == "50"
    drop(page, "#wall", pastiche)
    page.wait_for_selector(".message.note")
    assert page.locator("#strength").input_value() == "71"
    assert page.locator("#option-tv_weight").input_value() == "0.01"
    assert page.locator("#variation").input_value() == "3"
    assert page.locator("#photo-ask").inner_text() == "photo"
    assert page.locator(".painting .name").all_inner_texts() == ["flow"]
    job = paint(page)
    wait_done(page)
    done = call(page, "view", job)
    assert (done["state"], max(done["size"])) == ("done", 64), "the size is that of the pastiche"


def test_two_tabs_one_queue(open_page: Callable[..., Page], photo: Path, painting: Path) -> None:
    first, second = open_page(), open_page()
    choose(first, photo, steps=LONG)
    running = paint(first)
    wait_preview(first)
    choose(second, photo, painting)
    waiting = paint(second)
    until(second, "document.getElementById('telling').textContent === 'Waiting: it is next'")
    show(second, "queue")
    first.close()
    assert state(second, running) == "painting", "a tab that is closed must not end its job"
    look_at(second, running)
    wait_preview(second)
    second.click("#paint.stop")
    wait_done(second)
    wait_state(second, waiting, "done")
    look_at(second, waiting)
    until(second, "document.getElementById('telling').textContent.includes('painted in')")


def test_reload_finds_the_running_job(page: Page, photo: Path) -> None:
    choose(page, photo, steps=LONG)
    set_slider(page, "strength", 30)
    job = paint(page)
    wait_preview(page)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    wait_preview(page)
    assert page.evaluate("location.hash") == f"#{job}"
    assert page.locator("#strength").input_value() == "30"
    assert page.locator("#paint").inner_text() == "Stop"
    page.click("#paint")
    wait_done(page)
    assert state(page, job) == "stopped"


def test_a_restart_of_the_studio(
    start_server: Callable[..., Server], open_page: Callable[..., Page], photo: Path
) -> None:
    server = start_server(*SMALL)
    page = open_page(server.url)
    choose(page, photo, steps=70)
    job = paint(page)
    wait_preview(page)
    assert server.stop() == 0
    page.wait_for_selector("#lost")
    assert "does not answer" in page.title()
    server.start()
    page.wait_for_selector("#lost", state="hidden")
    page.wait_for_selector("#continue:not([hidden])")
    assert state(page, job) == "stopped"
    page.click("#continue")
    until(page, "document.getElementById('telling').textContent.includes('painted in')")
    assert state(page, job) == "done"
    assert not list((server.folder / "uploads").glob("*.part")), "parts of uploads stay behind"


def test_bad_uploads_end_in_the_command_lines_words(page: Page, folder_with_pictures: Path) -> None:
    (folder_with_pictures / "text.jpg").write_text("no picture at all")
    with pytest.raises(InputError) as refused:
        load_picture("text.jpg")
    page.set_input_files("#photo-file", folder_with_pictures / "text.jpg")
    assert page.locator(".message span").inner_text() == str(refused.value)
    page.click(".message button")

    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (900, 900, 3), np.uint8)).save(folder_with_pictures / "large.png")
    page.set_input_files("#painting-file", folder_with_pictures / "large.png")
    assert "more bytes than the 2000000 that may be uploaded" in page.locator(".message span").inner_text()
    page.click(".message button")

    Image.new("RGB", (2000, 1000)).save(folder_with_pictures / "wide.png")
    with pytest.raises(InputError) as refused:
        load_picture("wide.png", max_pixels=1_000_000)
    page.set_input_files("#photo-file", folder_with_pictures / "wide.png")
    words = page.locator(".message span").inner_text()
    assert words.startswith(str(refused.value).partition(", or raise max_pixels")[0])
    assert words.endswith(", or start the studio with a larger --max-pixels")
    show(page, "bad-upload")
    assert page.locator("#frame").is_hidden(), "nothing else has changed"


def test_a_wrong_option_ends_in_one_line(page: Page, photo: Path) -> None:
    choose(page, photo)
    set_option(page, "tv_weight", "much")
    page.click("#paint")
    text = page.locator(".message span").inner_text()
    assert "tv_weight" in text
    assert "'much'" in text
    assert page.locator("#paint").is_enabled()


def test_grid_and_final_are_jobs_of_the_queue(page: Page, photo: Path) -> None:
    choose(page, photo)
    job = paint(page)
    wait_done(page)
    larger = call(page, "final", job, 96)["id"]
    page.click("#further > summary")
    page.click("#grid-open")
    page.click("#grid-order")
    until(page, f"location.hash !== '#{job}'")
    until(page, "document.getElementById('after').alt.startsWith('Grid')")
    wait_done(page)
    show(page, "grid")
    look_at(page, larger)
    wait_done(page)
    assert max(call(page, "view", larger)["size"]) == 96
    page.click("#further > summary")
    page.click("#remove")
    page.wait_for_selector(f"[data-job='{larger}']", state="detached")


def test_two_thousand_quick_clicks(page: Page, photo: Path) -> None:
    choose(page, photo)
    page.evaluate("""async () => {
        for (let click = 0; click < 2000; click++) {
            document.getElementById("paint").click();
            if (click % 20 === 0) await new Promise((done) => setTimeout(done, 5));
        }
    }""")
    until(page, "!document.getElementById('paint').disabled")
    page.click("#anew")
    choose(page, photo)
    job = paint(page)
    page.wait_for_selector("#download:not([hidden])", timeout=120_000)
    assert state(page, job) == "done"
    for other in call(page, "history"):
        call(page, "remove", other["id"])
    assert call(page, "history") == []
