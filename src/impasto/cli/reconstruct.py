"""The command line of what is painted from one picture: ``impasto reconstruct`` and ``impasto texture``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from impasto.cli.help import build_group
from impasto.cli.output import ANYWHERE, Output, carry_out
from impasto.cli.pictures import name_part, read_painting
from impasto.cli.streams import tell
from impasto.cli.syntax import SWITCH, given_options, with_option_flags
from impasto.errors import OptionError
from impasto.options.spelling import flag_name
from impasto.runs.build import build_run, resolve_options

RECONSTRUCT = build_group("reconstruct", "impasto reconstruct content photo.jpg --layer relu4_2", more=True)
RECIPE = Parameter(help="named options to begin with", metavar="NAME|FILE.toml")
Image = Annotated[Path, Parameter(help="the picture")]
ALL_LAYERS = "the strip of figure 1 of Gatys et al.: one panel for every block, each a picture of its own too"


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class Strip:
    """The flags that both reconstructions share."""

    all_layers: Annotated[bool, SWITCH, Parameter(help=ALL_LAYERS)] = False
    no_timelapse: Annotated[bool, SWITCH, Parameter(help="make none [default: a .gif beside the picture]")] = False


ONE_PICTURE = Strip()
LAPSE_PANEL_PX = 220  # long edge of a panel where all of them move side by side


@RECONSTRUCT.command(usage="Usage: impasto reconstruct content IMAGE --layer NAME [-o OUT] [OPTIONS]")
@with_option_flags
def content(
    image: Image,
    /,
    *,
    to: Output = ANYWHERE,
    strip: Strip = ONE_PICTURE,
    layer: Annotated[
        str | None, Parameter(help="whose feature map to paint from [default: relu4_2]", metavar="NAME")
    ] = None,
    recipe: Annotated[str, RECIPE] = "reconstruct-content",
    **options: str | None,
) -> int:
    """Paint a picture again from feature maps of it alone, from noise."""
    return _reconstruct("content", image, to, strip, recipe, _given(options, "content_layers", layer))


@RECONSTRUCT.command(usage="Usage: impasto reconstruct style IMAGE --layers NAME,... [-o OUT] [OPTIONS]")
@with_option_flags
def style(
    image: Image,
    /,
    *,
    to: Output = ANYWHERE,
    strip: Strip = ONE_PICTURE,
    layers: Annotated[
        str | None,
        Parameter(help="whose statistics to paint from [default: the first of every block]", metavar="NAME:NUMBER,..."),
    ] = None,
    recipe: Annotated[str, RECIPE] = "reconstruct-style",
    **options: str | None,
) -> int:
    """Paint a picture from style statistics of another alone, from noise."""
    return _reconstruct("style", image, to, strip, recipe, _given(options, "style_layers", layers))


@with_option_flags
def texture(
    image: Annotated[str, Parameter(help="the picture whose style to use")],
    /,
    *images: Annotated[str, Parameter(help="more of them blend; weights as painting.jpg:0.7")],
    to: Output = ANYWHERE,
    seamless: Annotated[bool, SWITCH, Parameter(help="its sides meet: laid side by side it shows no seam")] = False,
    recipe: Annotated[str, RECIPE] = "texture",
    **options: str | None,
) -> int:
    """Paint a texture of any size in the style of a picture, with strokes as large as there."""
    given = given_options(options)
    if "x" in given.get("size_px", ""):
        given["shape_px"] = given.pop("size_px")
    if seamless and given.setdefault("padding_mode", "circular") != "circular":
        raise OptionError(f"--seamless is --padding-mode circular, got {given['padding_mode']!r}")
    to = to.place(name_part(image), "texture")
    return _paint(None, [read_painting(text, to.limit) for text in (image, *images)], to, recipe, given)


def _given(options: Mapping[str, str | None], option: str, layers: str | None) -> dict[str, str]:
    """The options given; `layers` is the command's own way to give one of them."""
    given = given_options(options)
    if layers is not None and given.setdefault(option, layers) != layers:
        raise OptionError(f"the layers are named twice: {layers!r}, and with {flag_name(option)} {given[option]!r}")
    return given


