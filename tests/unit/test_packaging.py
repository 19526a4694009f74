"""What is declared of the package is what it is and needs."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions, version
from itertools import chain
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from graph_orch.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
DECLARED: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OWN = {"graph_orch", "benchmarks", "examples", "scripts", "tests"}
NOT_IMPORTED = {
    "graph-orch",  # its own extras
    "ipykernel",  # Jupyter starts it
    "neo4j-rust-ext",  # the driver looks for it
}


def modules_in(*folders: str) -> set[str]:
    """The packages of others that Python files import, also by a name in `import_module`."""
    files = chain.from_iterable((ROOT / folder).rglob("*.py") for folder in folders)
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in files)
    found = chain.from_iterable(map(imported, chain.from_iterable(map(ast.walk, trees))))
    return {name.partition(".")[0] for name in found} - sys.stdlib_module_names - OWN


def imported(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (it.name for it in names)
        case ast.ImportFrom(module=str(name), level=0):
            yield name
        case ast.Call(
            func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(name))],
        ):
            yield name


@cache
def distributions() -> dict[str, set[str]]:
    """By module, the distributions that have it, as pyproject.toml spells them."""
    return {
        module: {name.lower().replace("_", "-") for name in names}
        for module, names in packages_distributions().items()
    }


def named(requirements: list[Any]) -> set[str]:
    """The distributions that are required, without bounds and extras."""
    texts = (it for it in requirements if isinstance(it, str))
    return {re.match(r"[\w.-]+", text)[0].lower() for text in texts}


def unserved(modules: set[str], declared: set[str]) -> set[str]:
    """The modules that no declared distribution has."""
    return {it for it in modules if not declared & distributions().get(it, set())}


def test_version_is_the_newest_of_the_changes():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first, newest = re.findall(r"^## (.+)$", changes, re.MULTILINE)[:2]
    assert first == "Unreleased"
    number, day = newest.split(" - ")
    assert number == DECLARED["project"]["version"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", day)


def test_command_line_tells_the_version():
    told = CliRunner().invoke(app, ["--version"])
    assert (told.exit_code, told.stdout) == (0, f"graph-orch {version('graph-orch')}\n")


def test_what_the_package_imports_is_declared_and_what_is_declared_is_imported():
    project = DECLARED["project"]
    extras = project["optional-dependencies"].values()
    declared = named([*project["dependencies"], *chain.from_iterable(extras)])
    modules = modules_in("graph_orch")
    assert unserved(modules, declared) == set()
    used = set(chain.from_iterable(distributions()[module] for module in modules))
    assert declared - used == NOT_IMPORTED


def test_what_work_in_the_tree_imports_is_declared():
    project, groups = DECLARED["project"], DECLARED["dependency-groups"]
    every = chain(*project["optional-dependencies"].values(), *groups.values())
    declared = named([*project["dependencies"], *every])
    assert unserved(modules_in("benchmarks", "examples", "scripts", "tests"), declared) == set()
