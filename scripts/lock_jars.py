"""Write the lock of a Neo4j version's jars, from a directory in Maven layout that holds them.

    python scripts/lock_jars.py neo4j-5.26.30 DIRECTORY

Maven's dependency:copy-dependencies makes such a directory, with
-Dmdep.useRepositoryLayout=true and -DincludeScope=runtime, of
org.neo4j:neo4j and org.neo4j.app:neo4j-server.

    python scripts/lock_jars.py gds-2.13.9 DIRECTORY --server neo4j-5.26.30

The same for a plugin, of org.neo4j.gds:proc and org.neo4j.gds:opengds-extension. The server's own
jars are left out, and its version of a jar wins: `--pom` prints the pom to resolve with, in which
every artifact of the server is managed at the server's version.

    python scripts/lock_jars.py gds-2.13.9 --pom --server neo4j-5.26.30 > pom.xml
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from xml.sax.saxutils import escape

LOCKS = Path(__file__).resolve().parent.parent / "graph_orch" / "embedded" / "locks"
ARTIFACTS = {
    "gds": (("org.neo4j.gds", "proc"), ("org.neo4j.gds", "opengds-extension")),
    "neo4j": (("org.neo4j", "neo4j"), ("org.neo4j.app", "neo4j-server")),
}
POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>lock</groupId><artifactId>lock</artifactId><version>1</version>
<dependencyManagement><dependencies>
{managed}
</dependencies></dependencyManagement>
<dependencies>
{wanted}
</dependencies></project>"""


def line(root: Path, jar: Path) -> str:
    """Path below the repository's root, SHA-256, size in bytes."""
    content = jar.read_bytes()
    return (
        f"{jar.relative_to(root).as_posix()} {hashlib.sha256(content).hexdigest()} {len(content)}"
    )


def locked(lock: str | None) -> set[str]:
    """The paths of the jars in a lock."""
    if lock is None:
        return set()
    text = (LOCKS / f"{lock}.lock").read_text(encoding="utf-8")
    return {row.split()[0] for row in text.splitlines()}


def write_lock(lock: str, root: Path, server: str | None) -> None:
    """Write the lock of the jars below `root`, without those of the server.

    A jar of which the server has another version is an error: one class path has one of each.
    """
    own = locked(server)
    lines = sorted(line(root, jar) for jar in root.rglob("*.jar"))
    lines = [each for each in lines if each.split()[0] not in own]
    artifacts = {path.rsplit("/", 2)[0] for path in own}
    if both := [each for each in lines if each.split()[0].rsplit("/", 2)[0] in artifacts]:
        raise SystemExit("the server has another version of:\n" + "\n".join(both))
    LOCKS.mkdir(exist_ok=True)
    (LOCKS / f"{lock}.lock").write_text("\n".join(lines) + "\n", encoding="utf-8")


def pom(lock: str, server: str | None) -> str:
    """What Maven is to resolve for a lock."""
    name, _, version = lock.partition("-")
    wanted = [dependency(group, artifact, version) for group, artifact in ARTIFACTS[name]]
    managed = [managed_dependency(path) for path in sorted(locked(server))]
    return POM.format(managed="\n".join(managed), wanted="\n".join(wanted))


def managed_dependency(path: str) -> str:
    """The artifact of a path in Maven layout, at its version."""
    folder, artifact, version, file = path.rsplit("/", 3)
    classifier = file.removesuffix(".jar").removeprefix(f"{artifact}-{version}").lstrip("-")
    return dependency(folder.replace("/", "."), artifact, version, classifier)


def dependency(group: str, artifact: str, version: str, classifier: str = "") -> str:
    fields = {"groupId": group, "artifactId": artifact, "version": version}
    if classifier:
        fields["classifier"] = classifier
    inside = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    return f"<dependency>{inside}</dependency>"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lock", help="such as neo4j-5.26.30")
    parser.add_argument("directory", nargs="?", type=Path)
    parser.add_argument("--server", help="the lock of the server that a plugin is for")
    parser.add_argument("--pom", action="store_true", help="print what to resolve")
    given = parser.parse_args()
    if given.pom:
        print(pom(given.lock, given.server))
    elif given.directory is None:
        parser.error("name the directory that holds the jars")
    else:
        write_lock(given.lock, given.directory, given.server)


if __name__ == "__main__":
    main()
