"""One run: three worker processes, one of which is killed, and a person who decides.

Run: python -m examples.literature_review
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from subprocess import DEVNULL, Popen

from examples.literature_review.agents import MODEL
from examples.literature_review.workflow import EDITOR, start
from graph_orch import Gate, Orchestrator, Task, analysis

ROOT = Path(__file__).parents[2]
QUESTION = "Do street trees help wild bees in cities?"
TOLD = ("started", "completed", "try_failed", "failed", "suspended")
LONGEST_SECONDS = 600


class Run:
    """A review that is under way, and is told in plain lines as it goes on."""

    def __init__(self, orch: Orchestrator, question: str = QUESTION) -> None:
        self.orch = orch
        self.workflow_id = start(orch, question).workflow_id
        self.began = time.monotonic()
        self._cursor = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def say(self, line: str) -> None:
        print(f"{self.seconds:5.1f} s  {line}", flush=True)

    def until(self, condition: Callable[[], object]) -> None:
        """Tell what happens to tasks until a condition holds, or all is over."""
        while not condition() and not self.has_ended():
            if self.seconds > LONGEST_SECONDS:
                raise TimeoutError(f"not done: {self.orch.workflows.status(self.workflow_id)}")
            self.tell()
            time.sleep(0.1)

    def tell(self) -> None:
        page = self.orch.events.read(self._cursor, types=TOLD, workflow_id=self.workflow_id)
        tasks = self.orch.tasks.get_tasks([event.task_id for event in page])
        for event, task in zip(page, tasks, strict=True):
            why = f": {event.detail}" if "failed" in event.type else ""
            self.say(f"{event.agent_id:6} {event.type:10} {task.name or task.task_type}{why}")
        self._cursor = page.next_cursor

    def tasks(self, *task_types: str) -> list[Task]:
        filters = {"workflow_id": self.workflow_id, "task_type": task_types}
        return [*self.orch.tasks.query_tasks(filters)]

    def is_half_read(self) -> bool:
        """Whether of each paper a call of the model and one of a tool are kept."""
        steps = [self.orch.tasks.get_steps(task.task_id) for task in self.tasks("read")]
        return bool(steps) and all(len(kept) >= 2 for kept in steps)

    def has_ended(self) -> bool:
        return self.orch.workflows.get_workflow(self.workflow_id).state.is_ended

    def asked(self) -> Gate | None:
        """What the editor is asked, once it is."""
        (publish,) = self.tasks("publish")
        gates = self.orch.gates.of_tasks([publish.task_id]).get(publish.task_id, [])
        return next((gate for gate in gates if EDITOR in gate.approvers), None)

    def approve(self) -> None:
        """Be the editor. In earnest a person does it, by a link or `graph-orch gate approve`."""
        if gate := self.asked():
            self.say(f"{EDITOR:6} is asked    {gate.question.splitlines()[0]}")
            self.orch.gates.decide(gate.gate_id, "approve", by=EDITOR)

    def report(self, picture: Path) -> None:
        """Tell who did what, what it cost and what came out."""
        print(f"\n{'task':20} {'tries by':14} {'tokens':>6} {'USD':>9}")
        for task in self.tasks():
            tries = self.orch.tasks.get_tries(task.task_id)
            tokens, cost = sum(it.tokens or 0 for it in tries), sum(it.cost or 0 for it in tries)
            who = ", ".join(it.agent_id for it in tries)
            said = "; ".join(task.comments)
            print(f"{task.name or task.task_type:20} {who:14} {tokens:6} {cost:9.6f}  {said}")
        budget = self.orch.budgets.get(f"workflow:{self.workflow_id}")
        print(
            f"\nspent {budget.spent.tokens} tokens and {budget.spent.cost} USD, "
            f"left {budget.left.tokens} and {budget.left.cost}"
        )
        snapshot = analysis.snapshot(self.orch, "tasks", workflow_id=self.workflow_id)
        analysis.pictures.draw_gantt(snapshot, picture, title=QUESTION)
        published = self.orch.workflows.results(self.workflow_id).get("publish")
        print(f"\n{published or 'Nothing was published.'}\n\n{picture}")


@contextlib.contextmanager
def worker(name: str, **env: str) -> Generator[Popen[bytes]]:
    """A process of a worker, until the end of the block."""
    target = f"examples.literature_review.workflow:{name}"
    command = [sys.executable, "-m", "graph_orch.cli", "worker", target]
    with Popen(command, cwd=ROOT, env={**os.environ, **env}, stderr=DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


def perform(orch: Orchestrator) -> Run:
    """Do a review. The process that reads is killed when it has read half of each paper."""
    with tempfile.TemporaryDirectory() as directory:
        paid = Path(directory, "paid")
        run = Run(orch)
        with worker("robin", PAID=str(paid), STALL="reader 2") as process:
            run.until(run.is_half_read)
            process.kill()
        run.say("robin  killed     by kill -9")
        with contextlib.ExitStack() as stack:
            for name in ("robin", "ada", "ben"):
                stack.enter_context(worker(name, PAID=str(paid)))
            run.until(run.asked)
            run.approve()
            run.until(run.has_ended)
        run.tell()
        if not MODEL:
            calls = Counter(paid.read_text(encoding="utf-8").splitlines())
            twice = calls.total() - len(calls)
            print(f"\n{calls.total()} calls of models were paid, {twice} of them twice")
    return run


def main(picture: Path = Path("literature_review.png")) -> None:
    with Orchestrator.connect() as orch:
        perform(orch).report(picture)
