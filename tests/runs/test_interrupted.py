"""The run folder: found, described, read again, refused with the reason, cleared without what is others'."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import impasto
from impasto.errors import CheckpointError, OutputError
from impasto.images.reading import load_picture
from impasto.inputs.recorded import RecordedFile, RecordedInputs
from impasto.inputs.run_inputs import RunInputs
from impasto.options.fields import PaintOptions
from impasto.runs.interrupted import (
    InputSource,
    RunState,
    describe_source,
    find_run_folder,
    holds_run,
    read_inputs,
    read_run,
    remove_run,
    run_folder_of,
)
from impasto.runs.record import Machine
from impasto.storage.places import trusts_all

MACHINE = Machine(torch="2", threads=1, instruction_set="AVX2", architecture="x86", system="Linux", device="cpu")


def state_of(inputs: RunInputs, folder: Path, **changes: Any) -> RunState:
    values = {
        "recipe": None,
        "options": PaintOptions(),
        "encoder_sha256": "e",
        "inputs": inputs.describe(),
        "sources": tuple(describe_source(file, folder) for file in inputs.files),
        "machine": MACHINE,
    }
    return RunState.model_validate(values | changes)


def saved_run(folder: Path) -> Path:
    folder.mkdir()
    (folder / "checkpoint-000001.safetensors").write_bytes(b"state")
    return folder


# ---------------------------------------------------------------------------------------- the folder


def test_a_run_folder_lies_beside_its_picture() -> None:
    assert run_folder_of(Path("a/b/pastiche.png")) == Path("a/b/pastiche.png.run")


def test_a_run_is_found_by_its_folder_or_its_picture(tmp_path: Path) -> None:
    folder = saved_run(tmp_path / "a.png.run")
    assert find_run_folder(folder) == find_run_folder(tmp_path / "a.png") == folder
    (tmp_path / "a.png").write_bytes(b"painted over")
    assert find_run_folder(tmp_path / "a.png") == folder
    with pytest.raises(CheckpointError, match=r"there is no interrupted run '.*b\.png': give the folder, such as"):
        find_run_folder(tmp_path / "b.png")
    with pytest.raises(CheckpointError, match="x" * 300):
        find_run_folder(tmp_path / ("x" * 300))


def test_what_holds_a_run(tmp_path: Path) -> None:
    assert not holds_run(tmp_path / "gone")
    assert not holds_run(tmp_path)
    (tmp_path / "checkpoint-000001.partial").write_bytes(b"")
    assert not holds_run(tmp_path)
    assert holds_run(saved_run(tmp_path / "run"))


def test_only_our_files_are_removed(tmp_path: Path) -> None:
    folder = saved_run(tmp_path / "run")
    for name in ("checkpoint-000002.partial", "input-0.npy", "input-1.partial", "frame-000.npy"):
        (folder / name).write_bytes(b"")
    (folder / "notes.txt").write_text("mine")
    remove_run(folder)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    (folder / "notes.txt").unlink()
    remove_run(folder)
    assert not folder.exists()
    remove_run(folder)


def test_a_folder_that_cannot_be_cleared_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved_run(tmp_path / "run")

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(OutputError, match=r"cannot clear the run folder '.*run': Permission denied; remove it"):
        remove_run(folder)


# ---------------------------------------------------------------------------------------- its inputs


def test_files_are_read_again_from_their_place_and_arrays_from_the_folder(
    folder_with_pictures: Path, painting_pixels: np.ndarray
) -> None:
    folder = folder_with_pictures / "run"
    inputs = RunInputs.load("photo.png", [painting_pixels, (painting_pixels[:, ::-1], 2.0)])
    state = state_of(inputs, folder)
    assert [Path(source.path).is_absolute() for source in state.sources] == [True, False, False]
    assert len(list(folder.iterdir())) == 2
    folder.rename(folder_with_pictures / "moved")
    os.chdir("/")
    assert read_inputs(state, folder_with_pictures / "moved") == inputs


def test_an_array_is_written_once(tmp_path: Path, photo_pixels: np.ndarray) -> None:
    picture = impasto.picture_from_array(photo_pixels)
    source = describe_source(picture, tmp_path)
    before = (tmp_path / source.path).stat().st_mtime_ns
    assert describe_source(picture, tmp_path) == source
    assert (tmp_path / source.path).stat().st_mtime_ns == before
    np.testing.assert_array_equal(np.load(tmp_path / source.path), photo_pixels)


def test_bytes_are_read_again_from_the_folder(folder_with_pictures: Path) -> None:
    data = Path("photo.png").read_bytes()
    inputs = RunInputs.load(data, "painting.png")
    state = state_of(inputs, Path("run"))
    assert [Path(source.path).suffix for source in state.sources] == [".picture", ".png"]
    assert (Path("run") / state.sources[0].path).read_bytes() == data
    Path("photo.png").unlink()
    again = read_inputs(state, Path("run"))
    assert again == inputs
    assert again.photo is not None
    assert again.photo.sha256 == hashlib.sha256(data).hexdigest()
    remove_run(Path("run"))
    assert not Path("run").exists()


def test_a_style_file_is_read_again_too(folder_with_pictures: Path) -> None:
    style = impasto.save_style("painting.png", "painting.style")
    inputs = RunInputs.load("photo.png", style)
    assert read_inputs(state_of(inputs, folder_with_pictures), folder_with_pictures) == inputs


def test_an_input_that_changed_or_is_gone_is_refused_by_its_role(folder_with_pictures: Path) -> None:
    inputs = RunInputs.load("photo.png", "painting.png")
    state = state_of(inputs, folder_with_pictures)
    photo = (folder_with_pictures / "photo.png").read_bytes()
    (folder_with_pictures / "photo.png").write_bytes((folder_with_pictures / "painting.png").read_bytes())
    with pytest.raises(
        CheckpointError, match=r"the content image '.*photo\.png' is not what it was when the run began"
    ):
        read_inputs(state, folder_with_pictures)
    (folder_with_pictures / "photo.png").write_bytes(photo)
    (folder_with_pictures / "painting.png").unlink()
    with pytest.raises(CheckpointError, match="the style image of the interrupted run cannot be read again"):
        read_inputs(state, folder_with_pictures)


def test_an_array_that_changed_or_is_gone_is_refused(tmp_path: Path, photo_pixels: np.ndarray) -> None:
    state = state_of(RunInputs.load(photo_pixels, photo_pixels), tmp_path)
    path = tmp_path / state.sources[0].path
    np.save(path, photo_pixels[::-1])
    with pytest.raises(CheckpointError, match="is not what it was"):
        read_inputs(state, tmp_path)
    path.write_bytes(b"no array")
    with pytest.raises(CheckpointError, match="cannot be read again"):
        read_inputs(state, tmp_path)
    path.unlink()
    with pytest.raises(CheckpointError, match="the content image of the interrupted run cannot be read again"):
        read_inputs(state, tmp_path)


def test_an_array_of_holes_is_not_read(tmp_path: Path, photo_pixels: np.ndarray) -> None:
    state = state_of(RunInputs.load(photo_pixels, photo_pixels), tmp_path)
    path = tmp_path / state.sources[0].path
    path.unlink()
    np.lib.format.open_memmap(path, "w+", np.uint8, (2**20, 2**20, 3))
    with pytest.raises(CheckpointError, match="it holds more than 250000000 pixels"):
        read_inputs(state, tmp_path)


def test_inputs_keep_to_the_limit_of_pixels(folder_with_pictures: Path) -> None:
    state = state_of(RunInputs.load("photo.png", "painting.png"), folder_with_pictures)
    with pytest.raises(CheckpointError, match="100 pixels"):
        read_inputs(state, folder_with_pictures, 100)


def test_a_state_names_a_source_for_every_input(tmp_path: Path, photo_pixels: np.ndarray) -> None:
    state = state_of(RunInputs.load(photo_pixels, photo_pixels[:, ::-1]), tmp_path)
    assert RunState.model_validate(state.model_dump(mode="json")) == state
    with pytest.raises(ValidationError, match="an input without its source"):
        RunState.model_validate(state.model_dump() | {"sources": state.sources[:1]})
    more = InputSource(name="more.png", sha256="m", path="/more.png")
    RunState.model_validate(state.model_dump() | {"sources": (*state.sources, more)})


# ------------------------------------------------------------------------------------ its checkpoints


@pytest.fixture
def interrupted(folder_with_pictures: Path, quick: dict[str, Any]) -> Path:
    controls = impasto.Controls(stop=True)
    impasto.paint("photo.png", "painting.png", controls=controls, run_folder="run", **quick)
    return folder_with_pictures / "run"


def test_the_newest_checkpoint_is_read(interrupted: Path, quick: dict[str, Any]) -> None:
    state, path, notes = read_run(interrupted, trusts=trusts_all)
    assert path.name == "checkpoint-000001.safetensors"
    assert notes == []
    assert state.options.steps == quick["steps"]
    assert state.inputs == RecordedInputs(
        content=RecordedFile(name="photo.png", sha256=load_picture("photo.png").sha256),
        paintings=RunInputs.load("photo.png", "painting.png").describe().paintings,
    )
    (interrupted / "checkpoint-000002.safetensors").write_bytes(path.read_bytes())
    assert read_run(interrupted, trusts=trusts_all)[1].name == "checkpoint-000002.safetensors"


def test_the_one_before_a_damaged_one(interrupted: Path) -> None:
    (interrupted / "checkpoint-000002.safetensors").write_bytes(b"half of it")
    _, path, notes = read_run(interrupted, trusts=trusts_all)
    assert path.name == "checkpoint-000001.safetensors"
    assert len(notes) == 1
    assert notes[0].startswith("the checkpoint checkpoint-000002.safetensors")
    assert notes[0].endswith("going on from the one before")


def test_what_differs_is_noted(interrupted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impasto.runs.interrupted.current_machine", lambda options: MACHINE)
    monkeypatch.setattr("impasto.runs.interrupted.__version__", "9.9")
    notes = read_run(interrupted, trusts=trusts_all)[2]
    assert notes[0] == f"not the same bytes: impasto: {impasto.__version__} then, 9.9 now"
    assert any(note.startswith("not the same bytes: torch: ") for note in notes)


def test_another_encoder_of_that_name_is_refused(interrupted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = SimpleNamespace(sha256="f" * 64)
    monkeypatch.setattr("impasto.encoders.weights.find_encoder", lambda name: other)
    with pytest.raises(CheckpointError, match=r"painted with another encoder .*now ffffffffffff\): put that one back"):
        read_run(interrupted, trusts=trusts_all)


def test_where_there_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no checkpoint in"):
        read_run(tmp_path)
    (tmp_path / "checkpoint-000001.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"the checkpoint checkpoint-000001\.safetensors"):
        read_run(tmp_path)
