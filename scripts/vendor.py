"""`python -m scripts.vendor`: bring the JavaScript of the dashboard into the tree, or check it.

Each comes from its npm package at one version, as it is published, with its licence. The hashes in
`versions.json` are of the files in the tree; with `--check` nothing is fetched.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VENDOR = Path(__file__).parent.parent / "graph_orch/serve/web/static/vendor"
RECORD = VENDOR / "versions.json"
PACKAGES = {
    "htmx.org": ("2.0.11", {"dist/htmx.min.js": "htmx.min.js", "LICENSE": "htmx.LICENSE"}),
    "idiomorph": (
        "0.8.0",
        {"dist/idiomorph-ext.min.js": "idiomorph-ext.min.js", "LICENSE": "idiomorph.LICENSE"},
    ),
}
"""Of each package its version, and the files that are taken with the names that they get."""


def main() -> None:
    """Fetch the files and write their hashes, or with `--check` compare the hashes."""
    if "--check" in sys.argv[1:]:
        if wrong := differing():
            sys.exit(f"these files are not those that were fetched: {', '.join(wrong)}")
        return
    VENDOR.mkdir(parents=True, exist_ok=True)
    record: dict[str, dict[str, object]] = {}
    for package, (version, files) in PACKAGES.items():
        fetch(package, version, files)
        hashes = {name: digest(VENDOR / name) for name in files.values()}
        record[package] = {"version": version, "sha256": hashes}
    RECORD.write_text(json.dumps(record, indent=2) + "\n")


def differing() -> list[str]:
    """The files that are absent, or differ from those whose hashes were written."""
    recorded = json.loads(RECORD.read_text())
    return [
        name
        for of_package in recorded.values()
        for name, expected in of_package["sha256"].items()
        if not (VENDOR / name).is_file() or digest(VENDOR / name) != expected
    ]


def fetch(package: str, version: str, files: dict[str, str]) -> None:
    """Take some files out of a package of the npm registry."""
    with tempfile.TemporaryDirectory() as directory:
        command = ["npm", "pack", "--silent", f"{package}@{version}"]
        subprocess.run(command, cwd=directory, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(directory).glob("*.tgz")
        with tarfile.open(archive) as packed:
            for path, name in files.items():
                found = packed.extractfile(f"package/{path}")
                if found is None:
                    sys.exit(f"{package} {version} has no file {path}")
                (VENDOR / name).write_bytes(found.read())


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
