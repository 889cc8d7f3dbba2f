"""What all benchmarks share: arguments, the gallery's pairs, painting and judging, timing, the report."""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.encoders import Encoder, load_encoder
from impasto.engine.devices import thread_count
from impasto.engine.objective import Canvases, build_objective
from impasto.engine.paint import iter_paint
from impasto.engine.pyramid import Scale, build_pyramid
from impasto.engine.regions import RegionLayout
from impasto.engine.validate import LayerWeights, pastiche_size
from impasto.errors import ImpastoError
from impasto.events import Event, RunDone, StepDone
from impasto.images.picture import Picture, picture_from_array, quantise
from impasto.images.reading import load_picture
from impasto.images.sheet import Cell, Sheet, draw_sheet
from impasto.inputs.run_inputs import RunInputs
from impasto.lab.metrics import to_tensor
from impasto.losses.content import ContentTerm
from impasto.losses.maps import TiledEncoder
from impasto.losses.objective import Objective
from impasto.losses.style import StyleTerm
from impasto.losses.style_targets import StyleTarget, style_statistics
from impasto.losses.tiles import Core
from impasto.losses.total_variation import TotalVariationTerm
from impasto.options.fields import PaintOptions, build_options

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tools"))
QUICK = {
    "size": 160,
    "pairs": 1,
    "rounds": 1,
    "steps": "12,12",
    "threads": 1,
}  # nothing it reports means anything


# --- arguments --------------------------------------------------------------------------------------------


