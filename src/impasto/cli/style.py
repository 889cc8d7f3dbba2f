"""The command line of style files, and of the stylizer for other programs: ``impasto style``, ``impasto export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from impasto.cli.help import build_group
from impasto.cli.output import print_table
from impasto.cli.streams import say, tell
from impasto.cli.syntax import MaxPixels, Overwrite, Quiet, output_flag, pixel_limit
from impasto.storage.files import format_bytes

STYLE = build_group("style", "impasto style save painting.jpg -o mine.style")
EXPORT = build_group("export", "impasto export stylizer -o stylizer.onnx")


@STYLE.command(usage="Usage: impasto style save PAINTING -o NAME.style [--overwrite]")
def save(
    painting: Annotated[Path, Parameter(help="the picture to learn from")],
    /,
    *,
    output: Annotated[Path, output_flag("file to write, .style")],
    overwrite: Overwrite = False,
    max_pixels: MaxPixels = None,
    quiet: Quiet = False,
) -> int:
    """Read the style of a painting into a style file, which paint and draft take in its place."""
    from impasto.runs.save_style import save_style

    style = save_style(painting, output, max_pixels=pixel_limit(max_pixels), overwrite=overwrite)
    if not quiet:
        tell(f"{output}: {output.stat().st_size / 1000:.0f} kB, read at {_scales(style.scales_px)}")
    return 0


@STYLE.command(usage="Usage: impasto style info NAME.style")
def info(style: Annotated[Path, Parameter(help="a style file")], /) -> int:
    """Print what a style file was made of."""
    from impasto.inputs.style_file import read_style_file

    file = read_style_file(style)
    lines = {
        "painting": f"{file.painting}, {file.width_px}x{file.height_px} px  (SHA-256 {file.painting_sha256[:12]})",
        "encoder": f"{file.encoder}  (SHA-256 {file.encoder_sha256[:12]})",
        "layers": ", ".join(file.layers),
        "read at": _scales(file.scales_px),
        "SHA-256": file.sha256,
    }
    print_table(lines, width=10)
    return 0


@EXPORT.command(usage="Usage: impasto export stylizer -o NAME.onnx [--weights exact|int8] [--stylizer FILE]")
def stylizer(
    *,
    output: Annotated[Path, output_flag("file to write, .onnx")],
    file_format: Annotated[Literal["onnx"], Parameter(name="--format", help="of the file")] = "onnx",
    weights: Annotated[
        Literal["exact", "int8"], Parameter(help="exact, or int8: the encoder too in bytes, smaller and less exact")
    ] = "exact",
    stylizer: Annotated[
        Path | None, Parameter(metavar="FILE.safetensors", help="one of your own; default: the bundled one")
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> int:
    """Write encoder and stylizer as one graph: photo, painting and strength in, pastiche out, of any size."""
    from impasto.stylizer.onnx import OPSET, check_export, export_onnx
    from impasto.stylizer.stylizer import load_stylizer

    check_export(output, overwrite=overwrite)
    loaded = load_stylizer(stylizer)
    if not quiet:
        say("PyTorch traces the network: a minute or two")
    size_bytes = export_onnx(loaded, output, weights=weights, overwrite=overwrite)
    if not quiet:
        tell(f"{output}: {format_bytes(size_bytes)}, {file_format.upper()} opset {OPSET}, weights {weights}")
    return 0


def _scales(edges: list[int]) -> str:
    return f"{', '.join(map(str, edges))} px"
