"""The command line of style files, and of the stylizer as a file for others: ``impasto style``, ``impasto export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from impasto.cli.syntax import SWITCH
from impasto.errors import OptionError, printable
from impasto.images.reading import DEFAULT_MAX_PIXELS
from impasto.storage.files import format_bytes

STYLE = App(name="style", help="Style files: what is known of a painting, without it.", help_format="plaintext")
EXPORT = App(name="export", help="Write the stylizer for use without impasto.", help_format="plaintext")
Quiet = Annotated[bool, SWITCH, Parameter(name=["--quiet", "-q"], help="tell errors only")]


@STYLE.command(usage="Usage: impasto style save PAINTING -o NAME.style [--overwrite]")
def save(
    painting: Annotated[Path, Parameter(help="the picture to learn from")],
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="file to write, .style")],
    overwrite: Annotated[bool, SWITCH, Parameter(help="replace a file that exists")] = False,
    max_pixels: Annotated[
        int | None, Parameter(help="refuse a painting with more pixels than this [default: 250 million]")
    ] = None,
    quiet: Quiet = False,
) -> int:
    """Study a painting and write a style file, which paint and draft take in its place."""
    from impasto.runs.save_style import save_style

    if max_pixels is not None and max_pixels < 1:
        raise OptionError(f"--max-pixels is at least 1, got {max_pixels}")
    style = save_style(painting, output, max_pixels=max_pixels or DEFAULT_MAX_PIXELS, overwrite=overwrite)
    if not quiet:
        print(f"{output}: {output.stat().st_size / 1000:.0f} kB, read at {_scales(style.scales_px)}")
    return 0


@STYLE.command(usage="Usage: impasto style info NAME.style")
def info(style: Annotated[Path, Parameter(help="a style file")], /) -> int:
    """Print what a style file was made of."""
    from impasto.inputs.style_file import read_style_file

    found = read_style_file(style)
    lines = {
        "painting": f"{found.painting}, {found.width_px}x{found.height_px} px  (SHA-256 {found.painting_sha256[:12]})",
        "encoder": f"{found.encoder}  (SHA-256 {found.encoder_sha256[:12]})",
        "layers": ", ".join(found.layers),
        "read at": _scales(found.scales_px),
        "SHA-256": found.sha256,
    }
    for heading, value in lines.items():
        print(printable(f"{heading:10} {value}"))
    return 0


@EXPORT.command(usage="Usage: impasto export stylizer -o NAME.onnx [--weights exact|int8] [--stylizer FILE]")
def stylizer(
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="file to write, .onnx")],
    file_format: Annotated[
        Literal["onnx"], Parameter(name="--format", help="of the file [default: onnx]", show_default=False)
    ] = "onnx",
    weights: Annotated[
        Literal["exact", "int8"],
        Parameter(
            help="exact, or int8: the encoder too in bytes, smaller and less exact [default: exact]", show_default=False
        ),
    ] = "exact",
    stylizer: Annotated[
        Path | None, Parameter(metavar="FILE.safetensors", help="one of your own; default: the bundled one")
    ] = None,
    overwrite: Annotated[bool, SWITCH, Parameter(help="replace a file that exists")] = False,
    quiet: Quiet = False,
) -> int:
    """Write encoder and stylizer as one graph: photo, painting and strength in, pastiche out, of any size."""
    from impasto.stylizer.onnx import OPSET, export_onnx
    from impasto.stylizer.stylizer import load_stylizer

    size_bytes = export_onnx(load_stylizer(stylizer), output, weights=weights, overwrite=overwrite)
    if not quiet:
        print(f"{output}: {format_bytes(size_bytes)}, {file_format.upper()} opset {OPSET}, weights {weights}")
    return 0


def _scales(edges: list[int]) -> str:
    return f"{', '.join(map(str, edges))} px"
