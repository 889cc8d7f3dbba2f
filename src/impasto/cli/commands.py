"""The list of commands, by use. None is loaded before it is used: help would wait for all of them."""

from __future__ import annotations

from typing import NamedTuple

from cyclopts import App, Group

from impasto.cli.help import end_of_help

PAIR = "PHOTO PAINTING [PAINTING...]"


class Listing(NamedTuple):
    """How a command is listed and loaded, and what its help shows beside its flags."""

    use: str
    """The heading of the list under which it stands."""
    place: str
    """Its function, which is loaded when the command is used, or its `App` where it has commands of its own."""
    help: str
    """What it does, as its function says too: a test compares them."""
    usage: str = ""
    """What follows ``impasto``; empty where it has commands of its own."""
    example: str = ""


COMMANDS = {
    "paint": Listing(
        "Paint",
        "impasto.cli.paint:paint",
        "Repaint a photo in the style of one painting or several.",
        f"paint {PAIR} [-o OUT] [OPTIONS]",
        "impasto paint photo.jpg flow\n         impasto paint photo.jpg painting.jpg --size 1600 --strength 65",
    ),
    "draft": Listing(
        "Paint",
        "impasto.cli.draft:draft",
        "Repaint photos in one pass each: in a second, not in minutes.",
        f"draft {PAIR} [-o OUT] [OPTIONS]\n       impasto draft PHOTO... --paintings PAINTING... -o FOLDER [OPTIONS]",
        "impasto draft photo.jpg flow\n         impasto draft photos/*.jpg --paintings flow dots -o drafts",
    ),
    "video": Listing(
        "Paint",
        "impasto.cli.video:video",
        "Repaint a clip so that it holds still, with its sound.",
        "video CLIP PAINTING [PAINTING...] [-o OUT] [--preview] [OPTIONS]",
        "impasto video clip.mp4 flow --preview\n         impasto video clip.mp4 flow -o film.mp4",
    ),
    "studio": Listing(
        "Paint",
        "impasto.cli.studio:studio",
        "Open the studio, a page for painting, in the browser; the options are what every painting starts from.",
        "studio [--folder FOLDER] [--port PORT] [OPTIONS]",
        "impasto studio --folder pastiches",
    ),
    "paintings": Listing(
        "Try",
        "impasto.cli.paintings:paintings",
        "List the bundled paintings, which are called by name; with -o they are drawn on a labelled sheet.",
        "paintings [-o SHEET] [OPTIONS]",
        "impasto paintings -o paintings.png",
    ),
    "sheet": Listing(
        "Try",
        "impasto.cli.paintings:sheet",
        "Draft a photo after many paintings, on one labelled sheet, to choose from.",
        "sheet PHOTO [PAINTING...] [-o SHEET] [OPTIONS]",
        "impasto sheet photo.jpg -o sheet.png",
    ),
    "recipes": Listing(
        "Try", "impasto.cli.info:recipes", "List the recipes: named sets of options.", "recipes", "impasto recipes"
    ),
    "sweep": Listing(
        "Try",
        "impasto.cli.lab:sweep",
        "Paint one pair over a grid of options, with contact sheet, table and report.",
        f"sweep {PAIR} --vary NAME=VALUES... -o FOLDER [OPTIONS]",
        "impasto sweep photo.jpg flow --vary strength=30,50,70 -o sweep",
    ),
    "compare": Listing(
        "Try",
        "impasto.cli.lab:compare",
        "Paint one pair by several recipes, beside other programs' pictures of it.",
        f"compare {PAIR} --with COLUMN... -o FOLDER [OPTIONS]",
        "impasto compare photo.jpg flow --with painterly patient -o compared",
    ),
    "batch": Listing(
        "Many",
        "impasto.cli.lab:batch",
        "Paint each of many photos in the style of each of many paintings.",
        "batch PHOTOS... --paintings PAINTINGS... -o FOLDER [OPTIONS]",
        "impasto batch photos --paintings flow painting.jpg -o pastiches",
    ),
    "again": Listing(
        "Many",
        "impasto.cli.lab:again",
        "Carry out a run folder's list again: what is missing or failed, or the whole elsewhere.",
        "again FOLDER [-o OTHER] [--judge ENCODER] [--ray auto|ADDRESS]",
        "impasto again sweep",
    ),
    "resume": Listing(
        "Continue",
        "impasto.cli.paint:resume",
        "Go on with a run that was interrupted, from its last checkpoint.",
        "resume RUN [INPUT...] [OPTIONS]",
        "impasto resume pastiche.png",
    ),
    "enlarge": Listing(
        "Continue",
        "impasto.cli.paint:enlarge",
        "Paint a finished pastiche larger: through the stylizer again, or of pixels the scales above its size.",
        "enlarge PICTURE [INPUT...] (--size PX | --print 60x40cm@300) [-o OUT] [OPTIONS]",
        "impasto enlarge pastiche.png --size 4096",
    ),
    "replay": Listing(
        "Continue",
        "impasto.cli.paint:replay",
        "Paint a picture again from the run record that it carries; options given override the record's.",
        "replay PICTURE [INPUT...] [-o OUT] [OPTIONS]",
        "impasto replay pastiche.png --strength 70",
    ),
    "info": Listing(
        "Look",
        "impasto.cli.info:info",
        "Print how a picture was painted, and the command that paints it: what differs from the defaults.",
        "info PICTURE [--json]",
        "impasto info pastiche.png",
    ),
    "features": Listing(
        "Look",
        "impasto.cli.encoders:features",
        "Draw the feature maps of a layer and their Gram matrix on a labelled sheet.",
        "features IMAGE --layer NAME [--encoder NAME] [--size PX] [-o OUT]",
        "impasto features photo.jpg --layer relu3_1",
    ),
    "reconstruct": Listing(
        "Look",
        "impasto.cli.reconstruct:RECONSTRUCT",
        "Paint a picture again from what some layers keep of it.",
    ),
    "texture": Listing(
        "Look",
        "impasto.cli.reconstruct:texture",
        "Paint a texture of any size in the style of a picture, with strokes as large as there.",
        "texture IMAGE [IMAGE...] [-o OUT] [--size 2048x1024] [--seamless] [OPTIONS]",
        "impasto texture painting.jpg --size 1024x512 --seamless",
    ),
    "train": Listing(
        "Train",
        "impasto.cli.train:TRAIN",
        "Train a stylizer on pictures of your own.",
    ),
    "style": Listing(
        "Train",
        "impasto.cli.style:STYLE",
        "Style files: the style of a painting, without the picture.",
    ),
    "weights": Listing(
        "Train",
        "impasto.cli.encoders:WEIGHTS",
        "Fetch, import and check the weights of vgg19 and vgg16.",
    ),
    "export": Listing(
        "Train",
        "impasto.cli.style:EXPORT",
        "Write the stylizer for use without impasto.",
    ),
}
"""By use, in the order of the list."""

GROUPS = {use: Group(use, sort_key=place) for place, use in enumerate(dict.fromkeys(c.use for c in COMMANDS.values()))}


def add_commands(app: App) -> None:
    """Add every command to the program."""
    for name, listing in COMMANDS.items():
        settings = {}
        if listing.usage:
            end = end_of_help(listing.example, more=listing.usage.endswith("[OPTIONS]"))
            settings = {"usage": f"Usage: impasto {listing.usage}", "help_epilogue": end}
        app.command(listing.place, name=name, help=listing.help, group=GROUPS[listing.use], **settings)
    setup = Group("Program", sort_key=len(GROUPS))
    app.register_install_completion_command(help="Complete commands and flags in bash, zsh or fish.")
    for flag in (*app.help_flags, *app.version_flags, "--install-completion"):
        app[flag].group = setup
