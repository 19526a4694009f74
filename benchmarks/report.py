"""The table, the plots and the JSON file of a run."""

# pyright: reportUnknownMemberType=false
# matplotlib types its keyword arguments by halves.

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#999999"
"""Colours of the Okabe-Ito palette, which the colour-blind can tell apart."""
BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->\n"


def write(found: dict[str, Any], directory: Path, document: Path | None) -> None:
    """Write `figures.json`, `figures.md` and the plots; put the table into a document too."""
    found = rounded(found)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "figures.json").write_text(as_lines(found))
    table = as_table(found)
    (directory / "figures.md").write_text(table)
    _plot_targets(found["figures"], directory / "targets.svg")
    _plot_rates(found["runs"], directory / "throughput.svg")
    if document is not None:
        put_table(table, document)


def put_table(table: str, document: Path) -> None:
    """Put a table between the marks of a document, in place of the one that is there."""
    before, rest = document.read_text().split(BEGIN)
    document.write_text(f"{before}{BEGIN}{table}{END}{rest.split(END)[1]}")


def rounded(found: dict[str, Any]) -> dict[str, Any]:
    """No more digits than were measured."""
    return json.loads(json.dumps(found), parse_float=lambda text: float(f"{float(text):.5g}"))


def as_lines(found: dict[str, Any]) -> str:
    """JSON with a line for each figure, series and run."""
    parts = [f"{json.dumps(key)}: {_line(value)}" for key, value in found.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _line(value: Any) -> str:
    match value:
        case dict():
            items = cast(dict[str, Any], value)
            inside = [f"{json.dumps(key)}: {json.dumps(one)}" for key, one in items.items()]
            return "{\n  " + ",\n  ".join(inside) + "\n}"
        case list():
            rows = cast(list[Any], value)
            return "[\n  " + ",\n  ".join(json.dumps(one) for one in rows) + "\n]"
        case _:
            return json.dumps(value)


def as_table(found: dict[str, Any]) -> str:
    """Markdown: what, the median over the rounds, its spread, the target."""
    lines = ["| what | median | lowest – highest | target | |", "|---|---|---|---|---|"]
    for one in found["figures"]:
        verdict = {None: "", True: "met", False: "**missed**"}[one["met"]]
        lines.append(
            f"| {one['what']} | {short(one['value'])} {one['unit']} "
            f"| {short(one['low'])} – {short(one['high'])} | {one['target'] or ''} | {verdict} |"
        )
    return "\n".join([*lines, "", circumstances(found), ""])


def circumstances(found: dict[str, Any]) -> str:
    """By which command it was measured, and on what."""
    machine, versions = found["machine"], found["versions"]
    known = ", ".join(f"{name} {it}" for name, it in versions.items() if it)
    return (
        f"Measured by `{found['command']}` on {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, {machine['system']}; {known}; "
        f"heap {found['settings']['heap']}, page cache {found['settings']['page_cache']}."
    )


def short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _plot_targets(figures: list[dict[str, Any]], path: Path) -> None:
    """Each figure as a share of its target; what is beyond the line is missed."""
    judged = [one for one in figures if one["met"] is not None and one["target"]]
    shares = [_share(one) for one in judged]
    figure, axes = plt.subplots(figsize=(9, 0.32 * len(judged) + 1.2))
    colours = [BLUE if one["met"] else ORANGE for one in judged]
    axes.barh([one["what"] for one in judged], shares, color=colours)
    axes.axvline(1, color=GREY, linewidth=1)
    axes.invert_yaxis()
    axes.set_xlabel("share of what is allowed (1 = the target; orange: missed)")
    axes.tick_params(labelsize=8)
    _save(figure, path)


def _share(one: dict[str, Any]) -> float:
    limit = float(re.findall(r"[\d.]+", one["target"])[0])
    if not limit or not one["value"]:
        return 0.0
    return one["value"] / limit if one["target"].startswith("≤") else limit / one["value"]


def _plot_rates(runs: list[dict[str, Any]], path: Path) -> None:
    """Tasks a second from creation to completion, of each system; the line is the spread."""
    rates: dict[str, list[float]] = {}
    for run in runs:
        if run.get("workers") == 16:
            seconds = run["create_seconds"] + run["drain_seconds"]
            rates.setdefault(run["what"], []).append(run["tasks"] / seconds)
    names = sorted(rates, key=lambda name: sorted(rates[name])[len(rates[name]) // 2])
    figure, axes = plt.subplots(figsize=(9, 0.36 * len(names) + 1.2))
    for place, name in enumerate(names):
        values = sorted(rates[name])
        colour = BLUE if name.startswith("ours") else GREY
        axes.plot([values[0], values[-1]], [place, place], color=colour, linewidth=1)
        axes.plot(values[len(values) // 2], place, "o", color=colour)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_xscale("log")
    axes.set_xlabel("tasks/s, created to completed (median; line: lowest to highest)")
    axes.grid(axis="x", which="both", alpha=0.3)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
