"""Files as somebody who means harm would make them: whole, with sound checksums, and absurd or treacherous inside.

`WRITERS` has one for every format that people send each other. Each takes a folder with a sound photo.png and
painting.png, and a way to draw (hypothesis'), writes its file there, and returns the command line that reads it.
"""

from __future__ import annotations

import copy
import csv
import hashlib
import io
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from PIL import Image

from impasto.engine.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from impasto.events import Event
from impasto.images.writing import save_picture
from impasto.storage.tensorfile import encode_header, read_header

SAMPLES = Path(__file__).parents[1] / "data" / "v0_1_0"
VICTIMS = "victims"  # the folder beside a case's whose files nobody named
Draw = Callable[[st.SearchStrategy[Any]], Any]
QUICK = ["--medium", "pixels", "--size", "32", "--min-scale", "32", "--steps", "1", "--threads", "1", "-q"]

NUMBERS = [0, 1, -1, 2, 3, 7, 0.5, 255, 2**16, 2**31, 2**53, 2**63, 2**64, 10**30, -(2**63), 1e-320, 1e-30, 1e36, 3e38,
           1e308, -1e308, math.inf, -math.inf, math.nan]  # fmt: skip
TEXTS = [
    "", " ", "x", "a" * 5000, "\0", "\n\x1b[2J", "\ud800", "é" * 300, "none", "NaN", "1e400", "9" * 5000, "$(touch x)",
    "lite", "draft", "noise", "palette:flow", "array", "photo.png", "../photo.png", "/dev/zero", "/dev/stdin",
    "/proc/self/mem", "http://localhost/x", "cuda:99", "a/b.safetensors", "checkpoint-000001.safetensors",
]  # fmt: skip
SECRETS = ["picture.png", "style.style", "encoder.safetensors", "events.jsonl", "notes.txt", "numbers.npy"]


def make_victims(folder: Path) -> Path:
    """A folder of files that no hostile one may read or change."""
    victims = folder / VICTIMS
    victims.mkdir(parents=True)
    Image.new("RGB", (32, 24), (9, 8, 7)).save(victims / "picture.png")
    shutil.copy(SAMPLES / "small-painting.style", victims / "style.style")
    shutil.copy(SAMPLES / "tiny.safetensors", victims / "encoder.safetensors")
    (victims / "events.jsonl").write_text('{"event": "Notice", "message": "mine"}\n' * 40)
    (victims / "notes.txt").write_text("mine\n" * 40)
    np.save(victims / "numbers.npy", np.zeros((24, 32, 3), np.uint8))
    return victims


def make_desk(folder: Path) -> None:
    """The sound pictures of a case."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("photo.png", "painting.png", "tiny.safetensors"):
        shutil.copy(SAMPLES / name, folder / name)


def victim_paths(folder: Path) -> st.SearchStrategy[str]:
    """Ways to name a victim from inside a case's folder, straight and around corners."""
    victims = folder.parent / VICTIMS
    prefixes = [
        f"{victims}/",
        f"../{VICTIMS}/",
        f"../../{folder.parent.name}/{VICTIMS}/",
        f"palette:{victims}/",
        f"file://{victims}/",
    ]
    return st.builds(str.__add__, st.sampled_from(prefixes), st.sampled_from(SECRETS))


def hostile_values(folder: Path) -> st.SearchStrategy[Any]:
    """What may stand in any place of a file."""
    simple = st.one_of(
        st.sampled_from(NUMBERS), st.sampled_from(TEXTS), victim_paths(folder), st.booleans(), st.none(),
        st.floats(), st.integers(), st.text(max_size=20),
    )  # fmt: skip
    nested = st.one_of(
        st.lists(simple, max_size=4),
        st.dictionaries(st.sampled_from(["name", "sha256", "path", "x", "strength"]), simple, max_size=3),
        st.integers(5, 120).map(deep),
    )
    return st.one_of(simple, simple, simple, nested)


def deep(depth: int) -> Any:
    """Lists in lists in lists."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def places(values: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in tables and lists."""
    inner = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    if len(path) > 8:
        return [path]
    return [*([path] if path else []), *(place for key, value in inner for place in places(value, (*path, key)))]


