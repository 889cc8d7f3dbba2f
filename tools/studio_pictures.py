"""Take the pictures of docs/studio.md: the studio used in Chromium, with the bundled paintings and a free photo."""

import argparse
import io
import subprocess
import sys
import tempfile
from pathlib import Path

from matplotlib.cbook import get_sample_data
from PIL import Image
from playwright.sync_api import sync_playwright

PORT = 7899
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
MAX_BYTES = 300_000


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/pictures"), help="the folder to write to")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="the browser")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "impasto", "studio", "--no-browser", "--folder", folder, "--port", str(PORT)]
        server = subprocess.Popen([*command, "--size", "512"], stdout=subprocess.PIPE, text=True)
        try:
            server.stdout.readline()
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=args.chromium, args=FLAGS)
                take(browser, args.output)
                browser.close()
        finally:
            server.terminate()
            server.wait()


def take(browser, output):
    """Use the page and keep pictures on the way."""
    page = open_page(browser, 1280, 800, "light")
    page.set_input_files("#photo-file", get_sample_data("grace_hopper.jpg", asfileobj=False))
    page.wait_for_selector("#frame:not([hidden])")
    page.click("#shelf [title='flow.jpg']")
    page.wait_for_selector("#draft-tag:has-text('Draft · flow')", timeout=60_000)
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#draft-tag:has-text('Draft · '):not(:has-text('flow'))", timeout=60_000)
    page.wait_for_timeout(500)
    keep(page, output / "studio-draft.webp")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#draft-tag:has-text('Draft · flow')")
    page.click("#paint")
    page.wait_for_selector("#after:not([hidden])")
    page.wait_for_timeout(6000)
    keep(page, output / "studio-painting.webp")
    page.wait_for_selector("#download:not([hidden])", timeout=300_000)
    page.click("#compare-on")
    page.wait_for_timeout(500)
    keep(page, output / "studio-before-after.webp")
    page.click("#shelf [title='woodcut.jpg']")
    page.click("#brush-open")
    brush_background(page)
    keep(page, output / "studio-brush.webp")
    page.click("#brush-done")
    page.click("#paint")
    page.wait_for_timeout(2000)
    page.wait_for_selector("#download:not([hidden])", timeout=300_000)
    address = page.url
    phone = open_page(browser, 390, 844, "dark", address)
    phone.wait_for_selector("#after:not([hidden])")
    phone.locator("#stage").scroll_into_view_if_needed()
    phone.wait_for_timeout(500)
    keep(phone, output / "studio-phone.webp")


def brush_background(page):
    """Brush around the person, as a hand would."""
    box = page.locator("#brush").bounding_box()
    page.locator("#brush-size").fill("68")
    for line in (((0.02, 0.08), (0.30, 0.05), (0.10, 0.20), (0.25, 0.30), (0.02, 0.4), (0.2, 0.5), (0.02, 0.6)),
                 ((0.98, 0.05), (0.72, 0.05), (0.85, 0.2), (0.95, 0.3), (0.80, 0.4), (0.98, 0.55))):  # fmt: skip
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in line]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=10)
        page.mouse.up()
    page.wait_for_timeout(300)


def open_page(browser, width, height, scheme, address=f"http://127.0.0.1:{PORT}/"):
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=1 if width > 500 else 2
    )
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    return page


def keep(page, path):
    """Save what is seen as WebP, as good as the size allows."""
    image = Image.open(io.BytesIO(page.screenshot()))
    for quality in range(90, 40, -5):
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=quality, method=6)
        if buffer.tell() < MAX_BYTES:
            break
    path.write_bytes(buffer.getvalue())


if __name__ == "__main__":
    main()
