"""Damaged encoder files, recipes and run records: what was meant, or one clear line."""

from __future__ import annotations

import copy
import io
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from damage import XMP, damaged_bytes
from PIL import Image
from safetensors.torch import load_file, save_file

from impasto.cli import main as cli
from impasto.encoders import Architecture, Encoder, load_encoder
from impasto.encoders.weights import pack_encoder
from impasto.errors import ImpastoError, InputError, OptionError, RecordError, WeightsError
from impasto.images.writing import save_picture
from impasto.options.fields import PaintOptions
from impasto.runs.build import build_replay, resolve_options
from impasto.runs.record import parse_record

KINDS = ["cut", "flips", "flips", "zeros", "noise", "gone", "twice"]


def outcome(action: Callable[[], Any], *allowed: type[ImpastoError]) -> Any:
    """What `action` returns, or None where it raised one of the errors allowed, with one clear line."""
    try:
        return action()
    except allowed as error:
        line = str(error)
        assert line.isprintable()
        assert 10 < len(line) <= 600
        return None


# -------------------------------------------------------------------------------------- encoder files


@pytest.fixture
def encoder_file(tmp_path: Path) -> Path:
    random_state = torch.Generator().manual_seed(0)
    shapes = {"conv1_1": (4, 3, 3, 3), "conv2_1": (5, 4, 3, 3)}
    tensors = {f"{name}.weight": torch.randn(shape, generator=random_state) for name, shape in shapes.items()}
    tensors |= {f"{name}.bias": torch.randn(shape[0], generator=random_state) for name, shape in shapes.items()}
    tensors["geometry.relu2_1"] = torch.eye(5)
    path = tmp_path / "two.safetensors"
    path.write_bytes(
        pack_encoder(
            "two", Architecture((4, 5), (1, 1)), tensors, mean=(0.1, 0.2, 0.3), about={"licence": "CC0 " * 500}
        )
    )
    return path


def computes(encoder: Encoder) -> torch.Tensor:
    picture = torch.linspace(0, 1, 3 * 8 * 8).view(1, 3, 8, 8)
    maps = encoder(picture, ["relu1_1", "relu2_1"])
    return torch.cat([maps["relu1_1"].flatten(), encoder.in_geometry("relu2_1", maps["relu2_1"]).flatten()])


def test_a_damaged_encoder_file_computes_the_same_or_is_refused(encoder_file: Path) -> None:
    whole, expected = encoder_file.read_bytes(), computes(load_encoder(str(encoder_file)))
    random_state, seen = random.Random(1), Counter[str]()
    for _ in range(500):
        encoder_file.write_bytes(damaged_bytes(random_state, random_state.choice(KINDS), whole))
        encoder = outcome(lambda: load_encoder(str(encoder_file)), WeightsError)
        seen["refused" if encoder is None else "loaded"] += 1
        if encoder is not None:  # the licence or the name was hit, or nothing
            assert torch.equal(computes(encoder), expected)
    assert min(seen["refused"], seen["loaded"]) > 20


def rewritten(path: Path, tensors: dict[str, torch.Tensor], **changes: str) -> None:
    """Write the file anew with other tensors and texts, and no checksum: by somebody else's hand."""
    description = {
        "format": "impasto-encoder", "format_version": "1", "name": "two", "mean": "[0.1, 0.2, 0.3]",
        "architecture": '{"widths": [4, 5], "depths": [1, 1]}',
    }  # fmt: skip
    save_file(load_file(path) | tensors, path, metadata=description | changes)


def shape(widths: object, depths: object) -> str:
    return json.dumps({"widths": widths, "depths": depths})


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": shape([4, 5], [1, 10**9])},
        {"architecture": shape([4, -5], [1, 1])},
        {"architecture": shape([4, 5.0], [1, 1])},
        {"architecture": shape([4, "5"], [1, 1])},
        {"architecture": shape([4, 10**30], [1, 1])},
        {"architecture": shape([4] * 100, [1] * 100)},
        {"architecture": shape("45", "11")},
        {"architecture": "[" * 100_000},
        {"architecture": "7"},
        {"mean": "[0.5, 0.5, NaN]"},
        {"mean": '[0.5, 0.5, "0.5"]'},
        {"mean": '"abc"'},
        {"mean": "[" + "9" * 5_000 + ", 0, 0]"},
        {"format_version": "\x1b[2J" + "1" * 10_000},
    ],
)
def test_descriptions_of_no_encoder(encoder_file: Path, changes: dict[str, str]) -> None:
    rewritten(encoder_file, {}, **changes)
    assert outcome(lambda: load_encoder(str(encoder_file)), WeightsError) is None