def mutated(values: Any, draw: Draw, folder: Path) -> Any:
    """The same with one to four places that say something else, are gone, or are there twice."""
    values = copy.deepcopy(values)
    for _ in range(draw(st.integers(1, 4))):
        spots = places(values)
        if not spots:
            break
        *way, last = draw(st.sampled_from(spots))
        holder = values
        for key in way:
            holder = holder[key]
        what = draw(st.sampled_from(["value", "value", "value", "gone", "twice", "more"]))
        if what == "gone":
            del holder[last]
        elif what == "twice" and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[last]))
        elif what == "more" and isinstance(holder, dict):
            holder[draw(st.sampled_from(["x", "starting_point", "color", "encoder", "path", "events", "stop"]))] = draw(
                hostile_values(folder)
            )
        else:
            holder[last] = draw(hostile_values(folder))
    return values


def damaged(data: bytes, draw: Draw, most: int | None = None) -> bytes:
    """Bytes with a few changed, cut or doubled; within the first `most`."""
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(0, min(len(data), most or len(data)) - 1)))
        what = draw(st.sampled_from(["flip", "flip", "set", "cut", "twice"]))
        if what == "cut":
            data = data[:place]
        elif what == "twice":
            data = data[:place] + data[place : place + 64] + data[place:]
        else:
            new = (
                draw(st.sampled_from([0, 255, 127, 128, 1]))
                if what == "set"
                else data[place] ^ 1 << draw(st.integers(0, 7))
                if data
                else 0
            )
            data = data[:place] + bytes([new]) + data[place + 1 :] if data else data
    return data


def json_text(values: Any) -> str:
    """As Python writes it, which says NaN and lone surrogates too."""
    try:
        return json.dumps(values)
    except (RecursionError, ValueError):
        return "[" * 100_000


# ------------------------------------------------------------------------------------------- safetensors


def tensors_of(path: Path) -> tuple[dict[str, Any], bytes]:
    """Header and data of a safetensors file."""
    with path.open("rb") as stream:
        header = read_header(stream)[1]
        return header, stream.read()


def write_tensors(path: Path, header: Mapping[str, Any], data: bytes, draw: Draw | None = None) -> None:
    """A safetensors file; with `draw` the length of its header may be a lie."""
    try:
        start = encode_header(header)
    except (RecursionError, ValueError, UnicodeEncodeError):
        start = (100_000).to_bytes(8, "little") + b"[" * 100_000
    if draw and draw(st.integers(0, 9)) == 0:
        start = draw(st.sampled_from([0, 1, 2**20, 2**40, 2**63, 2**64 - 1])).to_bytes(8, "little") + start[8:]
    path.write_bytes(start + data)


def sealed(path: Path, covered: str, *, types: bool) -> None:
    """Make the checksum of a `TensorFormat` right again, where the file can be read at all."""
    from safetensors import safe_open

    try:
        with safe_open(str(path), framework="np") as file:
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except Exception:  # noqa: BLE001 (then it is refused before)
        return
    summary = hashlib.sha256(covered.encode(errors="surrogatepass"))
    for key in sorted(arrays):
        array = np.asarray(arrays[key], order="C")
        kind = f"torch.{array.dtype.name} " if types else ""
        summary.update(f"{key} {kind}{array.shape} ".encode())
        summary.update(array.astype(array.dtype.newbyteorder("<"), copy=False).reshape(-1).data)
    header, data = tensors_of(path)
    header["__metadata__"]["checksum"] = summary.hexdigest()
    write_tensors(path, header, data)