def new_parser(description: str | None, **defaults: int) -> argparse.ArgumentParser:
    """Arguments that all benchmarks take; `defaults` (size, pairs, rounds) add those with their values."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="gallery, teacher, train")
    parser.add_argument("--out", type=Path, default=ROOT / "bench-out", help="folder for tables and sheets")
    parser.add_argument("--quick", action="store_true", help="toy sizes: shows that it runs, measures nothing")
    parser.add_argument("--threads", type=int, help="default: one per core")
    parser.add_argument("--steps", help="steps per scale instead of the default recipe's own")
    helps = {"size": "long edge, px", "pairs": "pairs of the gallery", "rounds": "medians are of so many"}
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=value, help=f"{helps[name]} [default: {value}]")
    return parser


def parse(parser: argparse.ArgumentParser, quick: Mapping[str, Any] | None = None) -> argparse.Namespace:
    """Parse; with --quick, toy values (`QUICK` and `quick`) replace the defaults, not what was given."""
    args = parser.parse_args()
    if args.quick:
        toy = {name: value for name, value in QUICK.items() if hasattr(args, name)}
        parser.set_defaults(**toy | dict(quick or {}), out=ROOT / "bench-out" / "quick")
        args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(thread_count(PaintOptions(threads=args.threads)))
    return args


def run(main: Callable[[], None]) -> None:
    """Run a benchmark; what cannot be used ends it in one line."""
    try:
        main()
    except ImpastoError as error:
        raise SystemExit(str(error)) from None


def shared_path(args: argparse.Namespace, *parts: str) -> Path:
    """Path of shared data, which is read where it lies; one line and an end where it is missing."""
    path: Path = args.shared.joinpath(*parts)
    if not path.exists():
        raise SystemExit(f"{path} is missing: name the folder of gallery, teacher and train with --shared")
    return path


def paint_options(args: argparse.Namespace, **values: Any) -> PaintOptions:
    """The defaults with --size, --threads and (where given) --steps, changed by `values`."""
    steps = {"steps": args.steps} if args.steps else {}
    return build_options({"size_px": args.size, "threads": args.threads} | steps | values)


# --- the gallery ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """A photo and a painting of the gallery."""

    photo_path: Path
    painting_path: Path
    photo: Picture = field(repr=False)
    painting: Picture = field(repr=False)

    @property
    def name(self) -> str:
        return " + ".join(short_name(path) for path in (self.photo_path, self.painting_path))


def short_name(path: Path) -> str:
    """``style_munch_the_scream.jpg`` is ``munch the scream``."""
    return path.stem.split("_", 1)[1].replace("_", " ")


def load_pair(photo: Path, painting: Path) -> Pair:
    return Pair(photo, painting, load_picture(photo), load_picture(painting))


def gallery_files(args: argparse.Namespace, kind: str) -> list[Path]:
    """Sorted files of a kind: ``content`` or ``style``."""
    files = sorted(shared_path(args, "gallery").glob(f"{kind}_*.jpg"))
    if not files:
        raise SystemExit(f"{args.shared / 'gallery'} holds no {kind}_*.jpg")
    return files


def seeded_pairs(args: argparse.Namespace, count: int) -> list[Pair]:
    """`count` different pairs, dealt from two shuffled decks: each file has its turn before any has another.

    Fewer pairs are the first of more.
    """
    files = gallery_files(args, "content"), gallery_files(args, "style")
    return [load_pair(*pair) for pair in islice(deal_pairs(*files, random.Random(0)), count)]


def deal_pairs(photos: list[Path], paintings: list[Path], random_state: random.Random) -> Iterator[tuple[Path, Path]]:
    """All pairs, each once: see `seeded_pairs`."""
    decks = [_deal(deck, random.Random(random_state.random())) for deck in (photos, paintings)]
    dealt: set[tuple[Path, Path]] = set()
    while len(dealt) < len(photos) * len(paintings):
        pair = next(decks[0]), next(decks[1])
        if pair not in dealt:
            dealt.add(pair)
            yield pair


def _deal(deck: list[Path], random_state: random.Random) -> Iterator[Path]:
    while True:
        yield from random_state.sample(deck, len(deck))


# --- painting and judging ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Painted:
    """A finished pastiche as its 8-bit picture, and what it took."""

    picture: Picture = field(repr=False)
    content_weight: float
    seconds: float
    pixel_steps: float


def iter_pair(pair: Pair, options: PaintOptions) -> Iterator[Event]:
    return iter_paint(RunInputs.load(pair.photo, pair.painting), options)


def paint_pair(pair: Pair, options: PaintOptions) -> Painted:
    """Paint, and keep the content weight of the last step."""
    weight = 0.0
    for event in iter_pair(pair, options):
        if isinstance(event, StepDone):
            weight = event.content_weight
        elif isinstance(event, RunDone):
            return Painted(eight_bit(event.pixels), weight, event.seconds, event.pixel_steps)
    raise AssertionError("the engine ended without RunDone")


def eight_bit(pixels: Any) -> Picture:
    """What a PNG of these pixels [height, width, 3] holds."""
    return picture_from_array(quantise(pixels, 8))


def objective_of(pair: Pair, options: PaintOptions, scale: Scale) -> Objective:
    """The engine's own objective of a scale, all layers in use."""
    encoder = load_encoder(options.encoder, padding_mode=options.padding_mode)
    photo = scale.extend(to_tensor(pair.photo, scale.long_edge_px))
    layers = LayerWeights(options.content_layers, options.style_layers)
    layout = RegionLayout(RunInputs.load(pair.photo, pair.painting), options)
    return build_objective(encoder, Canvases(photo), layout, scale, options, layers, [options.content_weight])


def plain_objective(
    encoder: Encoder, photo: Tensor, painting: Tensor, core: Core, options: PaintOptions, tile_px: int
) -> Objective:
    """The objective of one painting everywhere, from pixels alone, for what is timed."""
    layers, size = [*options.content_layers, *options.style_layers], (photo.shape[-2], photo.shape[-1])
    reader = TiledEncoder([encoder], size, core, layers, tile_px)
    target = StyleTarget(style_statistics(encoder, painting, list(options.style_layers)))
    return Objective(
        reader,
        [
            ContentTerm(reader, photo, options.content_layers, weight=options.content_weight),
            StyleTerm(reader, options.style_layers, [target], loss=options.style_loss, weight=options.style_weight),
            TotalVariationTerm(options.tv_weight / 0.01),
        ],
    )


def build_judge(pair: Pair, options: PaintOptions) -> Callable[[Picture], dict[str, float]]:
    """The engine's objective at full size without a margin: loss breakdown of a finished picture."""
    without_margin = options.model_copy(update={"margin": 0.0})
    scale = build_pyramid(*pastiche_size(pair.photo, options), without_margin)[-1]
    objective = objective_of(pair, options, scale)
    return lambda picture: objective(to_tensor(picture)).losses