@pytest.mark.parametrize(
    ("key", "tensor"),
    [
        ("conv1_1.weight", torch.full((4, 3, 3, 3), torch.nan)),
        ("conv1_1.weight", torch.full((4, 3, 3, 3), torch.inf)),
        ("conv1_1.weight", torch.ones(4, 3, 3, 3, dtype=torch.int64)),
        ("conv1_1.weight", torch.ones(4, 3, 3, 3, dtype=torch.bool)),
        ("conv1_1.weight", torch.ones(4, 3, 3, 3, dtype=torch.complex64)),
        ("conv1_1.weight", torch.ones(4, 27)),
        ("conv2_1.bias", torch.ones(())),
        ("conv2_1.bias", torch.ones(0)),
        ("geometry.relu2_1", torch.ones(5)),
        ("geometry.relu2_1", torch.ones(3, 5)),
        ("geometry.relu9_9", torch.ones(5, 5)),
    ],
)
def test_tensors_of_no_encoder(encoder_file: Path, key: str, tensor: torch.Tensor) -> None:
    rewritten(encoder_file, {})
    assert load_encoder(str(encoder_file)), "sound without a checksum, too"
    rewritten(encoder_file, {key: tensor})
    assert outcome(lambda: load_encoder(str(encoder_file)), WeightsError) is None


@pytest.mark.parametrize("suffix", [".safetensors", ".toml", ".png"])
def test_pipes_folders_and_devices_are_not_opened(tmp_path: Path, suffix: str) -> None:
    pipe, device, folder = (tmp_path / f"{name}{suffix}" for name in ("pipe", "device", "folder"))
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    folder.mkdir()
    for path in (pipe, device, folder, tmp_path / f"nowhere{suffix}", tmp_path / f"{'long' * 100}{suffix}"):
        text = str(path)
        actions = {
            ".safetensors": lambda text=text: load_encoder(text),
            ".toml": lambda text=text: resolve_options(text, {}),
            ".png": lambda text=text: build_replay(text, overrides={}),
        }
        assert outcome(actions[suffix], WeightsError, InputError) is None


# -------------------------------------------------------------------------------------------- recipes

RECIPE = (
    'description = "é"\nsize_px = 512\nstrength = 40.5\nsteps = [50, 20]\nstarting_point = "noise"\nseed = 7\n'
    'style_loss = "gram"\naverage = 0.9\n[style_layers]\nrelu1_1 = 4\nrelu4_1 = 1.5\n'
)
JUNK = [
    None, True, -1, 0, 3, 10**30, 1e308, float("nan"), float("inf"), "", "x" * 100_000, "\x1b[2J\n\ud800", "1,2,x",
    "relu1_1:x", [], [[]], [1, "a"], [None], {}, {"a": {}}, {"relu1_1": -1}, {"": 1}, [1] * 10_000,
]  # fmt: skip


def test_a_damaged_recipe_gives_options_or_one_line(tmp_path: Path) -> None:
    path, random_state, seen = tmp_path / "mine.toml", random.Random(2), Counter[str]()
    for _ in range(400):
        path.write_bytes(damaged_bytes(random_state, random_state.choice(KINDS), RECIPE.encode()))
        options = outcome(lambda: resolve_options(str(path), {}), InputError, OptionError)
        seen["refused" if options is None else "read"] += 1
        assert options is None or isinstance(options, PaintOptions)
    assert min(seen["refused"], seen["read"]) > 10


