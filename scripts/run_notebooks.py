"""Run the notebooks in place, and leave of each run what is worth keeping.

    python scripts/run_notebooks.py [NOTEBOOK …]

Outputs are kept; what says when and where they were made is not.
"""

from __future__ import annotations

import os
import sys
from base64 import b64decode, b64encode
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
LONGEST_CELL_SECONDS = 120
KEPT_OF_A_CELL = ("tags",)
COLOURS = 128
"""So many are enough for pictures of few, with their edges smoothed: a file is a third as large."""

_files: Any = nbformat


def main(arguments: Sequence[str]) -> None:
    """Run the notebooks that are named, or all, each with a server of its own."""
    os.environ.pop("NEO4J_URI", None)
    for path in [Path(name) for name in arguments] or sorted(NOTEBOOKS.glob("*.ipynb")):
        print(path.name, flush=True)
        run(path)


def run(path: Path) -> None:
    """Run a notebook and write it back, cleaned.

    Raises:
        CellExecutionError: a cell fails. The file is left as it was.
    """
    notebook: Any = _files.read(path, as_version=4)
    clean(notebook)
    client = NotebookClient(
        notebook,
        timeout=LONGEST_CELL_SECONDS,
        kernel_name=KERNEL["name"],
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    clean(notebook)
    _files.write(notebook, path)


def clean(notebook: Any) -> None:
    """Remove what tells of the machine and the time; make pictures small."""
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata = {it: cell.metadata[it] for it in KEPT_OF_A_CELL if it in cell.metadata}
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = smaller(output.data["image/png"])


def smaller(picture: str) -> str:
    """A PNG in base64, with a palette; one that has a palette is as small as it gets."""
    image = Image.open(BytesIO(b64decode(picture)))
    if image.mode == "P":
        return picture
    written = BytesIO()
    image.convert("RGB").quantize(COLOURS).save(written, "PNG", optimize=True)
    return b64encode(written.getvalue()).decode()


if __name__ == "__main__":
    main(sys.argv[1:])
