"""What people try before they have read anything: other programs' words, and a command that is left out."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from cyclopts import App, CycloptsError, MissingArgumentError, UnknownCommandError, UnknownOptionError

from impasto.cli.streams import STANDARD, STANDARD_INPUT

# Ours, and those of other programs: neural-style, style-transfer-pytorch, fast-style-transfer, AdaIN, Keras' example.
FLAGS = {
    "--steps": "iterations num-iterations iters niter n-iter max-iter max-iterations epochs num-steps iter",
    "--device cpu": "cpu no-cuda no-gpu use-cpu",
    "--device cuda": "gpu cuda use-gpu use-cuda devices",
    "--color photo": "preserve-color preserve-colors original-color original-colors keep-color keep-colors",
    "--size": "image-size img-size imsize content-size max-size width height resize resolution end-scale long-edge",
    "--brush-scale": "style-scale style-size stroke-size brush-size brush",
    "--strength": "alpha style-strength stylization stylize-strength amount ratio intensity",
    "--min-scale": "start-scale",
    "--scale-factor": "style-scale-fac",
    "--learning-rate": "lr step-size",
    "--tv-weight": "tv smoothness tv-loss",
    "--encoder": "model network net backbone vgg arch",
    "--starting-point": "init init-image init-random initialization",
    "--variation": "random-seed",
    "--region MASK=PAINTING": "mask content-mask content-masks style-mask style-masks guidance",
    "--output (-o)": "out output-image output-path out-path outfile output-file save save-path dest result result-dir",
    "--overwrite": "force f yes y clobber",
    "--recipe": "preset profile config",
    "--max-memory": "memory vram",
    "--timelapse": "gif animation save-iter save-every save-intermediate",
    "--threads": "jobs cores num-threads",
    "--keep-detail": "detail keep-details faces",
    "--print": "paper dpi",
}
ANSWERS = {
    "the bundled paintings: impasto paintings": "list-styles styles list-paintings list",
    "PHOTO and PAINTING, without flags: impasto paint photo.jpg painting.jpg": (
        "content content-image content-path content-img input input-image in-path photo image style style-image "
        "style-path style-img painting"
    ),
    "painting.jpg:0.7, a weight after the painting": "style-weights style-blend-weights interpolation-weights",
    "impasto resume": "resume continue",
    "impasto batch": "batch recursive folder input-dir content-dir style-dir",
    "impasto studio": "gui ui web webui",
    "impasto --version": "v",
}
COMMANDS = {
    "paint": "stylize stylise transfer run convert apply transform style-transfer eval",
    "paintings": "styles list list-styles gallery samples",
    "draft": "fast quick preview try",
    "studio": "gui ui web webui serve server app",
    "enlarge": "upscale upsize bigger resize",
    "resume": "continue restart",
    "replay": "repeat redo reproduce rerun",
    "info": "show inspect describe metadata",
    "batch": "folder many all",
    "weights": "download models model",
}
NEAR = 0.7  # how alike a word and its suggestion are at least: 0 not at all, 1 the same
PICTURES = (".avif", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".style", ".tif", ".tiff", ".webp")


def lead(tokens: Sequence[str], commands: Collection[str]) -> list[str]:
    """The words of a command line as the parser takes them.

    ``help`` and ``version`` are the flags; a picture where the command belongs is painted. The parser would take a
    hyphen alone for a flag: ``-o -`` becomes one word, and any other is written out as `STANDARD_INPUT`.
    """
    words = list(tokens)
    first = words[0] if words else ""
    if first == "help":
        words = [*words[1:], "--help"]
    elif first == "version":
        words = ["--version"]
    elif first not in commands and is_picture_place(first):
        words = ["paint", *words]
    for place in range(len(words) - 1, 0, -1):
        if words[place] == STANDARD and words[place - 1] in ("-o", "--output"):
            words[place - 1 : place + 1] = ["--output=-"]
    return [STANDARD_INPUT if word == STANDARD else word for word in words]


def is_picture_place(word: str) -> bool:
    """Whether a word names a file or folder, there or not, standard input, or a pattern of files."""
    return word == "-" or word.lower().endswith(PICTURES) or (not word.startswith("-") and os.path.lexists(word))


def explain_usage(error: CycloptsError, app: App) -> str:
    """Wrong usage as one line, which says what was meant or where to look."""
    if isinstance(error, MissingArgumentError) and error.keyword is not None:
        return f"{error.keyword} needs a value"
    chain = tuple(error.command_chain or ())
    command = " ".join(["impasto", *chain])
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        return f"{error.argument.name} is missing; {command} --help shows how it is used"
    if isinstance(error, UnknownOptionError):
        return _explain_flag((error.token.keyword or error.token.value).partition("=")[0], chain, app)
    if isinstance(error, UnknownCommandError):
        inner, word = _command(app, chain), (error.unused_tokens or [""])[0]
        if word.startswith("-"):
            return _explain_flag(word.partition("=")[0], chain, app)
        return _explain_command(word, [name for name in inner if name[0] != "-"])
    return " ".join(str(error).split())


def _command(app: App, chain: Sequence[str]) -> App:
    for name in chain:
        app = app[name]
    return app


def _explain_flag(flag: str, chain: Sequence[str], app: App) -> str:
    inner = _command(app, chain)
    arguments = inner.assemble_argument_collection() if inner.default_command else []
    known = [name for argument in arguments for name in argument.names]
    word = flag.lstrip("-").replace("_", "-").lower()
    if ours := _find(word, FLAGS, lambda name: name.split()[0] in known):
        return f"unknown flag {flag}; here it is {ours}"
    if answer := _find(word, ANSWERS, lambda name: True):
        return f"unknown flag {flag}; here it is {answer}"
    near = difflib.get_close_matches(f"--{word}", [name for name in known if name.startswith("--")], 1, NEAR)
    command = " ".join(["impasto", *chain])
    hint = f"did you mean {near[0]}?" if near else f"{command} --help shows those that there are"
    return f"unknown flag {flag}; {hint}"


def _explain_command(word: str, commands: Sequence[str]) -> str:
    from impasto.inputs.bundled import bundled_paintings

    if word in bundled_paintings():
        return f"{word!r} is a painting: impasto paint PHOTO {word}"
    if ours := _find(word.lower(), COMMANDS, lambda name: name in commands):
        return f"there is no command {word!r}; here it is impasto {ours}"
    near = difflib.get_close_matches(word, commands, 1, NEAR)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(commands))}"
    return f"there is no command {word!r}; {hint}"


def _find(word: str, table: Mapping[str, str], allowed: Callable[[str], bool]) -> str | None:
    """The key of a table whose words include this one."""
    return next((ours for ours, theirs in table.items() if word in theirs.split() and allowed(ours)), None)


def why_not_resumed(picture: Path) -> str | None:
    """What to say where a finished picture, not a run folder, is to be resumed; None where it is no such picture."""
    from impasto.errors import InputError, RecordError
    from impasto.images.reading import read_record
    from impasto.runs.interrupted import run_folder_of

    if not os.path.isfile(picture) or run_folder_of(picture).is_dir():  # noqa: PTH113 (raises for a long name)
        return None
    try:
        record = read_record(picture)
    except (InputError, RecordError):
        return None
    if record.get("stopped_after"):
        return f"{picture} was stopped early, and its checkpoint is gone: impasto replay {picture} paints it anew"
    return (
        f"{picture} is finished, there is nothing to resume: impasto enlarge {picture} goes on to a larger one, "
        f"impasto replay {picture} paints it again"
    )
