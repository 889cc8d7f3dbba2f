"""The command line of encoders: ``impasto weights ...`` and ``impasto features``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from impasto.cli.help import build_group
from impasto.cli.pictures import check_apart
from impasto.cli.streams import tell
from impasto.cli.syntax import SWITCH, Overwrite, Quiet, check_positive, output_flag
from impasto.errors import OptionError, OutputError, WeightsError

WEIGHTS = build_group("weights", "impasto weights fetch vgg19")
Half = Annotated[
    bool,
    SWITCH,
    Parameter(help="store convolutions in half precision: half the size, a relative error of about 0.0005"),
]


def provide_encoder(encoder: str, quiet: bool = False) -> None:
    """See to it that an encoder is here, and show the progress; nothing if it is."""
    from impasto.cli.display import choose_display
    from impasto.encoders.fetch import iter_provide
    from impasto.encoders.store import needs_fetch

    if needs_fetch(encoder):
        with choose_display(quiet) as display:
            for event in iter_provide(encoder):
                display.show(event)


@WEIGHTS.command(name="list", usage="Usage: impasto weights list")
def list_weights() -> int:
    """List the encoders: bits of a weight, size, licence and origin, and which are stored here."""
    from impasto.encoders.sources import SOURCES
    from impasto.encoders.store import find_stored
    from impasto.encoders.weights import find_encoder
    from impasto.storage.files import format_bytes

    lite = find_encoder("lite")
    size = format_bytes(lite.path.stat().st_size)
    print(f"{'lite':18} bundled: {lite.describe().bits} bits, {size}, Apache-2.0, SHA-256 {lite.sha256[:12]}")
    for name, source in SOURCES.items():
        stored, size_bytes = find_stored(name), source.size_bytes
        try:
            if stored:
                state, size_bytes, bits = "here", stored.path.stat().st_size, find_encoder(name).describe().bits
            else:
                state, bits = "installed" if source.package and source.package.find() else "not here", source.bits
        except WeightsError as error:
            print(f"{name:18} {error}")
            continue
        sha256 = f", SHA-256 {stored.sha256[:12]}" if stored else ""
        facts = f"{bits} bits, {format_bytes(size_bytes)}, {source.licence}, from {source.origin}"
        print(f"{name:18} {state}: {facts}{sha256}")
    return 0


@WEIGHTS.command(name="fetch", usage="Usage: impasto weights fetch NAME... [--half]")
def fetch_weights(
    *names: Annotated[str, Parameter(help="vgg19, vgg19-8bit, vgg16, vgg19-torchvision, vgg16-torchvision")],
    half: Half = False,
    quiet: Quiet = False,
) -> int:
    """Fetch weights, verify them and store them converted; an interrupted download goes on where it stopped.

    Where vgg19 cannot be reached, the file of 8 bits a weight is taken from the package index in its place.
    """
    from impasto.cli.display import choose_display
    from impasto.encoders.fetch import iter_fetch
    from impasto.encoders.sources import find_source

    if not names:
        raise OptionError("no name given; impasto weights list shows them")
    for name in names:
        find_source(name)
    for name in names:
        with choose_display(quiet) as display:
            for event in iter_fetch(name, half=half):
                display.show(event)
    return 0


@WEIGHTS.command(name="import", usage="Usage: impasto weights import FILE [--half] [-o ENCODER.safetensors]")
def import_weights(
    file: Annotated[Path, Parameter(help="a published weight file that you already have")],
    /,
    *,
    half: Half = False,
    output: Annotated[
        Path | None,
        output_flag(
            "make an encoder file instead, of any VGG-16 or VGG-19 in the format of Keras (.h5) or torchvision"
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> int:
    """Import a published weight file: verify it and store it converted. The file itself stays as it is."""
    if output is None:
        from impasto.encoders.fetch import import_published

        source, stored = import_published(file, half=half)
        tell(f"{source.name}: {stored.path}")
        return 0
    if output.suffix != ".safetensors":
        raise OptionError(f"an encoder file ends in .safetensors, got {str(output)!r}")
    if os.path.lexists(output) and not overwrite:
        raise OutputError(f"{str(output)!r} exists; give another name or --overwrite")
    from impasto.encoders.fetch import convert

    convert(file, output, half=half)
    tell(f"{output}: use it as --encoder {output}")
    return 0


@WEIGHTS.command(name="verify", usage="Usage: impasto weights verify [NAME...]")
def verify_weights(*names: Annotated[str, Parameter(help="default: all that are here")]) -> int:
    """Check stored weights against the SHA-256 recorded when they were imported; exit code 1 if any are damaged."""
    from impasto.encoders.sources import SOURCES, find_source
    from impasto.encoders.store import find_stored
    from impasto.encoders.weights import load_encoder

    damaged = []
    for name in names or ["lite", *filter(find_stored, SOURCES)]:
        if name != "lite":
            find_source(name)
        try:
            print(f"{name:18} good, SHA-256 {load_encoder(name).sha256}")
        except WeightsError as error:
            damaged.append(str(error))
    if damaged:
        raise WeightsError("; ".join(damaged))
    return 0


@WEIGHTS.command(name="where", usage="Usage: impasto weights where")
def show_folder() -> int:
    """Print the folder of fetched weights; the variable IMPASTO_WEIGHTS_DIR names another."""
    from impasto.encoders.store import weights_folder

    print(weights_folder())
    return 0


def features(  # noqa: PLR0913 (a parameter is a flag)
    image: Annotated[Path, Parameter(help="the picture to look at")],
    /,
    *,
    layer: Annotated[str, Parameter(help="relu3_1, or conv3_1 before the rectifier", metavar="NAME")],
    encoder: Annotated[str, Parameter(help="lite, vgg19, vgg16, or an encoder file")] = "lite",
    pooling: Annotated[Literal["max", "average"], Parameter(help="how the encoder halves its feature maps")] = "max",
    padding_mode: Annotated[
        Literal["reflect", "replicate", "zeros"], Parameter(help="how the encoder continues a picture at its border")
    ] = "reflect",
    size: Annotated[int, Parameter(help="long edge in pixels to which a larger picture is reduced")] = 512,
    channels: Annotated[int, Parameter(help="feature maps to show, strongest first")] = 48,
    output: Annotated[Path | None, output_flag("file to write [default: IMAGE-LAYER.png, here]")] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> int:
    """Draw the feature maps of a layer and their Gram matrix on a labelled sheet."""
    from impasto.images.reading import load_picture
    from impasto.images.writing import check_output, save_picture

    check_positive(size=size, channels=channels)
    path = output or Path(f"{image.stem}-{layer}.png")
    check_output(path, overwrite=overwrite)
    check_apart({"--output": path}, [image])
    picture = load_picture(image)
    provide_encoder(encoder, quiet)

    from impasto.encoders import load_encoder
    from impasto.lab.features import draw_features, read_features

    network = load_encoder(encoder, pooling=pooling, padding_mode=padding_mode)
    maps = read_features(network, picture, layer, size_px=size)
    save_picture(path, draw_features(maps, channels=channels), overwrite=overwrite)
    if not quiet:
        tell(f"{path}: {maps.heading}, {maps.picture}, {maps.sizes}")
    return 0
