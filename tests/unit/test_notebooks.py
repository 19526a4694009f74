"""The notebooks as they are committed: run from top to bottom, small, and of no machine."""

from __future__ import annotations

import ast
import base64
import io
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import nbformat
import pytest
from PIL import Image

from scripts.run_notebooks import KERNEL, clean, smaller

ROOT = Path(__file__).resolve().parents[2]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
OF_A_MACHINE = re.compile(
    r"/(home|root|tmp|Users|var|work|opt|usr|mnt)/"  # paths
    r"|[A-Za-z]:\\"
    r"|\b\d{4}-\d\d-\d\d\b"  # dates
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-"  # ids made by chance, which processes have too
    r"|\bat 0x[0-9a-f]{6,}"
    r"|(bolt|neo4j)(\+s)?://|127\.0\.0\.1|localhost"
)
MOST_BYTES = 300_000

each = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def outputs(path: Path) -> list[Any]:
    return [output for cell in code_cells(path) for output in cell.outputs]


def texts(output: Any) -> list[str]:
    data = output.get("data", {})
    return [output.get("text", ""), *(data[kind] for kind in data if not kind.startswith("image/"))]


def pictures(path: Path) -> list[str]:
    found = [output.get("data", {}).get("image/png") for output in outputs(path)]
    return [picture for picture in found if picture]


def test_all_are_here():
    numbers = [path.name[:2] for path in PATHS]
    assert numbers == ["01", "02", "03", "04", "05", "06"]


@each
def test_is_valid_and_says_no_more_than_it_must(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert notebook.metadata == {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    assert all(cell.metadata == {} for cell in notebook.cells)


@each
def test_every_cell_was_run_in_order(path):
    counts = [cell.execution_count for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1))


@each
def test_outputs_are_clean(path):
    for output in outputs(path):
        assert output.output_type in ("stream", "display_data", "execute_result")
        assert output.get("name") != "stderr"
        for text in texts(output):
            found = OF_A_MACHINE.search(text)
            assert found is None, f"{path.name} shows {found and found.group()!r} in {text[:200]!r}"
            assert "\x1b" not in text


@each
def test_is_small(path):
    assert path.stat().st_size < MOST_BYTES
    for picture in pictures(path):
        image = Image.open(io.BytesIO(base64.b64decode(picture)))
        assert image.mode == "P"
        assert not image.info.keys() - {"dpi"}


@each
def test_shows_pictures_and_tables(path):
    tables = [output for output in outputs(path) if "text/html" in output.get("data", {})]
    assert tables
    assert pictures(path) or path.stem == "05_operations_in_cypher"


@each
def test_begins_with_a_store_of_its_own_and_ends_it(path):
    first, *_, last = code_cells(path)
    assert first.source == code_cells(PATHS[0])[0].source
    assert "TemporaryDirectory" in first.source
    assert last.source == "orch.close()"


@each
def test_explains_what_it_shows(path):
    cells = read(path).cells
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith(f"# {int(path.name[:2])} · ")
    assert sum(cell.cell_type == "markdown" for cell in cells) * 2 >= len(cells) - 2


@each
def test_links_lead_somewhere(path):
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^)#:]+)\)", cell.source):
                assert (path.parent / target).exists(), target


@each
def test_uses_public_names_only(path):
    for cell in code_cells(path):
        for module, names in imports(cell.source):
            if module.split(".")[0] == "graph_orch":
                assert not any(part.startswith("_") for part in [*module.split("."), *names])
                public = getattr(import_module(module), "__all__", None)
                assert public is None or set(names) <= {*public, "analysis"}


def imports(source: str) -> list[tuple[str, list[str]]]:
    """The modules and names that a cell imports from."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(source, "cell", "exec", flags)
    return [
        (node.module or "", [name.name for name in node.names])
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    ]


def test_cleaning_leaves_what_a_reader_sees():
    image = io.BytesIO()
    Image.linear_gradient("L").convert("RGBA").save(image, "PNG")
    picture = base64.b64encode(image.getvalue()).decode()
    made = nbformat.v4.new_output("display_data", {"image/png": picture, "text/plain": "a figure"})
    cell = nbformat.v4.new_code_cell("1", outputs=[made], execution_count=1)
    cell.metadata = {"execution": {"iopub.execute_input": "2026-01-01"}, "tags": ["a"]}
    notebook = nbformat.v4.new_notebook(
        cells=[cell], metadata={"language_info": {"name": "python", "version": "3"}}
    )
    clean(notebook)
    nbformat.validate(notebook)
    assert notebook.metadata == {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    assert cell.metadata == {"tags": ["a"]}
    assert (cell.source, cell.execution_count) == ("1", 1)
    assert made.data["text/plain"] == "a figure"
    shown = Image.open(io.BytesIO(base64.b64decode(made.data["image/png"])))
    assert (shown.size, shown.mode) == ((256, 256), "P")
    assert smaller(made.data["image/png"]) == made.data["image/png"]
