"""What every look at the page asks: sizes and schemes, names, contrast."""

from __future__ import annotations

from pathlib import Path

SAMPLES = Path(__file__).parents[2] / "src" / "impasto" / "inputs" / "samples"
LOOKS = [(w, h, scheme) for w, h in ((1280, 800), (390, 844)) for scheme in ("light", "dark")]

# Names of what can be operated and has no name; texts with too little contrast against what is behind them.
UNNAMED = """() => [...document.querySelectorAll("button, input, select, summary, a[href], canvas, img, dialog")]
    .filter((e) => e.checkVisibility() || e.type === "file")
    .filter((e) => !(e.ariaLabel || e.alt || e.textContent.trim() || e.labels?.[0]?.textContent.trim() || e.title)
        && !(e.tagName === "IMG" && e.closest("button[aria-label]")))
    .map((e) => e.outerHTML.slice(0, 120))"""
# Buttons that no finger reaches, shown now or not.
UNTOUCHABLE = """() => [...document.querySelectorAll("button")]
    .filter((e) => getComputedStyle(e).pointerEvents === "none").map((e) => e.id)"""
FAINT = """() => {
    const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (color) => {
        pen.clearRect(0, 0, 1, 1);
        pen.fillStyle = color;
        pen.fillRect(0, 0, 1, 1);
        return [...pen.getImageData(0, 0, 1, 1).data];
    };
    const light = (color) => color.slice(0, 3).map((v) => v / 255)
        .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const color = rgba(getComputedStyle(at).backgroundColor);
            if (color[3] > 200) return color;
        }
        return [255, 255, 255, 255];
    };
    const faint = [];
    for (const element of document.querySelectorAll("body *")) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
        if (!own || !element.checkVisibility() || element.closest(":disabled, script, svg")) continue;
        if (!element.getClientRects().length) continue;
        const [a, b] = [light(rgba(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
        const contrast = (a + 0.05) / (b + 0.05);
        if (contrast < 4.5) faint.push(`${element.textContent.trim().slice(0, 40)}: ${contrast.toFixed(2)}`);
    }
    return faint;
}"""
