"""Generate graph_orch/_sync from graph_orch/_async, or with --check say whether it is current."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import unasync  # pyright: ignore[reportMissingTypeStubs]

ROOT = Path(__file__).resolve().parent.parent / "graph_orch"
SOURCES = sorted((ROOT / "_async").glob("*.py"))
OWN = (
    "Acting AgentRegistry Applying Aside Budgets Bulk CapabilityRouter Claims Combiner Commands "
    "Creation DeadLetters Doctor Driver Due Evaluator Events Export FirstCalls Gates Graph "
    "GraphDatabase Handling Insights ManagedTransaction Measuring Monitor Once Orchestrator Pauses "
    "Querying Result Retention Schedules Schema Session Signal Skills Subscriptions TaskQueue "
    "Teams Together Tokens Transaction Triggers Try Turns Upkeep Webhooks Workflows"
)
NAMES = {f"Async{name}": name for name in OWN.split()} | {
    "_async": "_sync",
    "AsyncOpened": "Opened",
    "async_opening": "opening",
    "async_apart": "apart",
    "async_in_parts": "in_parts",
    "async_in_thread": "in_thread",
    "async_or_give_back": "or_give_back",
    "async_sleep": "sleep",
    "async_loop": "loop",
    "async_at_home": "at_home",
}


def generate(target: Path) -> None:
    """Write the synchronous twin of every module into `target`."""
    rule = unasync.Rule(str(ROOT / "_async"), str(target), additional_replacements=NAMES)
    unasync.unasync_files(  # pyright: ignore[reportUnknownMemberType]
        [str(path) for path in SOURCES], [rule]
    )


def differences(made: Path) -> list[str]:
    """The names of the modules in which what is committed differs from what was made."""
    names = {path.name for path in SOURCES} | {path.name for path in (ROOT / "_sync").glob("*.py")}
    return sorted(name for name in names if _text(made / name) != _text(ROOT / "_sync" / name))


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def main() -> int:
    if "--check" not in sys.argv[1:]:
        generate(ROOT / "_sync")
        return 0
    with tempfile.TemporaryDirectory() as directory:
        generate(Path(directory))
        stale = differences(Path(directory))
    if stale:
        print(f"graph_orch/_sync is out of date in {', '.join(stale)}: run `make generate`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
