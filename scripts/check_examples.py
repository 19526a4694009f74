"""Hold the examples of the documents to pyright's strict mode, as their readers would.

    python -m scripts.check_examples

Each example is a file, and those of a tutorial, which go on from each other, are one. What
libraries leave without a type is not theirs; that is most of docs/analysis.md (NetworkX, pandas),
which is left out.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SINGLE = [ROOT / "README.md", DOCS / "index.md", *sorted((DOCS / "how-to").glob("*.md"))]
"""Each example of these stands alone; those of the tutorials go on from each other."""
TUTORIALS = sorted((DOCS / "tutorials").glob("*.md"))
SETTINGS = {
    "typeCheckingMode": "strict",
    "reportMissingTypeStubs": False,
    "reportUnknownMemberType": False,
    "pythonVersion": "3.11",
    "venvPath": str(ROOT),
    "venv": ".venv",
    "extraPaths": [str(ROOT)],
}


def examples(page: Path, languages: str = "python") -> list[tuple[str, str, str]]:
    """Of each example its language, its code and what it prints: the text that stands after it."""
    example = rf"```({languages})\n(.*?)```(?:\n+```text\n(.*?)```)?"
    return re.findall(example, page.read_text(encoding="utf-8"), re.DOTALL)


def main() -> int:
    """Write the examples into a directory, and have them checked; what pyright returns."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for page in SINGLE:
            for at, (_, code, _) in enumerate(examples(page)):
                (directory / f"{page.stem}-{at}.py").write_text(code, encoding="utf-8")
        for page in TUTORIALS:
            code = "\n".join(code for _, code, _ in examples(page))
            (directory / f"{page.stem}.py").write_text(code, encoding="utf-8")
        config = directory / "pyrightconfig.json"
        config.write_text(json.dumps(SETTINGS), encoding="utf-8")
        return subprocess.run([sys.executable, "-m", "pyright", "-p", str(config)]).returncode


if __name__ == "__main__":
    sys.exit(main())