def _reconstruct(kind: str, image: Path, to: Output, strip: Strip, recipe: str, given: Mapping[str, Any]) -> int:
    """One reconstruction, or those of a strip and then the strip."""
    to = to.place(image, kind)
    if to.timelapse is None and not strip.no_timelapse and not to.to_standard_output:
        to = dataclasses.replace(to, timelapse=to.path.with_suffix(".gif"))
    elif to.timelapse is not None and strip.no_timelapse:
        raise OptionError("--timelapse and --no-timelapse exclude each other")
    photo, painting = (image, None) if kind == "content" else (None, image)
    if not strip.all_layers:
        return _paint(photo, painting, to, recipe, given)
    option = f"{kind}_layers"
    if option in given:
        raise OptionError("--all-layers and layers that you name exclude each other")
    if to.to_standard_output:
        raise OptionError("--all-layers makes several pictures: give -o a file, not standard output")
    to.check(8)
    to.check_apart([image])
    panels = {name: _panel(to, name) for name in strip_layers(kind)}
    for panel in panels.values():
        panel.check()
    for name, layers in strip_layers(kind).items():
        if code := _paint(photo, painting, panels[name], recipe, {**given, option: layers}):
            return code
    _save_strip(kind, image, to, panels, given)
    if to.timelapse and to.timelapse.suffix.lower() != ".mp4":
        _save_strip_lapse(to.timelapse, kind, image, to, panels, given)
    return 0


def strip_layers(kind: str) -> dict[str, dict[str, float]]:
    """Layer weights of every panel of figure 1 of Gatys et al. (arXiv 1508.06576), by the panel's name.

    For ``content`` the first layer of every block alone; for ``style`` the same, all up to that block.
    """
    first = [f"relu{block}_1" for block in range(1, 6)]
    if kind == "content":
        return {name: {name: 1.0} for name in first}
    return {name: dict.fromkeys(first[: count + 1], 1.0) for count, name in enumerate(first)}


def _save_strip(kind: str, image: Path, to: Output, panels: Mapping[str, Output], given: Mapping[str, Any]) -> None:
    import numpy as np

    from impasto.images.reading import load_picture
    from impasto.images.writing import save_picture

    pictures = [load_picture(image, max_pixels=to.limit), *(panel.path for panel in panels.values())]
    strip = _draw_strip(pictures, kind, image, panels, given)
    save_picture(to.path, np.asarray(strip, np.float32) / 255, overwrite=to.overwrite)
    if not to.quiet:
        tell(f"{to.output}: {len(panels)} layers of {image.name}")


def _save_strip_lapse(
    path: Path, kind: str, image: Path, to: Output, panels: Mapping[str, Output], given: Mapping[str, Any]
) -> None:
    """The strip as a time-lapse: all panels come out of the noise side by side, each in its own frames' order."""
    import numpy as np

    from impasto.images.animation import read_animation
    from impasto.images.picture import picture_from_array
    from impasto.images.reading import load_picture
    from impasto.runs.timelapse import encode
    from impasto.storage.atomic import write_file

    original = load_picture(image, max_pixels=to.limit)
    lapses = [read_animation(panel.timelapse) for panel in panels.values() if panel.timelapse]
    frames = []
    for share in np.linspace(0, 1, max(map(len, lapses))):
        shown = [picture_from_array(lapse[round(share * (len(lapse) - 1))]) for lapse in lapses]
        frames.append(np.asarray(_draw_strip([original, *shown], kind, image, panels, given, LAPSE_PANEL_PX)))
    write_file(path, encode(frames, path.suffix.lower()), overwrite=to.overwrite)
    if not to.quiet:
        tell(f"{path}: the same, coming out of noise")


def _draw_strip(
    pictures: Sequence[Any],
    kind: str,
    image: Path,
    panels: Mapping[str, Output],
    given: Mapping[str, Any],
    cell_px: int | None = None,
) -> Any:
    """The original and a panel for each layer in one row, under their names."""
    from impasto.images.sheet import Cell, Heading, Sheet, draw_sheet

    up_to = "to " if kind == "style" else ""
    first, *others = panels
    return draw_sheet(
        Sheet(
            [[Cell(picture) for picture in pictures]],
            title=f"{image.name}: {kind} kept by layers of {given.get('encoder', 'lite')}",
            columns=[Heading(label) for label in ("original", first, *(f"{up_to}{name}" for name in others))],
            cell_px=cell_px,
        )
    )


def _panel(to: Output, name: str) -> Output:
    """Where one picture of a strip goes: ``strip-relu1_1.png``."""
    lapse = to.timelapse and to.timelapse.with_stem(f"{to.timelapse.stem}-{name}")
    return dataclasses.replace(to, output=str(to.path.with_stem(f"{to.path.stem}-{name}")), timelapse=lapse)


def _paint(photo: Any, paintings: Any, to: Output, recipe: str, given: Mapping[str, Any]) -> int:
    options = resolve_options(recipe, given, spell=flag_name)
    bit_depth = to.check()
    run = build_run(photo, paintings, recipe=recipe, options=options, max_pixels=to.limit)
    return carry_out(run, to, bit_depth)
