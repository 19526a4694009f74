"""Packages whose names are imported when they are first used.

The names stand in the package's stub, `__init__.pyi`, once: type checkers read it, and so does
this. What a name needs, such as the driver or matplotlib, is then imported by whoever uses it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def stubbed(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's `__getattr__` and `__dir__`, by the imports in the stub beside its `file`."""
    stub = ast.parse(Path(file).with_suffix(".pyi").read_text(encoding="utf-8"))
    homes = {
        alias.name: node.module
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    def get(name: str) -> Any:
        if name == "__all__":
            return sorted(homes)
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = homes[name]
        found = import_module(f"{package}.{home or name}")
        value = getattr(found, name) if home else found
        setattr(sys.modules[package], name, value)  # also where a module has the same name
        return value

    return get, lambda: sorted({*vars(sys.modules[package]), *homes})
