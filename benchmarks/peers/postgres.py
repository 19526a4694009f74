"""A PostgreSQL server with the settings it ships with, and what the peers on it share."""

import asyncio
import shutil
import signal
import subprocess
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Self

from benchmarks.peers import debian
from benchmarks.peers.lifecycle import Lifecycle, Plan, Run, Tally, measure
from benchmarks.peers.server import HOST, Server

DURABILITY = (
    "every commit is flushed to disk (PostgreSQL's defaults: fsync and synchronous_commit on)"
)


@cache
def programs() -> Path:
    """The directory of `initdb` and `postgres`, installed if absent. Raises Unavailable."""
    if (found := _find()) is None:
        debian.install("postgresql")
        found = _find()
    if found is None:
        raise debian.Unavailable("PostgreSQL's initdb was not found")
    return found


def _find() -> Path | None:
    debians = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(debians, key=lambda path: int(path.parts[-3]), default=None)
    found = newest or shutil.which("initdb")
    return Path(found).parent if found else None


class Postgres(Server):
    """A cluster of its own, with trust for whoever reaches it on the loopback address."""

    user = "postgres"
    stop_signal = signal.SIGINT  # the fast shutdown: ends sessions instead of waiting for them

    @property
    def url(self) -> str:
        return f"postgresql://postgres@{HOST}:{self.port}/postgres"

    def prepare(self) -> None:
        settings = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale")
        self.run(str(programs() / "initdb"), "-D", str(self._data), "--no-sync", *settings)

    def command(self) -> list[str]:
        place = ["-D", str(self._data), "-h", HOST, "-p", str(self.port), "-k", str(self.directory)]
        return [str(programs() / "postgres"), *place]

    def ready(self) -> bool:
        probe = [str(programs() / "pg_isready"), "-q", "-h", HOST, "-p", str(self.port)]
        return subprocess.run(probe).returncode == 0

    @property
    def _data(self) -> Path:
        return self.directory / "data"


class PostgresPeer(ABC):
    """What the peers on PostgreSQL share: a server each, and a lifecycle driven by asyncio."""

    name: str
    distribution: str
    """The Python package whose version is reported."""
    durability = DURABILITY
    batches = True

    def __init__(self) -> None:
        self._server = Postgres()

    @property
    def version(self) -> str:
        return version(self.distribution)

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> None:
        self._server.start()
        try:
            asyncio.run(self.install())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self._server.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def lifecycle(self, tasks: int, workers: int, batch: int | None = None) -> Lifecycle:
        return asyncio.run(self._lifecycle(Plan(tasks, workers, batch)))

    async def _lifecycle(self, plan: Plan) -> Lifecycle:
        tally = Tally(plan.tasks)
        return await measure(self.open(plan, tally), plan, tally, self.name)

    @abstractmethod
    async def install(self) -> None:
        """Create the peer's schema."""

    @abstractmethod
    def open(self, plan: Plan, tally: Tally) -> AbstractAsyncContextManager[Run]:
        """Empty the store and open the connections of one run."""
