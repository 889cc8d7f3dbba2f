"""The run record, and painting again from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import impasto
import impasto.api
from impasto.errors import RecordError
from impasto.images.reading import load_picture
from impasto.images.writing import save_picture
from impasto.inputs.recorded import RecordedFile
from impasto.runs.record import (
    RunRecord,
    find_files,
    parse_record,
    replay_differences,
    wanted_files,
)

Quick = dict[str, Any]


# ------------------------------------------------------------------------------------ what it holds


def test_a_record_describes_the_run(painted: impasto.Pastiche, quick: Quick, tiny_encoder_file: Path) -> None:
    record = parse_record(impasto.read_record("out.png"), "out.png")
    assert record.impasto == impasto.__version__
    assert record.recipe is None
    assert record.stopped_after is None
    assert record.inputs.content == RecordedFile(name="photo.png", sha256=load_picture("photo.png").sha256)
    assert [(p.name, p.weight) for p in record.inputs.paintings] == [
        ("painting.png", 2.0),
        ("photo.png", 0.5),
    ]
    assert record.encoder.name == "tiny"
    assert record.encoder.sha256 == load_file_hash(tiny_encoder_file)
    assert record.options.encoder == tiny_encoder_file.name
    assert record.options.size_px == 48
    assert record.options.threads == record.machine.threads == 1
    assert record.machine.torch == torch.__version__
    assert record.machine.instruction_set == torch.backends.cpu.get_cpu_capability()


def load_file_hash(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_was_left_to_the_machine_is_resolved(folder_with_pictures: Path, quick: Quick) -> None:
    options = {k: v for k, v in quick.items() if k not in ("size_px", "threads")} | {"steps": 1}
    record = impasto.paint("photo.png", "painting.png", **options).record
    assert record["options"]["size_px"] == 60
    assert record["options"]["threads"] == record["machine"]["threads"] >= 1


@pytest.mark.parametrize(
    ("asked", "unit", "used", "said"),
    [
        ("auto", "", "float32", ""),
        ("auto", "AMX", "bfloat16", "AMX"),
        ("float32", "AMX", "float32", ""),
        ("bfloat16", "", "bfloat16", "none"),
    ],
)
def test_precision_is_recorded_as_it_came_to_be(
    folder_with_pictures: Path,
    quick: Quick,
    tiny_encoder_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
    unit: str,
    used: str,
    said: str,
) -> None:
    monkeypatch.setattr("impasto.engine.devices.bfloat16_unit", lambda: unit)
    pastiche = impasto.paint("photo.png", "painting.png", **(quick | {"device": "cpu", "precision": asked}))
    assert pastiche.record["options"]["precision"] == used
    assert pastiche.record["machine"]["bfloat16"] == said
    pastiche.save("precise.png")
    again = impasto.replay("precise.png", [tiny_encoder_file])
    assert np.array_equal(again.pixels, pastiche.pixels)
    other = impasto.replay(
        "precise.png", [tiny_encoder_file], precision="float32" if used == "bfloat16" else "bfloat16"
    )
    assert not np.array_equal(other.pixels, pastiche.pixels)


def test_a_replay_where_bfloat16_is_multiplied_otherwise_says_so(
    folder_with_pictures: Path, quick: Quick, tiny_encoder_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = quick | {"encoder": str(tiny_encoder_file)}
    monkeypatch.setattr("impasto.engine.devices.bfloat16_unit", lambda: "AMX")
    for precision, expected in (("auto", ["bfloat16: AMX then, none now"]), ("float32", [])):
        record = RunRecord.model_validate(
            impasto.paint("photo.png", "painting.png", **(options | {"precision": precision})).record
        )
        resolved = record.options.model_copy(update={"encoder": str(tiny_encoder_file)})
        assert replay_differences(record, resolved) == []
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr("impasto.engine.devices.bfloat16_unit", lambda: "")
            assert replay_differences(record, resolved) == expected


def test_a_record_tells_no_folder_and_no_date(folder_with_pictures: Path, quick: Quick) -> None:
    (folder_with_pictures / "mine.toml").write_text("seed = 1")
    pastiche = impasto.paint(
        folder_with_pictures / "photo.png",
        folder_with_pictures / "painting.png",
        recipe=str(folder_with_pictures / "mine.toml"),
        starting_point=str(folder_with_pictures / "photo.png"),
        **quick,
    )
    text = json.dumps(pastiche.record)
    assert "/" not in text
    assert "\\" not in text
    assert not re.search(r"(19|20)\d\d[-:/]\d\d", text)


def test_json_round_trip(painted: impasto.Pastiche) -> None:
    record = parse_record(painted.record, "out.png")
    assert json.loads(json.dumps(painted.record)) == painted.record
    assert parse_record(record.model_dump(mode="json"), "out.png") == record
    assert impasto.read_record("out.png") == painted.record


def test_a_record_that_cannot_be_used(painted: impasto.Pastiche) -> None:
    good = painted.record
    with pytest.raises(RecordError, match=r"out\.png has a run record of format 2, made by impasto 9\.0"):
        parse_record(good | {"format_version": 2, "impasto": "9.0"}, "out.png")
    with pytest.raises(RecordError, match="format None"):
        parse_record({}, "out.png")
    with pytest.raises(RecordError, match="inputs"):
        parse_record({k: v for k, v in good.items() if k != "inputs"}, "out.png")
    with pytest.raises(RecordError, match="options, 'novelty'"):
        parse_record(good | {"options": good["options"] | {"novelty": 1}}, "out.png")


# ------------------------------------------------------------------------------------------- inputs


def file_of(path: str) -> RecordedFile:
    return RecordedFile(name=Path(path).name, sha256=load_file_hash(Path(path)))


def test_inputs_are_found_by_their_bytes(folder_with_pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    wanted = {"content image": file_of("photo.png"), "style image": file_of("painting.png")}
    photo, painting = (file.sha256 for file in wanted.values())
    assert find_files(wanted, [folder_with_pictures], []) == {
        photo: folder_with_pictures / "photo.png",
        painting: folder_with_pictures / "painting.png",
    }
    Path("photo.png").rename("renamed.jpg")
    assert find_files(wanted, [folder_with_pictures], [])[photo] == folder_with_pictures / "renamed.jpg"
    Path("photo.png").write_bytes(b"something else of that name")
    assert find_files(wanted, [folder_with_pictures], [])[photo] == folder_with_pictures / "renamed.jpg"
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    Path("renamed.jpg").rename(elsewhere / "hidden.bin")
    with pytest.raises(RecordError, match=r"content image 'photo\.png'"):
        find_files(wanted, [folder_with_pictures, elsewhere], [])
    assert find_files(wanted, [folder_with_pictures], [elsewhere / "hidden.bin"])[photo] == elsewhere / "hidden.bin"


def test_a_folder_that_cannot_be_read_holds_none(
    folder_with_pictures: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, closed = {"content image": file_of("photo.png")}, tmp_path_factory.mktemp("closed")
    real = Path.iterdir

    def iterdir(folder: Path) -> Iterator[Path]:
        if folder == closed:
            raise PermissionError(13, "Permission denied")
        return real(folder)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    assert list(find_files(wanted, [closed, folder_with_pictures], []).values()) == [folder_with_pictures / "photo.png"]


def test_one_file_may_play_two_parts(folder_with_pictures: Path) -> None:
    wanted = {"content image": file_of("photo.png"), "style image": file_of("photo.png")}
    assert set(find_files(wanted, [folder_with_pictures], []).values()) == {folder_with_pictures / "photo.png"}


def test_a_given_file_must_be_one_of_the_inputs(folder_with_pictures: Path) -> None:
    wanted = {"content image": file_of("photo.png")}
    with pytest.raises(RecordError, match=r"painting\.png' is none of the inputs of this picture \(photo\.png\)"):
        find_files(wanted, [folder_with_pictures], [folder_with_pictures / "painting.png"])
    with pytest.raises(RecordError, match=r"cannot read .*gone\.png.: there is no such file"):
        find_files(wanted, [folder_with_pictures], [folder_with_pictures / "gone.png"])


def test_overridden_inputs_are_not_wanted(folder_with_pictures: Path, quick: Quick) -> None:
    record = parse_record(
        impasto.paint("photo.png", "painting.png", starting_point="painting.png", **quick).record, "out.png"
    )
    assert list(wanted_files(record)) == ["content image", "style image", "starting point", "encoder"]
    assert list(wanted_files(record, ["encoder", "starting_point"])) == ["content image", "style image"]


# ------------------------------------------------------------------------------------------- replay


def test_what_differs_on_another_machine(folder_with_pictures: Path, quick: Quick) -> None:
    pastiche = impasto.paint("photo.png", "painting.png", **quick)
    record = parse_record(pastiche.record, "out.png")
    options = record.options.model_copy(update={"encoder": quick["encoder"]})
    assert replay_differences(record, options) == []
    machine = record.machine.model_copy(update={"torch": "1.0", "instruction_set": "NEON"})
    other = record.model_copy(update={"machine": machine, "impasto": "0.0.1"})
    lines = replay_differences(other, options)
    assert [line.split(":")[0] for line in lines] == ["impasto", "torch", "instruction set"]
    assert f"1.0 then, {torch.__version__} now" in lines[1]


def test_a_record_survives_being_saved_by_hand(painted: impasto.Pastiche) -> None:
    save_picture("hand.png", painted.pixels, record=painted.record)
    assert RunRecord.model_validate(impasto.read_record("hand.png")).bit_depth == 8
