"""First contact: what people try before they have read anything, and the outcome that they would want."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import OUT

import impasto
from impasto.cli import main as cli
from impasto.inputs.bundled import bundled_by_hash, bundled_paintings

# ------------------------------------------------------------------------------------ names of paintings


def flow_sha256() -> str:
    return next(sha256 for sha256, path in bundled_by_hash().items() if path.stem == "flow")


def test_a_bundled_painting_by_name_and_again_from_the_record(
    folder_with_pictures: Path, quick_flags: list[str], tiny_encoder_file: Path
) -> None:
    assert cli.main(["paint", "photo.png", "flow", "dots:0.5", *OUT, *quick_flags, "-q"]) == 0
    inputs: Any = impasto.read_record("out.png")["inputs"]
    assert [(painting["name"], painting["weight"]) for painting in inputs["paintings"]] == [
        ("flow.jpg", 1.0),
        ("dots.jpg", 0.5),
    ]
    assert inputs["paintings"][0]["sha256"] == flow_sha256()
    assert cli.main(["replay", "out.png", str(tiny_encoder_file), "-o", "again.png", "-q"]) == 0
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()


def test_a_file_of_that_name_wins_and_that_is_said(
    folder_with_pictures: Path, quick_flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("painting.png").rename("flow")
    assert cli.main(["paint", "photo.png", "flow", *OUT, *quick_flags]) == 0
    assert "note: 'flow' is the file of that name here, not the bundled painting" in capsys.readouterr().err
    inputs: Any = impasto.read_record("out.png")["inputs"]
    assert inputs["paintings"][0]["sha256"] != flow_sha256()
    pastiche = impasto.draft("photo.png", "flow", size_px=32)
    assert pastiche.notices == ("'flow' is the file of that name here, not the bundled painting",)


def test_bundled_paintings_in_drafts_batches_and_sweeps(
    folder_with_pictures: Path, quick: dict[str, Any], quick_flags: list[str], tiny_encoder_file: Path
) -> None:
    assert cli.main(["draft", "photo.png", "--paintings", "flow", "wash", "-o", "drafts", "--size", "32", "-q"]) == 0
    assert {path.name for path in Path("drafts").glob("*.jpg")} == {"photo_flow.jpg", "photo_wash.jpg"}
    judge = {"judge": str(tiny_encoder_file)}
    run = impasto.batch("photo.png", ["flow", "painting.png"], folder="batch", **judge, **quick)
    assert list(run.results) == ["photo_flow", "photo_painting"]
    assert not run.failed + run.missing
    Path("pairs.csv").write_text("photo,painting\nphoto.png,glass\n")
    pairs = impasto.batch("pairs.csv", folder="pairs", **judge, **quick)
    assert list(pairs.results) == ["photo_glass"]
    vary = ["--vary", "painting=flow,shards", "-o", "sweep", "--judge", judge["judge"]]
    assert cli.main(["sweep", "photo.png", "painting.png", *vary, *quick_flags, "-q"]) == 0
    manifest = json.loads(Path("sweep/manifest.json").read_text())
    assert [job["name"] for job in manifest["jobs"]] == ["flow", "shards"]


def test_an_unknown_name_leads_to_the_bundled_ones(
    folder_with_pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["paint", "photo.png", "woodcutt", *OUT]) == 1
    assert "did you mean the bundled painting 'woodcut'?" in capsys.readouterr().err
    assert cli.main(["paint", "photo.png", "monet", *OUT]) == 1
    assert ", ".join(bundled_paintings()) in capsys.readouterr().err
