"""The JSON file and the table of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.analysis.weighing import Finding
from benchmarks.results import circumstances
from benchmarks.store import Store

PACKAGES = (
    "graph-orch",
    "neo4j",
    "networkx",
    "numpy",
    "scipy",
    "pandas",
    "graspologic-native",
    "simpy",
    "matplotlib",
)
COLUMNS = (
    "what",
    "time",
    "memory",
    "beside",
    "its time",
    "ratio",
    "lowest – highest",
    "target",
)


def as_json(
    findings: Sequence[Finding], store: Store, command: str, minutes: float
) -> dict[str, Any]:
    """All of it, with the machine, the versions and the settings."""
    return {
        "command": command,
        "minutes": minutes,
        **circumstances(store, PACKAGES),
        "figures": [it.as_json() for it in findings],
    }


def write(found: dict[str, Any], directory: Path, document: Path | None) -> None:
    """Write `analysis.json`, and the table into a document."""
    found = report.rounded(found)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "analysis.json").write_text(report.as_lines(found), encoding="utf-8")
    if document is not None:
        report.put_table(as_table(found), document)


def as_table(found: dict[str, Any]) -> str:
    """Markdown: each figure beside its floor; then the machine."""
    head = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    rows = [row(one) for one in found["figures"]]
    about = f"It took {found['minutes']:.1f} minutes. {report.circumstances(found)}"
    return "\n".join([*head, *rows, "", about, ""])


def row(one: dict[str, Any]) -> str:
    """A line of the table."""
    target = "" if one["most"] is None else f"≤ {one['most']:g}: {_verdict(one['met'])}"
    cells = (
        one["what"],
        _time(one["seconds"]),
        _memory(one["mib"]),
        one["beside"],
        _time(one["floor_seconds"]),
        f"{report.short(one['ratio'])} ×",
        f"{report.short(one['low'])} – {report.short(one['high'])}",
        target,
    )
    return f"| {' | '.join(cells)} |"


def _verdict(met: bool) -> str:
    return "met" if met else "**missed**"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{1_000 * seconds:.3g} ms"


def _memory(mib: float | None) -> str:
    return "" if mib is None else f"{mib:,.0f} MiB"
