"""What the documentation site takes from outside ``docs/``: the README, the changelog, the commands' help, some files.

mkdocs calls these functions (mkdocs.yml names this file).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

from impasto.cli.main import build_app

ROOT = Path(__file__).parents[1]
CODE_OR_FORMULA = re.compile(r"```.*?```|`[^`\n]+`|(\$\$?)([^$`]+)\1", re.DOTALL)
KEPT_FORMULA = re.compile(r"formula(block|inline)([0-9a-f]+)end")
COMMANDS = """# Command line

Every command and its flags, made from the program when this site is built. `impasto paint --help-all` prints the same.

"""


def on_files(files: Files, config: Any) -> Files:
    """Add pages that are made, and files that pages link to."""
    pages = {"index.md": read("README.md"), "changelog.md": read("CHANGELOG.md"), "cli.md": commands()}
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    for path in (ROOT / "NOTICE", ROOT / "LICENSE", *sorted((ROOT / "examples").glob("*.*"))):
        files.append(File.generated(config, published(path.name), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links to files outside ``docs/`` into links to their copies; keep formulas from being read as text."""
    return relinked(re.sub(r"\]\(\.\./", "](", CODE_OR_FORMULA.sub(_keep_formula, markdown)))


def on_page_content(html: str, **_: Any) -> str:
    """Write formulas as MathML, which browsers show without a script; those that scroll can be reached by keys.

    A table's first row may have cells without a heading: they are no heading cells.
    """
    html = re.sub("<th([^>]*)></th>", r"<td\1></td>", html)
    html = re.sub("<p>(?=formulablock)", '<p class="formula" tabindex="0">', html)
    return KEPT_FORMULA.sub(lambda kept: convert(bytes.fromhex(kept[2]).decode(), display=kept[1]), html)


def _keep_formula(part: re.Match[str]) -> str:
    """A formula as a word that `on_page_content` reads; code as it is."""
    if part[1] is None:
        return part[0]
    return f"formula{'block' if part[1] == '$$' else 'inline'}{part[2].strip().encode().hex()}end"


def on_post_page(output: str, **_: Any) -> str:
    """Give the theme's search dialog the name that it lacks."""
    return output.replace('role="dialog"', 'role="dialog" aria-label="Search"')


on_post_template = on_post_page  # of the page for addresses that are not there


def read(name: str) -> str:
    """A page from the root of the repository, with its links as pages of ``docs/`` have them."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.sub(r'(\]\(|src=")docs/', r"\1", text)


def relinked(text: str) -> str:
    """Links to the root of the repository as links to the site."""
    text = text.replace("](README.md", "](index.md").replace("](CHANGELOG.md", "](changelog.md")
    return re.sub(r"\]\((?:examples/)?(NOTICE|LICENSE|[\w.]+\.(?:py|ipynb))\)", lambda m: f"]({published(m[1])})", text)


def published(name: str) -> str:
    """Where a file lies on the site."""
    return f"files/{name if '.' in name else f'{name}.txt'}"


def commands() -> str:
    """The page of all commands."""
    text = build_app(everything=True).generate_docs(output_format="markdown", recursive=True)
    body = text[text.index("## impasto paint") :]
    body = re.sub(r"(?m)^impasto ([\w -]+?) \1\b", r"impasto \1", body)  # usage lines of ours name their command
    return COMMANDS + body
