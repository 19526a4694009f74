"""The environment audit: installed distributions, and whether their files have changed.

It only reads the environment, and needs no store.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

PURE, NATIVE, SCRIPTS = "pure-python", "native-code", "console-scripts"
SKILLS = (PURE, NATIVE, SCRIPTS)
_NATIVE_SUFFIXES = (".so", ".pyd", ".dylib", ".dll")
_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")
_EXTRA = re.compile(r";.*\bextra\b")
_ALGORITHMS = frozenset({"sha256", "sha384", "sha512"})


@dataclass(frozen=True)
class RecordedFile:
    """A file that RECORD names; `digest` is None if it was recorded without one."""

    name: str
    path: Path
    algorithm: str | None = None
    digest: str | None = None


@dataclass(frozen=True)
class Installed:
    """An installed distribution. `requires` has the normalized names of its requirements."""

    name: str
    version: str
    requires: tuple[str, ...]
    skills: tuple[str, ...]
    files: tuple[RecordedFile, ...]
    has_record: bool

    @property
    def title(self) -> str:
        """name==version"""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True)
class FileCheck:
    """The findings of checking a distribution's files; names are those in RECORD."""

    checked: int
    unhashed: int
    tampered: tuple[str, ...]
    missing: tuple[str, ...]


def normalized(name: str) -> str:
    """The form in which names of distributions are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement_name(requirement: str) -> str | None:
    """The normalized name in a requirement; None if only an extra requires it."""
    found = _NAME.match(requirement)
    if found is None or _EXTRA.search(requirement):
        return None
    return normalized(found.group(1))


def installed(path: Iterable[str] | None = None, limit: int | None = None) -> list[Installed]:
    """The distributions on `path` (by default sys.path) in the order of names, at most `limit`.

    Of several distributions with one name, the first is returned, which is the one that Python
    imports. `requires` names only distributions that are returned too.
    """
    found = distributions() if path is None else distributions(path=list(path))
    first: dict[str, Distribution] = {}
    for distribution in found:
        # A broken installation may have no name, whatever the type says.
        if name := str(distribution.metadata["Name"] or ""):
            first.setdefault(normalized(name), distribution)
    chosen = sorted(first)[:limit]
    return [_described(name, first[name], set(chosen)) for name in chosen]


def check_files(files: Iterable[RecordedFile]) -> FileCheck:
    """Compare every file with its recorded digest.

    Raises:
        OSError: a file that exists cannot be read.
    """
    checked = unhashed = 0
    tampered: list[str] = []
    missing: list[str] = []
    for file in files:
        if not file.path.is_file():
            # Files that are recorded without a digest (bytecode) may come and go.
            if file.digest is not None:
                missing.append(file.name)
        elif file.algorithm is None:
            unhashed += 1
        else:
            checked += 1
            with file.path.open("rb") as opened:
                digest = hashlib.file_digest(opened, file.algorithm).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.digest:
                tampered.append(file.name)
    return FileCheck(checked, unhashed, tuple(tampered), tuple(missing))


def _described(name: str, distribution: Distribution, known: set[str]) -> Installed:
    record = distribution.read_text("RECORD")
    files = tuple(_recorded(distribution, record or ""))
    names = (requirement_name(text) for text in distribution.requires or ())
    requires = dict.fromkeys(other for other in names if other and other in known and other != name)
    return Installed(
        name=name,
        version=distribution.version,
        requires=tuple(requires),
        skills=_skills(distribution, files),
        files=files,
        has_record=record is not None,
    )


def _recorded(distribution: Distribution, record: str) -> Iterator[RecordedFile]:
    # Distribution.files would not do: from Python 3.12 on it leaves out missing files.
    for row in csv.reader(record.splitlines()):
        if not row:
            continue
        path = Path(str(distribution.locate_file(row[0])))
        algorithm, _, digest = (row[1] if len(row) > 1 else "").partition("=")
        if algorithm in _ALGORITHMS and digest:
            yield RecordedFile(row[0], path, algorithm, digest)
        else:
            yield RecordedFile(row[0], path)


def _skills(distribution: Distribution, files: Iterable[RecordedFile]) -> tuple[str, ...]:
    wheel = distribution.read_text("WHEEL") or ""
    native = "root-is-purelib: false" in wheel.lower()
    native = native or any(file.name.endswith(_NATIVE_SUFFIXES) for file in files)
    scripts = any(entry.group == "console_scripts" for entry in distribution.entry_points)
    return (NATIVE if native else PURE, *((SCRIPTS,) if scripts else ()))