# --- timing -----------------------------------------------------------------------------------------------


def seconds_of(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    started = clock()
    call()
    return clock() - started


def interleave(
    calls: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds of every call in every round, taking turns, so that other load falls on all alike.

    Every other round runs backwards: what follows a large call finds memory and caches as that left them.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds):
        for name in list(calls)[:: -1 if turn % 2 else 1]:
            seconds[name].append(seconds_of(calls[name], clock))
    return seconds


def median_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """Median over the rounds of the ratio within a round."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


# --- the report -------------------------------------------------------------------------------------------


class Report:
    """Tables, bars and notes of a benchmark: printed as they come, saved as markdown and JSON at the end."""

    def __init__(self, name: str, args: argparse.Namespace) -> None:
        self._name, self._args = name, args
        self._markdown: list[str] = []
        self._data: dict[str, Any] = {
            "benchmark": name,
            "command": shlex.join([Path(sys.executable).name, *sys.orig_argv[1:]]),
            "arguments": {key: str(value) for key, value in vars(args).items()},
            "machine": machine_facts(),
            "load_before": os.getloadavg(),
        }
        facts = self._data["machine"]
        self._say(f"## {name}\n\n`{self._data['command']}`\n")
        self._say(
            f"{facts['processor']}, {facts['cores']} cores, {facts['threads']} threads, "
            f"torch {facts['torch']}; load {self._data['load_before'][0]:.1f} when it began"
        )
        if args.quick:
            self.note("a --quick run at toy sizes: it shows that the benchmark runs, its numbers mean nothing")

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        self._data.setdefault("tables", []).append({"title": title, "columns": columns, "rows": rows})
        lines = [f"| {' | '.join(cells)} |" for cells in (columns, ["---"] * len(columns))]
        lines += [f"| {' | '.join(show(value) for value in row)} |" for row in rows]
        self._say(f"\n**{title}**\n\n" + "\n".join(lines))

    def bar(self, name: str, value: float, limit: float, *, at_least: bool = False) -> None:
        """A requirement: `value` is to be at most `limit` (or at least)."""
        met = value >= limit if at_least else value <= limit
        entry = {"name": name, "value": value, "limit": limit, "at_least": at_least, "met": met}
        self._data.setdefault("bars", []).append(entry)
        sign = "≥" if at_least else "≤"
        self._item(f"bar: {name} {show(value)} ({sign} {show(limit)}): {'met' if met else '**missed**'}")

    def note(self, text: str) -> None:
        self._data.setdefault("notes", []).append(text)
        self._item(text)

    def sheet(self, name: str, cells: Sequence[Sequence[Cell]], *, cell_px: int = 180) -> None:
        """Draw pictures, their labels under them, on a contact sheet."""
        path = self._args.out / f"{self._name}-{name}.png"
        draw_sheet(Sheet(cells, cell_px=cell_px, edge_px=4, gap_px=4)).save(path, optimize=True)
        self.note(f"sheet: {path.name}")

    def save(self) -> None:
        self._data["load_after"] = os.getloadavg()
        self._item(f"load {os.getloadavg()[0]:.1f} when it ended")
        stem = self._args.out / self._name
        stem.with_suffix(".md").write_text("\n".join(self._markdown) + "\n", encoding="utf-8")
        stem.with_suffix(".json").write_text(json.dumps(self._data, indent=1) + "\n", encoding="utf-8")

    def _item(self, text: str) -> None:
        self._say(f"- {text}" if self._markdown[-1].lstrip().startswith("- ") else f"\n- {text}")

    def _say(self, text: str) -> None:
        self._markdown.append(text)
        print(text, flush=True)


def show(value: object) -> str:
    return (
        f"{value:.3g}"
        if isinstance(value, float) and abs(value) < 1000
        else f"{value:,.0f}"
        if isinstance(value, float)
        else str(value)
    )


def machine_facts() -> dict[str, object]:
    """What timings depend on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY", ""),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