@pytest.mark.parametrize(
    "text",
    [
        "seed = " + "9" * 5_000,
        "seed = 0x" + "f" * 5_000,
        "seed = " + "[" * 50_000,
        "seed = " + "{a=" * 5_000,
        "seed = " + "[" * 400 + "]" * 400,
        "[" + ".".join("a" * 20_000) + "]",
        "seed = 1979-05-27T07:32:00Z",
        "seed = 1\nseed = 2",
        "steps = [" + "1," * 40_000 + "0]",
        "style_layers = " + '"' + "relu1_1:" * 10_000 + '"',
        "x" * 50_000 + " = 1",
        "# " + "x" * 200_000,
        "<!DOCTYPE html><html></html>",
        "\0" * 100,
    ],
)
def test_recipes_of_the_wrong_kind(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    assert outcome(lambda: resolve_options(str(path), {}), InputError, OptionError) is None


@pytest.mark.parametrize("option", PaintOptions.model_fields)
def test_every_option_takes_junk_or_says_why_not(option: str) -> None:
    taken = [value for value in JUNK if outcome(lambda v=value: resolve_options(None, {option: v}), OptionError)]
    assert len(taken) < len(JUNK) / 2


# -------------------------------------------------------------------------------------------- records

Values = dict[str, Any]


@pytest.fixture(scope="module")
def record() -> Values:
    file = {"name": "photo.png", "sha256": "ab" * 32}
    return {
        "format_version": 1, "impasto": "0.1.0", "recipe": None, "options": PaintOptions().model_dump(mode="json"),
        "encoder": {"name": "lite", "sha256": "cd" * 32},
        "inputs": {"content": file, "paintings": [file | {"weight": 1.0}], "starting_picture": None},
        "stopped_after": {"scale": 1, "step": 3},
        "machine": {"torch": "2.9", "threads": 2, "instruction_set": "AVX2", "architecture": "x86_64",
                    "system": "Linux", "device": "cpu"},
        "bit_depth": 8,
    }  # fmt: skip


def places(value: object) -> list[tuple[Any, Any]]:
    """Every (container, key) within a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in [(value, key), *places(item)]]


def test_a_record_with_junk_is_usable_or_refused(record: Values, tmp_path: Path) -> None:
    assert parse_record(record, "out.png").options == PaintOptions()
    random_state, seen = random.Random(3), Counter[str]()
    for _ in range(1_500):
        damaged = copy.deepcopy(record)
        container, key = random_state.choice(places(damaged))
        if random_state.random() < 0.2:
            del container[key]
        else:
            container[key] = random_state.choice(JUNK)
        parsed = outcome(lambda values=damaged: parse_record(values, "out.png"), RecordError)
        seen["refused" if parsed is None else "read"] += 1
        if parsed is not None:
            weights = [painting.weight for painting in parsed.inputs.paintings]
            assert weights or parsed.inputs.content
            assert all(0 < weight < float("inf") for weight in weights)
    assert min(seen["refused"], seen["read"]) > 200


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> bool:
    """Run a command; returns whether it succeeded. What it tells is printable, and one line where it fails."""
    code = cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert code in (0, 1)
    assert all(line.isprintable() for line in out.split("\n"))
    assert out.isascii() or "--json" not in arguments
    if code:
        assert err.startswith("impasto: ")
        assert err.endswith("\n")
        assert err[:-1].isprintable()
    return code == 0


def test_damaged_packets_through_the_command_line(
    record: Values, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packet = XMP % json.dumps(record).encode()
    path, random_state, seen = tmp_path / "a.jpg", random.Random(4), Counter[bool]()
    for _ in range(80):
        damaged = damaged_bytes(random_state, random_state.choice(KINDS), packet)
        Image.new("RGB", (9, 9)).save(path, xmp=damaged)
        seen[run(capsys, "info", path)] += 1
        assert not run(capsys, "replay", path, "-o", tmp_path / "out.png"), "its inputs are nowhere"
    assert min(seen[True], seen[False]) > 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.jpg"]


@pytest.mark.parametrize(
    "changes",
    [
        {"impasto": "\x1b[2J\x9b\u202e\ud800"},
        {"recipe": "\x1b]0;title\x07\n\n"},
        {"impasto": "x" * 20_000, "format_version": "y" * 20_000},
        {"format_version": 1e300},
        {"format_version": [[[[]]]] * 100},
        {"impasto": {"a": ["b"]}, "format_version": None},
    ],
)
def test_records_that_speak_to_the_terminal(
    record: Values, tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: Values
) -> None:
    save_picture(tmp_path / "a.png", np.zeros((4, 4, 3), np.float32), record=record | changes)
    run(capsys, "info", tmp_path / "a.png")
    assert run(capsys, "info", tmp_path / "a.png", "--json")


def test_letters_that_the_terminal_has_not(record: Values, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = copy.deepcopy(record)
    changed["inputs"]["content"]["name"] = "Zoë ☃.png"
    save_picture(tmp_path / "a.png", np.zeros((4, 4, 3), np.float32), record=changed)
    written = io.BytesIO()
    with io.TextIOWrapper(written, encoding="ascii") as ascii_only:
        monkeypatch.setattr(sys, "stdout", ascii_only)
        assert cli.main(["info", str(tmp_path / "a.png")]) == 0
        ascii_only.flush()
        assert rb"Zo\xeb \u2603.png" in written.getvalue()
