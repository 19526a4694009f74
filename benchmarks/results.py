"""What was measured: figures beside their targets, and every run."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks.measure import Ratio, Series
from benchmarks.store import HEAP, PAGE_CACHE, Store

PACKAGES = (
    "graph-orch",
    "neo4j",
    "neo4j-rust-ext",
    "pydantic",
    "procrastinate",
    "pgqueuer",
    "celery",
    "psycopg",
)


@dataclass(frozen=True)
class Figure:
    """One line of the table: a ratio (with its spread over the rounds), and what it should be."""

    what: str
    value: float
    low: float
    high: float
    unit: str
    target: str | None = None
    met: bool | None = None


@dataclass
class Results:
    """Everything that one run of the benchmarks found."""

    figures: list[Figure] = field(default_factory=list[Figure])
    series: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    runs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def keep(self, where: str, measured: dict[str, Series]) -> None:
        """Keep the times of single operations, and print them."""
        for name, one in measured.items():
            self.series[f"{where}: {name}"] = {"p50": one.p50, "p99": one.p99, "rounds": one.rounds}
            print(f"  {where}: {name}: p50 {one.p50:.2f} ms, p99 {one.p99:.2f} ms", flush=True)

    def at_most(self, what: str, ratio: Ratio, unit: str, most: float | None = None) -> None:
        target = None if most is None else f"≤ {most:g} {unit}"
        self._add(what, ratio, unit, target, None if most is None else ratio.value <= most)

    def at_least(self, what: str, ratio: Ratio, unit: str, least: float | None = None) -> None:
        target = None if least is None else f"≥ {least:g} {unit}"
        self._add(what, ratio, unit, target, None if least is None else ratio.value >= least)

    def _add(
        self, what: str, ratio: Ratio, unit: str, target: str | None, met: bool | None
    ) -> None:
        self.figures.append(Figure(what, ratio.value, ratio.low, ratio.high, unit, target, met))
        verdict = "" if met is None else "  met" if met else "  MISSED"
        print(f"{what}: {ratio.value:.3g} {unit}  {target or ''}{verdict}", flush=True)

    def as_json(self, store: Store, command: str) -> dict[str, Any]:
        """All of it, with the machine, the versions and the settings."""
        return {
            "command": command,
            **circumstances(store, PACKAGES),
            "figures": [asdict(one) for one in self.figures],
            "series": self.series,
            "runs": self.runs,
        }


def circumstances(store: Store, packages: Iterable[str]) -> dict[str, Any]:
    """The machine, the versions and the settings."""
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "machine": {
            "system": platform.platform(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "memory_gib": round(pages / 2**30, 1),
        },
        "versions": {"python": sys.version.split()[0], "server": _server(store)}
        | {name: _version(name) for name in packages},
        "settings": {"heap": HEAP, "page_cache": PAGE_CACHE},
    }


def _server(store: Store) -> str:
    row = store.run("CALL dbms.components() YIELD name, versions, edition RETURN *")[0]
    return f"{row['name']} {row['versions'][0]} {row['edition']}"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
