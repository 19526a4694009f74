"""Neo4j's jars: which ones a version needs. Each is fetched once, and verified by SHA-256."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

from graph_orch.embedded.kernel_lock import KernelLock
from graph_orch.embedded.ownership import ROOT, refuse_others
from graph_orch.errors import DiskFullError, DownloadError

Progress = Callable[[int, int], None]
"""Called with the bytes fetched so far and the bytes to fetch."""

LOCKS = Path(__file__).parent / "locks"
THREADS = 8
TRIES = 4
TIMEOUT_SECONDS = 60
FETCH_SECONDS = 900
"""How long to wait for another process that fetches the jars."""


@dataclass(frozen=True, slots=True)
class Jar:
    """A jar of the Maven repository: its path there, its SHA-256 in hex, its size in bytes."""

    path: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """The file name."""
        return self.path.rpartition("/")[2]


def jars_of(version: str) -> list[Jar]:
    """The jars of a Neo4j version.

    Raises:
        DownloadError: This package has no lock for the version.
    """
    if not (LOCKS / f"neo4j-{version}.lock").exists():
        known = sorted(path.stem.removeprefix("neo4j-") for path in LOCKS.glob("neo4j-*.lock"))
        raise DownloadError(
            f"the jars of Neo4j {version} are not known; known are {', '.join(known)} "
            "(scripts/lock_jars.py makes the lock of another)"
        )
    return locked(f"neo4j-{version}")


def locked(lock: str) -> list[Jar]:
    """The jars of a lock, such as `neo4j-5.26.30` or `gds-2.13.9`."""
    text = (LOCKS / f"{lock}.lock").read_text(encoding="utf-8")
    rows = (line.split() for line in text.splitlines())
    return [Jar(path, sha256, int(size)) for path, sha256, size in rows]


def install(
    jars: Sequence[Jar],
    directory: Path,
    base_url: str | None = None,
    progress: Progress | None = None,
    *,
    verify: bool = False,
) -> None:
    """Fetch the jars that are missing from `directory`.

    An interrupted call keeps the jars that it fetched. Several processes may install at once.

    Args:
        verify: Check the SHA-256 of the jars that are there, rather than their size alone. This
            takes 0.15 s for a server's 127 MB.

    Raises:
        DownloadError: A jar cannot be fetched, or does not match its SHA-256.
        DiskFullError: The disk is full.
        LockHeldError: Another process fetches the jars, and hangs.
        DataDirectoryError: Other users could put jars into the directory.
    """
    missing = damaged if verify else absent
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o755)
        refuse_others(directory, "GRAPH_ORCH_CACHE_DIR", (ROOT,))
        if not missing(jars, directory):
            return
        with KernelLock(directory / ".lock").acquire(
            FETCH_SECONDS, "fetch the embedded server's jars"
        ):
            # Whoever held the lock before us may have fetched them.
            _fetch_all(missing(jars, directory), directory, base_url or central_url(), progress)
    except OSError as error:
        raise storage_error(error, directory) from error


def absent(jars: Sequence[Jar], directory: Path) -> list[Jar]:
    """The jars that are missing, or have the wrong size."""
    sizes = {path.name: path.stat().st_size for path in directory.glob("*.jar")}
    return [jar for jar in jars if sizes.get(jar.name) != jar.size]


def damaged(jars: Sequence[Jar], directory: Path) -> list[Jar]:
    """The jars that are missing, or do not match their SHA-256."""

    def is_whole(jar: Jar) -> bool:
        try:
            with (directory / jar.name).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256
        except OSError:  # the file is missing, or the disk cannot read it any more
            return False

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(is_whole, jars))
    return [jar for jar, whole in zip(jars, found, strict=True) if not whole]


def central_url() -> str:
    """The URL of Maven's central repository, from jgo, the Maven client for Python.

    Raises:
        DownloadError: jgo is not installed.
    """
    try:
        from jgo.constants import MAVEN_CENTRAL_URL  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as error:
        raise DownloadError(
            "the embedded server needs its extra: pip install 'graph-orch[embedded]'"
        ) from error
    return MAVEN_CENTRAL_URL


def storage_error(error: OSError, where: Path) -> DiskFullError | DownloadError:
    """The error of this package for an OSError while jars were written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"there is no room in {where}; the server's jars need 160 MB")
    return DownloadError(f"cannot write the server's jars to {where}: {error}")


def _fetch_all(
    jars: Sequence[Jar], directory: Path, base_url: str, progress: Progress | None
) -> None:
    total, done = sum(jar.size for jar in jars), 0
    try:
        session: Any = import_module("requests").Session()
    except ImportError as error:
        raise DownloadError(
            "the embedded server needs its extra: pip install 'graph-orch[embedded]'"
        ) from error
    with ThreadPoolExecutor(THREADS) as pool:
        futures = [pool.submit(_fetch, session, base_url, jar, directory) for jar in jars]
        try:
            for jar, future in zip(jars, futures, strict=True):
                future.result()
                done += jar.size
                if progress is not None:
                    progress(done, total)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _fetch(session: Any, base_url: str, jar: Jar, directory: Path) -> None:
    content = _get(session, f"{base_url.rstrip('/')}/{jar.path}", jar, directory)
    found = hashlib.sha256(content).hexdigest()
    if found != jar.sha256:
        raise DownloadError(
            f"{jar.path} was not kept, as it does not match its lock: its SHA-256 is {found}, "
            f"expected {jar.sha256}"
        )
    # Written beside its name and moved, so that no other process sees half a jar. Its mode lets
    # other users read it, as a cache that root filled serves all.
    partial = directory / f".{jar.name}.{uuid4()}"
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(directory / jar.name)
    finally:
        partial.unlink(missing_ok=True)


def _get(session: Any, url: str, jar: Jar, directory: Path) -> bytes:
    for attempt in range(1, TRIES + 1):
        try:
            response = session.get(url, timeout=TIMEOUT_SECONDS)
            response.raise_for_status()
            return response.content
        except OSError as error:  # the base class of requests' errors
            if attempt == TRIES:
                exists = (directory / jar.name).exists()
                damage = f" (that in {directory} is damaged)" if exists else ""
                raise DownloadError(
                    f"cannot fetch {jar.path}{damage}: {type(error).__name__}; the embedded "
                    "server's jars are fetched once, from Maven's central repository: connect to a "
                    "network, or set NEO4J_URI to a server, or GRAPH_ORCH_MAVEN_URL to a mirror"
                ) from error
            time.sleep(0.2 * 2**attempt)
    raise AssertionError("unreachable")
