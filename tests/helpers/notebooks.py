"""Notebooks carried out by a real kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def carry_out(sources: list[str], folder: Path) -> tuple[Any, list[Any]]:
    """The notebook of these cells with its outputs, and what its outputs showed before they were changed."""
    nbclient = pytest.importorskip("nbclient", reason="notebooks need nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    shown: list[Any] = []

    class Client(nbclient.NotebookClient):  # type: ignore
        def process_message(self, message: Any, *place: Any) -> Any:
            if message["msg_type"] in ("display_data", "update_display_data"):
                shown.append(message["content"]["data"])
            return super().process_message(message, *place)

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    Client(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook, shown
