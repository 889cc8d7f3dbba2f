"""The words that go with the program: snippets run, commands paint, links lead somewhere."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import make_clip
from cyclopts import App
from PIL import Image

import impasto
from impasto.cli import main as cli
from impasto.events import Controls
from impasto.options.fields import PaintOptions, build_options
from impasto.options.recipes import recipe_names
from impasto.runs import build
from impasto.runs.interrupted import Command, run_folder_of
from impasto.runs.record import RunRecord, parse_record
from import_graph import owner_of, tree

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
LANGUAGES = {"sh", "python", "toml", "json", "csv", "bash"}  # "bash": with programs that are not ours
RECIPE_FILE = "mine.toml"  # as docs/recipes.md calls the recipe it shows
SIZE_PX = 48
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
APACHE_2 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"  # the licence, to the letter
HERE = re.compile(r"/(?:root|home|Users|opt|work|mnt|srv)/[\w.-]")
REGISTRY = re.compile(
    r"pypi\.org|pythonhosted\.org|download\.pytorch\.org(?!/models)|index-[u]rl|artifactor[y]|/simpl[e]/"
)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """Fenced blocks of a language, in the page's order."""
    return [body for found, body in FENCE.findall(page.read_text(encoding="utf-8")) if found == language]


def commands(page: Path) -> list[list[str]]:
    """Command lines of the page's ``sh`` blocks as words, comments left out."""
    lines = "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def prose(page: Path) -> str:
    """The page without fenced blocks and comments."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)


def pages_with(language: str, slow: str = "") -> list[Any]:
    marks = {True: [pytest.mark.slow], False: []}
    return [pytest.param(page, id=name_of(page), marks=marks[name_of(page) == slow])
            for page in PAGES if blocks(page, language)]  # fmt: skip


STUDIO = ROOT / "docs/studio.md"  # its snippet needs a running studio: tests/cli/test_studio.py
every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


@pytest.fixture
def desk(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    photo_pixels: np.ndarray,
    painting_pixels: np.ndarray,
    tiny_encoder_file: Path,
    weights_folder: Path,
) -> Path:
    """Working directory with what the snippets name; whatever they ask for is painted small and briefly.

    A tiny encoder stands in for VGG-19, as if it had been fetched.
    """
    sha256 = hashlib.sha256(tiny_encoder_file.read_bytes()).hexdigest()
    shutil.copy(tiny_encoder_file, weights_folder / f"vgg19.{sha256}.safetensors")
    Image.fromarray(photo_pixels).save(tmp_path / "photo.jpg")
    Image.fromarray(photo_pixels[:, ::-1].copy()).save(tmp_path / "sketch.png")
    Image.fromarray(np.repeat(np.uint8([0, 255]), photo_pixels.shape[1] // 2)[None].repeat(len(photo_pixels), 0)).save(
        tmp_path / "mask.png"
    )
    Image.fromarray(painting_pixels).save(tmp_path / "painting.jpg")
    Image.fromarray(painting_pixels.transpose(1, 0, 2).copy()).save(tmp_path / "other.jpg")
    shutil.copy(tiny_encoder_file, tmp_path / "encoder.safetensors")
    make_clip(tmp_path / "clip.mp4", 6)
    (tmp_path / RECIPE_FILE).write_text(blocks(ROOT / "docs/recipes.md", "toml")[0], encoding="utf-8")
    (tmp_path / "pairs.csv").write_text(blocks(ROOT / "docs/sweeps.md", "csv")[0], encoding="utf-8")
    for folder, picture in {"photos": "photo.jpg", "paintings": "other.jpg"}.items():
        (tmp_path / folder).mkdir()
        shutil.copy(tmp_path / picture, tmp_path / folder)
    for name in set(re.findall(r"\$PHOTOS/([\w.]+)", "".join(page.read_text(encoding="utf-8") for page in PAGES))):
        shutil.copy(tmp_path / ("photo.jpg" if name.startswith("content_") else "painting.jpg"), tmp_path / name)
    monkeypatch.setenv("PHOTOS", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def build_small(*values: Any, **settings: Any) -> PaintOptions:
        options = build_options(*values, **settings)
        small = {
            "size_px": min(options.size_px or SIZE_PX, SIZE_PX),
            "min_scale_px": min(options.min_scale_px, SIZE_PX),
            "steps": tuple(min(steps, 2) for steps in options.steps),
            "threads": 1,
        }
        return options.model_copy(update=small)

    monkeypatch.setattr(build, "build_options", build_small)
    return tmp_path


# --------------------------------------------------------------------------------- what is shown as code


@every_page
def test_every_block_says_what_it_is(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert {language for language, _ in FENCE.findall(text)} <= LANGUAGES
    assert text.count("```") == 2 * len(FENCE.findall(text)), "a fence is not closed, or indented"


@pytest.mark.parametrize("page", [page for page in pages_with("python") if page.values != (STUDIO,)])
def test_python_snippets_run(page: Path, desk: Path) -> None:
    for number, code in enumerate(blocks(page, "python"), start=1):
        exec(compile(code, f"{name_of(page)}, snippet {number}", "exec"), {"__name__": "__main__"})


def test_the_first_snippet_replays_what_it_painted(desk: Path) -> None:
    names: dict[str, Any] = {}
    exec(blocks(ROOT / "README.md", "python")[0], names)
    assert np.array_equal(names["again"].pixels, names["pastiche"].pixels)


@pytest.mark.parametrize("page", pages_with("sh", slow="docs/experiments.md"))  # sixty pictures
def test_impasto_commands_run(page: Path, desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in commands(page):
        if words[0] == "impasto":
            if words[1] == "resume":
                leave_interrupted(Path(words[2]))
            given = [os.path.expandvars(word) for word in words[1:]]
            if words[1] == "studio":  # would run on and on
                cli.build_app().parse_args(given, exit_on_error=False, print_error=False)
                continue
            assert cli.main(given) == 0, (words, capsys.readouterr().err)
            for flag in {"-o", "--events"} & set(words):
                assert Path(words[words.index(flag) + 1]).stat().st_size, words


def leave_interrupted(output: Path) -> None:
    """A run of that picture that was killed."""
    output.unlink(missing_ok=True)
    controls = Controls(stop=True)
    run = build.build_run("photo.jpg", "painting.jpg", controls=controls, options={"optimizer": "adam"})
    run.checkpoint_folder = run_folder_of(output)
    run.command = lambda: Command(output=str(output.absolute()), bit_depth=8, record=True)
    run.paint()


@pytest.mark.parametrize("page", pages_with("sh"))
def test_other_commands_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([\w-]+):", makefile, re.MULTILINE)
    variables = re.findall(r"^(\w+) \?=", makefile, re.MULTILINE)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installs = {".", *(f".[{extra}]" for extra in extras["optional-dependencies"])}
    for program, *words in commands(page):
        if program == "make":
            assert {word for word in words if "=" not in word} <= set(targets)
            assert {word.partition("=")[0] for word in words if "=" in word} <= set(variables)
        elif program == "pip":
            assert words[0] == "install"
            assert set(words[1:]) <= installs
        elif program == "python":
            assert {word for word in words if FLAG.match(word)} <= script_flags(words[0])
        else:
            assert program == "impasto", f"no test knows {program!r}"


def script_flags(script: str) -> set[str]:
    """Flags that a script of ours spells out, those that all benchmarks share among them."""
    texts = [(ROOT / script).read_text(encoding="utf-8")]
    if script.startswith("benchmarks/"):
        texts.append((ROOT / "benchmarks/common.py").read_text(encoding="utf-8"))
    return {flag for text in texts for flag in re.findall(r'"(--[a-z0-9-]+)"', text)}


@pytest.fixture(scope="module")
def known_flags() -> set[str]:
    """Flags of all commands, tools and benchmarks."""
    flags = {flag for folder in ("tools", "benchmarks") for path in (ROOT / folder).glob("*.py")
             for flag in script_flags(f"{folder}/{path.name}")}  # fmt: skip
    return flags | flags_of(cli.build_app()) | {"--help", "--help-all", "--version", "--install-completion"}


def flags_of(app: App) -> set[str]:
    """Flags of all commands of an application, and of theirs."""
    flags = (
        {name for argument in app.assemble_argument_collection() for name in argument.names}
        if app.default_command
        else set()
    )
    return flags.union(*(flags_of(app[name]) for name in app if not name.startswith("-")))


@every_page
def test_words_in_code_type_exist(page: Path, known_flags: set[str]) -> None:
    for code in re.findall(r"`([^`\n]+)`", prose(page)):
        assert set(FLAG.findall(code)) <= known_flags, code
        if code.startswith("impasto "):
            assert code.split()[1] in cli.build_app(), code
        if re.match(r"(src|tools|benchmarks|docs|tests)/[\w./-]+$", code):
            assert (ROOT / code).exists(), code


def test_recipe_files_shown_are_recipes() -> None:
    for text in blocks(ROOT / "docs/recipes.md", "toml"):
        values = tomllib.loads(text)
        values.pop("description", None)
        build_options(values)


def test_the_record_shown_is_a_record() -> None:
    (text,) = blocks(ROOT / "docs/records.md", "json")
    shown = json.loads(text)
    assert parse_record(shown, "the page")
    assert list(shown) == list(RunRecord.model_fields)
    table = re.findall(r"^\| `(\w+)` \|", prose(ROOT / "docs/records.md"), re.MULTILINE)
    assert table == list(RunRecord.model_fields)


def test_every_recipe_is_described() -> None:
    described = re.findall(r"^\| `([\w-]+)` \|", prose(ROOT / "docs/recipes.md").split("## A recipe")[0], re.M)
    assert sorted(described) == recipe_names()


# ------------------------------------------------------------------------------------------ architecture

ARCHITECTURE = ROOT / "docs/architecture.md"
ROOMS = {path.name.removesuffix(".py") for path in (ROOT / "src/impasto").iterdir() if not path.name.startswith("_")}
ROOMS -= {"py.typed"}


def names_defined(module: str) -> set[str]:
    """Functions and classes of a module, and methods as ``Class.method``."""
    names = set()
    for node in tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{method.name}" for method in node.body if isinstance(method, ast.FunctionDef)}
    return names


def test_names_in_the_architecture_exist() -> None:
    spans = re.findall(r"`([^`\n]+)`", prose(ARCHITECTURE))
    names = [span for span in spans if re.fullmatch(r"\w+\.[\w.]+", span) and span.split(".")[0] in ROOMS]
    files = [span for span in spans if re.fullmatch(r"[\w/]+\.(py|js)", span)]
    assert len(names) > 20
    assert len(files) > 10
    for name in names:
        if name.endswith(".py"):
            continue
        module = owner_of(f"impasto.{name}")
        assert module is not None, name
        assert module != "impasto", name
        attribute = f"impasto.{name}".removeprefix(f"{module}.")
        assert attribute == module or attribute in names_defined(module), name
    for file in files:
        assert (ROOT / "src/impasto" / file).exists() or (ROOT / file).exists(), file


def test_the_architecture_lists_every_room() -> None:
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", prose(ARCHITECTURE).split("## Five ideas")[0], re.MULTILINE)
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row)) == sorted(ROOMS)


# ------------------------------------------------------------------------------------------------- links


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    """Targets of links to files and headings of ours, pictures left out."""
    targets = re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", prose(page))
    return [target for target in targets if not target.startswith("http")]


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


@every_page
def test_pictures_are_there(page: Path) -> None:
    text = prose(page)
    for target in [*re.findall(r"!\[[^\]]+\]\(([^)\s]+)\)", text), *re.findall(r'src="([^"]+)"', text)]:
        assert (page.parent / target).is_file(), target


def test_every_page_is_in_the_sites_contents() -> None:
    contents = re.findall(r": ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    made = {"index.md", "cli.md", "changelog.md"}  # by tools/site_hooks.py
    assert sorted(contents) == sorted({page.name for page in PAGES if page.parent.name == "docs"} | made)


def test_the_page_of_the_python_api_has_every_public_name() -> None:
    named = re.findall(r"^::: ([\w.]+)$", (ROOT / "docs/python.md").read_text(encoding="utf-8"), re.MULTILINE)
    left = {name for name, module in impasto._MODULE_OF.items() if not {module, f"{module}.{name}"} & set(named)}
    assert left == {"PaintOptions"}  # which docs/options.md has


# ------------------------------------------------------------------------------- what goes out with them


def test_licence_and_notice() -> None:
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE_2
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for words in ("Simonyan", "CC BY 4.0", "Copyright (c) 2020 Huan Wang", "Permission is hereby granted"):
        assert words in notice


def test_changelog_tells_what_changes_pastiches() -> None:
    releases = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("\n## ")[1:]
    assert releases
    assert all("### Changes your pastiches" in release for release in releases)


def test_no_file_tells_of_the_machine_it_was_written_on() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True
    )
    assert listed.returncode == 0, listed.stderr
    for name in filter(None, listed.stdout.decode().split("\0")):
        data = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b"\0"
        if b"\0" not in data:
            text = data.decode()
            assert not HERE.search(text), name
            assert not REGISTRY.search(text), name
            assert not (name.endswith(".md") and "../shared" in text), name