def numbers(data: bytes, draw: Draw) -> bytes:
    """The data of float32 tensors with some absurd numbers in it."""
    array = np.frombuffer(data[: len(data) // 4 * 4], np.float32).copy()
    if len(array) and draw(st.booleans()):
        with np.errstate(over="ignore"):
            value = np.float32(draw(st.sampled_from([math.nan, math.inf, 3e38, -3e38, 1e36, -1.0, 1e-44, 0.0])))
        start = draw(st.integers(0, len(array) - 1))
        array[start : start + draw(st.sampled_from([1, 7, len(array)]))] = value
    return array.tobytes() + data[len(data) // 4 * 4 :]


def _tensor_file(
    source: Path, path: Path, draw: Draw, folder: Path, covered: Callable[[dict[str, str]], str], types: bool
) -> None:
    header, data = tensors_of(source)
    kind = draw(st.sampled_from(["header", "header", "numbers", "numbers", "bytes"]))
    if kind == "header":
        header = mutated(header, draw, folder)
        if not isinstance(header, dict):
            header = {}
    elif kind == "numbers":
        data = numbers(data, draw)
    write_tensors(path, header, data, draw if kind == "header" else None)
    if kind == "bytes":
        path.write_bytes(damaged(path.read_bytes(), draw, 4096))
        return
    about = header.get("__metadata__") if isinstance(header, dict) else None
    if isinstance(about, dict) and all(isinstance(text, str) for text in about.values()):
        try:
            sealed(path, covered(about), types=types)
        except Exception:  # noqa: BLE001 (a header that nothing can be sealed of)
            return


def write_style(folder: Path, draw: Draw) -> list[str]:
    """A style file in the painting's place."""

    def covered(about: dict[str, str]) -> str:
        return repr(sorted((key, value) for key, value in about.items() if key != "checksum"))

    _tensor_file(SAMPLES / "small-painting.style", folder / "x.style", draw, folder, covered, False)
    return draw(
        st.sampled_from(
            [
                ["paint", "photo.png", "x.style", "-o", "out.png", *QUICK],
                ["draft", "photo.png", "x.style", "-o", "out.png", "--size", "32", "-q"],
            ]
        )
    )


def write_encoder(folder: Path, draw: Draw) -> list[str]:
    """An encoder file."""

    def covered(about: dict[str, str]) -> str:
        return f"{about['architecture']} {about['mean']} "

    _tensor_file(SAMPLES / "tiny.safetensors", folder / "x.safetensors", draw, folder, covered, True)
    return ["paint", "photo.png", "painting.png", "-o", "out.png", "--encoder", "x.safetensors", *QUICK]


def write_stylizer(folder: Path, draw: Draw) -> list[str]:
    """A stylizer file."""
    from importlib import resources

    source = Path(str(resources.files("impasto.stylizer") / "stylizer.safetensors"))
    _tensor_file(source, folder / "x.safetensors", draw, folder, lambda about: about["encoder_sha256"], True)
    return ["draft", "photo.png", "painting.png", "-o", "out.png", "--stylizer", "x.safetensors", "--size", "32", "-q"]


# ------------------------------------------------------------------------------------------- run folders


def make_run(folder: Path) -> Path:
    """An interrupted run of the case's pictures, from the command line."""
    run = folder / "out.png.run"
    shutil.copytree(SAMPLES / "interrupted.run", run, dirs_exist_ok=True)
    return run


def write_run(folder: Path, draw: Draw) -> list[str]:
    """The run folder of an interrupted run, with copies of its inputs."""
    run = make_run(folder)
    path = run / "checkpoint-000001.safetensors"
    checkpoint, about = read_checkpoint(path)
    parent = str(folder)
    about["command"] = {
        "output": f"{parent}/out.png", "bit_depth": 8, "record": True,
        "events": f"{parent}/e.jsonl", "events_bytes": 10, "events_sha256": "0" * 64,
        "timelapse": f"{parent}/t.gif", "timelapse_size_px": 64, "timelapse_seconds": 1.0,
    }  # fmt: skip
    values, tensors = dict(checkpoint.values), dict(checkpoint.tensors)
    kind = draw(st.sampled_from(["about", "about", "about", "values", "values", "tensors", "copies", "bytes", "links"]))
    if kind == "about":
        about = mutated(about, draw, folder)
    elif kind == "values":
        values = mutated(values, draw, folder)
    elif kind == "tensors":
        name = draw(st.sampled_from(sorted(tensors)))
        change = draw(st.sampled_from(["nan", "huge", "shape", "gone", "double"]))
        if change == "gone":
            del tensors[name]
        else:
            tensors[name] = {
                "nan": tensors[name] * math.nan, "huge": tensors[name] * 0 + 3e38,
                "shape": tensors[name].reshape(-1), "double": tensors[name].double(),
            }[change]  # fmt: skip
    try:
        write_checkpoint(path, Checkpoint(values, tensors), about)
    except Exception:  # noqa: BLE001 (what JSON or a header cannot hold)
        write_tensors(path, {"__metadata__": {"about": json_text(about), "values": json_text(values)}}, b"")
    if kind == "bytes":
        path.write_bytes(damaged(path.read_bytes(), draw, 6000))
    elif kind == "copies":
        copies = sorted(run.glob("input-*.npy"))
        target = draw(st.sampled_from(copies))
        target.write_bytes(damaged(target.read_bytes(), draw, 128))
    elif kind == "links":
        names = ["checkpoint-000002.safetensors", "checkpoint-000002.safetensors.partial", "frame-00-000001.npy",
                 "frame-saved.sha256", "../t.gif", "../e.jsonl", sorted(run.glob("input-*.npy"))[0].name]  # fmt: skip
        put_strange(run / draw(st.sampled_from(names)), draw, folder)
    return ["resume", "out.png.run", "-q"]


def put_strange(path: Path, draw: Draw, folder: Path) -> None:
    """A link to a file that nobody named, or what is no file, in a file's place."""
    victim = folder.parent / VICTIMS / draw(st.sampled_from(SECRETS))
    path.unlink(missing_ok=True)
    what = draw(st.sampled_from(["link", "link", "pipe", "endless", "folder", "nowhere", "circle", "sparse"]))
    if what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "sparse":
        path.touch()
        os.truncate(path, 2**42)
    else:
        path.symlink_to({"link": victim, "endless": "/dev/zero", "nowhere": "nowhere", "circle": path}[what])


def write_manifest(folder: Path, draw: Draw) -> list[str]:
    """The run folder of a list of jobs."""
    from impasto.lab.run_folder import RunFolder

    shutil.copytree(SAMPLES / "sweep", folder / "sweep", dirs_exist_ok=True)
    jobs = RunFolder.open(folder / "sweep").manifest.jobs
    for job in jobs:  # results count where they name their job as this version does
        path = folder / "sweep" / "results" / f"{job.name}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"identity": job.identity}))
    names = ["manifest.json", "results/strength-20.json", "events/strength-20.jsonl"]
    file = draw(st.sampled_from([*names, *names, *names, "pastiches/strength-20.png", "contact-sheet.png"]))
    path = folder / "sweep" / file
    if file.endswith(".png") or draw(st.integers(0, 9)) == 0:
        put_strange(path, draw, folder)
        return ["again", "sweep", "-q"]
    if file.endswith(".jsonl"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("\n".join(map(json_text, mutated(lines, draw, folder))), errors="surrogatepass")
    elif draw(st.integers(0, 5)) == 0:
        path.write_bytes(damaged(path.read_bytes(), draw))
    else:
        path.write_text(json_text(mutated(json.loads(path.read_text()), draw, folder)))
    if draw(st.integers(0, 9)) == 0:
        name = draw(st.sampled_from(["results", "pastiches", "events"]))
        shutil.rmtree(folder / "sweep" / name)
        (folder / "sweep" / name).symlink_to(folder.parent / VICTIMS)
    return ["again", "sweep", "-q"]


FILM = ["video", "clip.gif", "painting.png", "-o", "out.gif", "--size", "32", "-q"]


@lru_cache
def begun_film() -> dict[str, bytes]:
    """A clip of six frames with a cut, and the run folder of a film of it that was stopped; by name."""
    from impasto.cli import main as cli
    from impasto.events import FrameDone
    from impasto.video import paint

    random_state = np.random.default_rng(0)
    places = [np.kron(random_state.integers(0, 256, (6, 9, 3)), np.ones((4, 4, 1))).astype(np.uint8) for _ in range(2)]
    frames = [Image.fromarray(places[number // 3][:, number : number + 32]) for number in range(6)]
    before, threads = Path.cwd(), torch.get_num_threads()
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        make_desk(Path(name))
        os.chdir(name)
        frames[0].save("clip.gif", save_all=True, append_images=frames[1:], duration=100)
        real = paint.Film.__iter__

        def stopped(self: paint.Film) -> Iterator[Event]:
            for event in real(self):
                self.controls.stop = isinstance(event, FrameDone) and event.frame == 3
                yield event

        patch.setattr(paint.Film, "__iter__", stopped)
        try:
            torch.set_num_threads(1)  # as in the child, which is to take the film for its own
            assert cli.main(FILM) == 0
            return {str(path): path.read_bytes() for path in [Path("clip.gif"), *Path("out.gif.run").iterdir()]}
        finally:
            os.chdir(before)
            torch.set_num_threads(threads)


def write_film(folder: Path, draw: Draw) -> list[str]:
    """The run folder of a film, beside its clip."""
    files = begun_film()
    for name, data in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    run = folder / "out.gif.run"
    kind = draw(st.sampled_from(["plan", "plan", "times", "shot", "state", "frame", "links", "links"]))
    if kind == "plan":
        plan = mutated(json.loads(files["out.gif.run/film.json"]), draw, folder)
        if isinstance(plan, dict) and draw(st.integers(0, 3)):
            plan["identity"] = json.loads(files["out.gif.run/film.json"])["identity"]
        (run / "film.json").write_text(json_text(plan), errors="surrogatepass")
    elif kind == "times":
        words = [line.split() for line in (run / "times.txt").read_text().splitlines()]
        lines = [
            " ".join(map(str, line if isinstance(line, list) else [line])) for line in mutated(words, draw, folder)
        ]
        data = "".join(f"{line}\n" for line in lines).encode(errors="surrogatepass")
        (run / "times.txt").write_bytes(damaged(data, draw) if draw(st.integers(0, 3)) == 0 else data)
    elif kind in ("shot", "state"):
        name = "state.safetensors" if kind == "state" else draw(st.sampled_from(["shot-00001.safetensors",
                                                                                "shot-00002.safetensors"]))  # fmt: skip
        (folder / "sound").write_bytes(files[f"out.gif.run/{name}"])
        _tensor_file(folder / "sound", run / name, draw, folder, lambda about: about.get("frame", ""), True)
    elif kind == "frame":
        path = run / f"frame-{draw(st.integers(1, 5)):07}.png"
        sizes = st.sampled_from([(1, 1), (32, 24), (32, 25), (9000, 9000)])
        modes = st.sampled_from(["L", "RGB", "RGBA", "P", "I;16"])
        Image.new(draw(modes), draw(sizes)).save(path)
        if draw(st.booleans()):
            path.write_bytes(damaged(path.read_bytes(), draw, 64))
    else:
        names = ["film.json", "times.txt", "state.safetensors", "shot-00001.safetensors", "frame-0000001.png",
                 "frame-0000006.png", "part.sha256", "."]  # fmt: skip
        name = draw(st.sampled_from(names))
        if name == ".":
            shutil.rmtree(run)
            run.symlink_to(folder.parent / VICTIMS)
        else:
            put_strange(run / name, draw, folder)
    return [*FILM, *(["--overwrite"] if draw(st.booleans()) else [])]


# ------------------------------------------------------------------------------------- texts and pictures


def write_recipe(folder: Path, draw: Draw) -> list[str]:
    """A recipe."""
    values = {
        "description": "x", "size_px": 32, "strength": 50.0, "steps": [1, 1], "style_layers": {"relu1_1": 1.0},
        "encoder": "lite", "color": "photo", "starting_point": "noise", "max_memory_bytes": "2GB", "optimizer": "adam",
    }  # fmt: skip
    values = mutated(values, draw, folder)
    text = "\n".join(f"{json.dumps(str(key))} = {_toml(value)}" for key, value in values.items())
    data = text.encode(errors="surrogatepass")
    (folder / "x.toml").write_bytes(damaged(data, draw) if draw(st.integers(0, 5)) == 0 else data)
    return ["paint", "photo.png", "painting.png", "-o", "out.png", "--recipe", "x.toml", "-q"]


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list):
        return "[" * 2000 if len(repr(value)) > 4000 else f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(k))} = {_toml(v)}" for k, v in value.items()) + "}"
    return json.dumps(value) if value is not None else '""'


def write_table(folder: Path, draw: Draw) -> list[str]:
    """A batch table."""
    cell = st.one_of(st.sampled_from(["photo.png", "painting.png", "flow", "30", "", *TEXTS]), victim_paths(folder))
    columns = [
        "photo",
        "painting",
        *draw(
            st.lists(
                st.sampled_from(
                    ["strength", "recipe", "encoder", "color", "starting_point", "steps", "x", "photo", ""]
                ),
                max_size=3,
            )
        ),
    ]
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(columns)
    for _ in range(draw(st.integers(0, 3))):
        row = ["photo.png", "painting.png", *(draw(cell) for _ in columns[2:])]
        if draw(st.booleans()):
            row[draw(st.integers(0, 1))] = draw(cell)
        writer.writerow(row[: draw(st.integers(1, 6))] if draw(st.integers(0, 5)) == 0 else row)
    data = stream.getvalue().encode(errors="surrogatepass")
    (folder / "t.csv").write_bytes(damaged(data, draw) if draw(st.integers(0, 5)) == 0 else data)
    return ["batch", "t.csv", "-o", "made", "-q"]


def write_record(folder: Path, draw: Draw) -> list[str]:
    """A picture with a run record, or a draft with its own."""
    from impasto.images.reading import load_picture, read_record

    source = SAMPLES / draw(st.sampled_from(["pastiche.png", "regions.png", "draft.png"]))
    for name in ("mask.png", "small-painting.png"):
        shutil.copy(SAMPLES / name, folder / name)
    record = mutated(read_record(source), draw, folder)
    try:
        save_picture(folder / "x.png", load_picture(source).pixels(), record=record, overwrite=True)
    except Exception:  # noqa: BLE001 (what XMP cannot hold)
        shutil.copy(source, folder / "x.png")
    return draw(
        st.sampled_from(
            [
                ["info", "x.png"],
                ["replay", "x.png", "-o", "out.png", "-q"],
                ["enlarge", "x.png", "--size", "64", "-o", "out.png", "-q"],
            ]
        )
    )


# ---------------------------------------------------------------------------------------- published weights


def write_weights(folder: Path, draw: Draw) -> list[str]:
    """A weight file of Keras or torch."""
    victim = folder.parent / VICTIMS / draw(st.sampled_from(SECRETS))
    if draw(st.integers(0, 2)) == 0:
        state = {"features.0.weight": torch.zeros(64, 3, 3, 3), "features.0.bias": torch.zeros(64)}
        name = draw(
            st.sampled_from(
                [
                    "features.x.weight",
                    "features.0",
                    "features.99999999999.weight",
                    "block1_conv1_W_table",
                    "block1_conv1_W_q",
                ]
            )
        )
        state[name] = draw(
            st.sampled_from([torch.zeros(3), torch.zeros(0), torch.full((256,), 7.0), torch.zeros(2, dtype=torch.int8)])
        )
        torch.save(state if draw(st.booleans()) else draw(st.sampled_from([[], {}, {"a": {}}, 3])), folder / "x.pth")
        (folder / "x.pth").write_bytes(
            damaged((folder / "x.pth").read_bytes(), draw) if draw(st.booleans()) else (folder / "x.pth").read_bytes()
        )
        return ["weights", "import", "x.pth", "-o", "enc.safetensors"]
    path = folder / "x.h5"
    with h5py.File(path, "w") as file:
        layer = draw(
            st.sampled_from(["block1_conv1", "block1_convx", "block9_conv", "../block1_conv1", "block1_conv1/x"])
        )
        names = draw(
            st.sampled_from(
                [[b"kernel", b"bias"], [b"kernel"], [b"/kernel", b"bias"], [b"../other", b"bias"], [b"a/b", b"bias"]]
            )
        )
        file.attrs["layer_names"] = (
            [layer.encode()] if draw(st.integers(0, 5)) else draw(st.sampled_from([3, "x", [1.5]]))
        )
        group = file.require_group("block1_conv1" if "/" in layer else layer)
        group.attrs["weight_names"] = names
        how = draw(
            st.sampled_from(
                ["plain", "external storage", "external link", "soft link", "virtual", "huge", "integers", "objects"]
            )
        )
        shape = (3, 3, 3, 64)
        if how == "plain":
            group.create_dataset("kernel", data=np.zeros(shape, np.float32))
        elif how == "external storage":
            group.create_dataset("kernel", shape=(4,), dtype=np.uint8, external=[(str(victim), 0, 4)])
        elif how == "external link":
            group["kernel"] = h5py.ExternalLink(str(victim), "/x")
        elif how == "soft link":
            group["kernel"] = h5py.SoftLink("/elsewhere")
        elif how == "virtual":
            layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
            layout[:] = h5py.VirtualSource(str(victim), "x", shape=(4,))
            group.create_virtual_dataset("kernel", layout)
        elif how == "huge":
            group.create_dataset("kernel", shape=(300_000, 300_000), dtype="f4", chunks=(64, 64))
        elif how == "integers":
            group.create_dataset("kernel", data=np.zeros(shape, np.int64))
        else:
            group.create_dataset("kernel", data=[b"x", b"yy"])
        group.create_dataset("bias", data=np.zeros(64, np.float32))
    if draw(st.integers(0, 4)) == 0:
        path.write_bytes(damaged(path.read_bytes(), draw))
    return ["weights", "import", "x.h5", "-o", "enc.safetensors"]


WRITERS: dict[str, Callable[[Path, Draw], list[str]]] = {
    "style file": write_style,
    "encoder file": write_encoder,
    "stylizer file": write_stylizer,
    "interrupted run": write_run,
    "list of jobs": write_manifest,
    "film": write_film,
    "recipe": write_recipe,
    "batch table": write_table,
    "record": write_record,
    "published weights": write_weights,
}
