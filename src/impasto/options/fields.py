"""The options of a run: one frozen, validated class that CLI, recipes, records and docs derive from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from impasto.errors import OptionError, did_you_mean, first_fault
from impasto.options.parsing import Bytes, LayerWeights, Shape, Steps, Weight

CHECKPOINT_SECONDS = 60.0  # from one checkpoint to the next, where nothing else is asked for
DEFAULT_LONG_EDGE_PX = 1024  # of a pastiche, where its photo is not smaller
MIN_SCALE_PX = 16  # the coarsest scale that may be asked for
DRAFT = "draft"
STARTING_POINTS = ("content", "noise", "gray", "style-statistics", DRAFT)
STEERABLE = ("strength", "color_strength")  # that `Controls` changes during a run
PALETTE = "palette:"  # and a picture file: whose colours


def _check_color(value: str) -> str:
    if value not in ("painting", "photo") and not (value.startswith(PALETTE) and value != PALETTE):
        raise PydanticCustomError("color", "it is painting, photo or palette:FILE")
    return value


Color = Annotated[str, AfterValidator(_check_color)]
Steerable = Annotated[str, Field(pattern=f"^({'|'.join(STEERABLE)})$")]
ColorMethod = Literal["luminance", "mean-covariance", "histogram"]
OptionsT = TypeVar("OptionsT", bound=BaseModel)


def _option(default: Any, group: str, description: str, **bounds: Any) -> Any:
    return Field(default=default, description=description, json_schema_extra={"group": group}, **bounds)


class PaintOptions(BaseModel):
    """Every option of a run. A weight means the same at every size, for every encoder and style."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size_px: int | None = _option(
        None, "Picture", "long edge of the pastiche; default: the photo's own, up to 1024", ge=1, le=65_536
    )
    shape_px: Shape | None = _option(
        None, "Picture",
        "width and height of a texture, which has no photo, as 2048x1024; default: the painting's own, up to 1024",
    )  # fmt: skip
    strength: float = _option(
        50.0, "Look", "0: the photo, 50: both, 100: texture only; how far the photo may become unreadable",
        ge=0, le=100,
    )  # fmt: skip
    brush_scale: float = _option(
        1.0, "Look", "size of the strokes against the picture, whatever its size: 2 doubles them",
        ge=0.25, le=4,
    )  # fmt: skip
    mask_mode: Literal["inside", "simple"] = _option(
        "inside", "Look",
        "how masks of regions reach the encoder's layers: inside counts what sees little of the other regions, so "
        "that their styles do not leak; simple counts whatever lies in the mask",
    )  # fmt: skip
    variation: int = _option(0, "Look", "another try at the same picture: any number other than 0", ge=0, lt=2**63)
    color: Color = _option(
        "painting", "Look", "whose colours: painting, photo, or palette:FILE, those of another picture"
    )
    color_method: ColorMethod | None = _option(
        None, "Look",
        "luminance: only lightness is painted, the photo's colours stay in their places; mean-covariance, histogram: "
        "the painting is given the colours first; default: luminance for photo, mean-covariance for a palette",
    )  # fmt: skip
    color_strength: float = _option(
        100.0, "Look", "how far: 0 the painting's colours, 100 those that color names", ge=0, le=100
    )
    keep_detail: float = _option(
        0.0, "Look", "how closely the edges of faces, text and the like are kept: 0 not watched, 100 closely",
        ge=0, le=100,
    )  # fmt: skip
    starting_point: str = _option(
        "content", "Look", "first pastiche: content, noise, gray, style-statistics, draft, or a picture file",
        min_length=1,
    )  # fmt: skip
    seed: int = _option(0, "Look", "random state of the noise starting point", ge=0, lt=2**63)

    medium: Literal["pixels", "stylizer"] = _option(
        "pixels", "Objective",
        "what the objective is followed with: the pixels of the pastiche, scale by scale; or the stylizer that paints "
        "it, tuned for this photo and painting at the first scale, then one pass at full size",
    )  # fmt: skip
    encoder: str = _option(
        "lite", "Objective",
        "lite (bundled), vgg19 (full precision or 8 bits, whichever is here), vgg16, or an encoder file (.safetensors)",
    )  # fmt: skip
    pooling: Literal["max", "average"] = _option(
        "max", "Objective", "how the encoder halves its feature maps; Gatys et al. prefer average for VGG-19"
    )
    style_loss: Literal["wasserstein", "gram", "mmd-linear", "mmd-polynomial", "mmd-gaussian", "batch-norm"] = _option(
        "wasserstein", "Objective",
        "style statistics compared by Wasserstein-2 distance, Gram matrices, maximum mean discrepancy with a "
        "linear, polynomial or Gaussian kernel, or channel means and deviations",
    )  # fmt: skip
    style_layers: LayerWeights = _option(
        {"relu1_1": 4.0, "relu2_1": 4.0, "relu3_1": 4.0, "relu4_1": 3.0, "relu5_1": 1.0},
        "Objective", "layers and layer weights of the style loss, as relu1_1:4,relu2_1:2; or none",
    )  # fmt: skip
    content_layers: LayerWeights = _option(
        {"relu3_1": 1.0, "relu4_2": 1.0}, "Objective", "layers and layer weights of the content loss; or none"
    )
    style_softness: float = _option(
        0.0, "Objective", "style distance from which a layer counts by its logarithm; 0: it never does", ge=0, le=1e6
    )
    content_loss: Literal["features", "structure"] = _option(
        "features", "Objective",
        "features: squared distance of feature maps; structure: of their directions, channel by channel, which is "
        "blind to colour and contrast and takes no tiles",
    )  # fmt: skip
    balance: Literal["readability", "fixed"] = _option(
        "readability", "Objective",
        "what sets the content weight: strength (as readability of the photo), or content-weight as given",
    )  # fmt: skip
    content_weight: Weight = _option(
        0.05, "Objective", "weight of the content loss; with balance 'readability' where it starts"
    )
    style_weight: Weight = _option(1.0, "Objective", "weight of the style loss")
    tv_weight: Weight = _option(0.002, "Objective", "weight of total variation")
    layout_weight: Weight = _option(
        0.0,
        "Objective",
        "weight at strength 50 of where the colours lie, against the untuned draft; medium 'stylizer' alone",
    )
    contour_weight: Weight = _option(0.0, "Objective", "weight at strength 50 of the directions of the photo's lines")
    surface_weight: Weight = _option(
        0.0, "Objective", "weight of being as crisp as the painting, with colours no noisier"
    )
    loss_units: Literal["scale-free", "gatys", "tutorial"] = _option(
        "scale-free", "Objective",
        "what weights multiply: losses relative to photo and painting, or raw ones as in Gatys et al. (sums, on "
        "0-255 pixels) or TensorFlow's tutorial (means); raw ones need --balance fixed",
    )  # fmt: skip

    optimizer: Literal["adam", "lbfgs"] = _option("lbfgs", "Optimisation", "optimiser of the pastiche")
    learning_rate: float = _option(0.02, "Optimisation", "Adam's step, in units of the pixel range", gt=0, le=1)
    beta1: float = _option(0.9, "Optimisation", "Adam's decay of the mean gradient", ge=0, lt=1)
    beta2: float = _option(0.99, "Optimisation", "Adam's decay of the mean squared gradient", ge=0, lt=1)
    epsilon: float = _option(
        1e-8, "Optimisation", "Adam's guard against division by nothing, in units of the gradient", gt=0, le=1e6
    )
    average: float = _option(
        0.95, "Optimisation", "decay of the averaged iterate that is handed on and returned; 0: none", ge=0, lt=1
    )
    steps: Steps = _option(
        (50, 50, 45, 45, 45, 25, 15, 12, 10, 8, 6), "Optimisation",
        "steps at each scale, coarsest first; the last number repeats",
    )  # fmt: skip
    stop_tolerance: float = _option(
        0.01, "Optimisation",
        "a scale ends when its averaged objective gains less than this share in ten steps; 0: never",
        ge=0, lt=1,
    )  # fmt: skip
    min_scale_px: int = _option(128, "Optimisation", "long edge of the coarsest scale", ge=MIN_SCALE_PX, le=65_536)
    scale_factor: float = _option(2**0.5, "Optimisation", "factor from one scale to the next", ge=1.05, le=16)
    margin: float = _option(
        1 / 32, "Optimisation",
        "canvas around the picture, cropped at the end, as share of the long edge (8 to 64 px); 0: none",
        ge=0, le=0.5,
    )  # fmt: skip
    padding_mode: Literal["reflect", "replicate", "zeros", "circular"] = _option(
        "reflect", "Optimisation",
        "how the encoder continues a picture at its border; circular: with its other side, without margin, so that "
        "the pastiche has no seam",
    )  # fmt: skip
    device: str = _option(
        "auto", "Machine", "auto (a CUDA GPU if there is one), cpu, cuda (all there are), cuda:1 (that one)",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
    )  # fmt: skip
    precision: Literal["auto", "float32", "bfloat16"] = _option(
        "auto", "Machine",
        "of the encoder's convolutions; statistics, losses and pictures keep theirs; auto: bfloat16 on cuda and on "
        "processors with AMX or AVX512-BF16, else float32; changes the picture a little",
    )  # fmt: skip
    max_memory_bytes: Bytes | None = _option(
        None, "Machine", "memory that the run may use, as 2GB; default: what is free; tiles become smaller to fit",
        ge=2**20, le=2**50,
    )  # fmt: skip
    tile_px: int | None = _option(
        None, "Machine",
        "pictures up to this size are painted whole, larger ones in tiles of it; default: as memory allows; "
        "changes the last bits of the picture", ge=64, le=65_536,
    )  # fmt: skip
    threads: int | None = _option(
        None, "Machine",
        "processor threads; default: OMP_NUM_THREADS, or one per core; changes the last bits of the picture",
        ge=1, le=1024,
    )  # fmt: skip


def palette_path(options: PaintOptions) -> str | None:
    """The file whose colours ``palette:FILE`` asks for; None for other colours."""
    return options.color.removeprefix(PALETTE) if options.color.startswith(PALETTE) else None


def build_options(
    values: Mapping[str, Any],
    base: PaintOptions | None = None,
    *,
    spell: Callable[[str], str] = "option {}".format,
) -> PaintOptions:
    """Build options from `values` over `base` (default: the defaults).

    Raises `OptionError`, one line, for an unknown name or a value out of bounds; `spell` says how an option
    is called in it.
    """
    return validate_options(PaintOptions, values, spell, base)


def validate_options(
    kind: type[OptionsT], values: Mapping[str, Any], spell: Callable[[str], str], base: OptionsT | None = None
) -> OptionsT:
    """Build options of any kind as `build_options` does."""
    known = kind.model_fields
    for name in values:
        if name not in known:
            raise OptionError(f"unknown option {name!r}{did_you_mean(name, known)}")
    merged = (base.model_dump() if base else {}) | dict(values)
    try:
        return kind.model_validate(merged)
    except ValidationError as error:
        raise OptionError(first_fault(error, spell)) from error
