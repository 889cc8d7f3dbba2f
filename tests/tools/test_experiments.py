"""The page of experiments and what carries it out agree: commands parse, pictures and tables have a source."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import experiments
from impasto.cli import main as cli

PAGE = experiments.PAGE.read_text(encoding="utf-8")
COMMANDS = experiments.commands(PAGE)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: str(experiments.output(words)))
def test_every_command_goes_through_the_parser(words: list[str]) -> None:
    _, _, unused = cli.build_app().parse_args(words, exit_on_error=False, print_error=False)
    assert unused.keys() <= {"replaces"}  # no flag sets it
    assert experiments.output(words).parent == Path(), "it belongs into the working folder"


def test_the_network_of_the_paper_comes_first() -> None:
    first = next(words for words in COMMANDS if words[0] == "reconstruct")
    assert first[first.index("--encoder") + 1] == "vgg19"
    judges = [words[words.index("--judge") + 1] for words in COMMANDS if words[0] in ("sweep", "compare")]
    assert set(judges) == {"vgg19"}


def test_what_is_missing_is_said(weights_folder: Path) -> None:
    assert experiments.missing_weights(COMMANDS) == ["vgg19"]
    assert experiments.missing_weights([["paint", "--encoder", "lite"]]) == []
    (weights_folder / f"vgg19-8bit.{'0' * 64}.safetensors").touch()
    assert experiments.missing_weights(COMMANDS) == []


def test_every_picture_and_table_is_made_by_a_command() -> None:
    made = [str(experiments.output(words).with_suffix("")) for words in COMMANDS]
    shown = experiments.pictures(PAGE)
    assert shown
    for name in shown:
        assert any(Path(name).stem == stem or name.startswith(f"{stem}-") for stem in made), name
        assert (experiments.PAGE.parent / experiments.PICTURES / name).stat().st_size < experiments.LIMIT_BYTES
    runs = [found[1] for found in experiments.TABLE.findall(PAGE)]
    assert len(runs) == PAGE.count("<!-- table ")
    assert {one for run in runs for one in run.split("+")} <= set(made)


def test_tables_are_drawn_from_results(tmp_path: Path) -> None:
    (tmp_path / "grid").mkdir()
    (tmp_path / "grid" / "results.csv").write_text(
        "painting,tv_weight,ssim,seconds\nwaves.jpg,0.0,0.123456,\nwaves.jpg,0.1,0.5,12.3456\n", encoding="utf-8"
    )
    page = "before\n<!-- table grid tv_weight=0.1: painting ssim seconds -->\nold\n<!-- /table -->\nafter\n"
    renewed = experiments.renew_tables(page, tmp_path)
    assert "| painting | ssim | seconds |\n| --- | --- | --- |\n| waves | 0.5 | 12.3 |\n<!-- /table -->" in renewed
    assert "0.123" not in renewed
    assert experiments.renew_tables(renewed, tmp_path) == renewed


def test_a_table_of_several_run_folders(tmp_path: Path) -> None:
    for name, ssim in (("one", 0.25), ("other", 0.75)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.csv").write_text(f"photo,ssim\n{name}.jpg,{ssim}\n", encoding="utf-8")
    renewed = experiments.renew_tables("<!-- table one+other: photo ssim -->\n<!-- /table -->\n", tmp_path)
    assert "| one | 0.25 |\n| other | 0.75 |" in renewed


def test_pictures_are_found_by_their_names_and_become_small(tmp_path: Path) -> None:
    (tmp_path / "grid").mkdir()
    for path in ("strip.png", "grid/contact-sheet.png", "grid/contact-sheet-2.png", "grid/loss-curves.png"):
        Image.effect_noise((2000, 300), 80).save(tmp_path / path)
    found = {name: experiments.source(name, tmp_path) for name in
             ("strip.jpg", "grid.jpg", "grid-2.jpg", "grid-curves.jpg", "grid-3.jpg", "grid.webp")}  # fmt: skip
    assert [path and path.name for path in found.values()] == [
        "strip.png", "contact-sheet.png", "contact-sheet-2.png", "loss-curves.png", None, None
    ]  # fmt: skip
    experiments.save_small(tmp_path / "strip.png", tmp_path / "small" / "strip.jpg")
    assert (tmp_path / "small" / "strip.jpg").stat().st_size < experiments.LIMIT_BYTES
    with Image.open(tmp_path / "small" / "strip.jpg") as small:
        assert small.size == (1280, 192)
