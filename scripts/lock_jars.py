"""Write the lock of a Neo4j version's jars, from a directory in Maven layout that holds them.

    python scripts/lock_jars.py 5.26.30 DIRECTORY

Maven's dependency:copy-dependencies makes such a directory, with
-Dmdep.useRepositoryLayout=true and -DincludeScope=runtime, of
org.neo4j:neo4j and org.neo4j.app:neo4j-server.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

LOCKS = Path(__file__).resolve().parent.parent / "graph_orch" / "embedded" / "locks"


def line(root: Path, jar: Path) -> str:
    """Path below the repository's root, SHA-256, size in bytes."""
    content = jar.read_bytes()
    return (
        f"{jar.relative_to(root).as_posix()} {hashlib.sha256(content).hexdigest()} {len(content)}"
    )


def main() -> None:
    version, root = sys.argv[1], Path(sys.argv[2])
    lines = sorted(line(root, jar) for jar in root.rglob("*.jar"))
    LOCKS.mkdir(exist_ok=True)
    (LOCKS / f"neo4j-{version}.lock").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
