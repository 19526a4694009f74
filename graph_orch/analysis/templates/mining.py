"""Templates of work, mined from workflows that are finished."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING

import numpy as np

from graph_orch.analysis.checks import text, whole
from graph_orch.analysis.history.tables import Spread
from graph_orch.analysis.model import Given
from graph_orch.analysis.templates.instances import Floats, Instances, Ints, read_instances
from graph_orch.analysis.templates.patterns import Found, chains, fans
from graph_orch.analysis.templates.shapes import Shapes
from graph_orch.analysis.templates.template import Kind, Template, TemplateStep
from graph_orch.domain.forms import skill_key
from graph_orch.domain.lifecycle import TaskPriority

if TYPE_CHECKING:
    import pandas as pd

LONGEST = 12
LIKE = 32
"""Shapes with one hash that a workflow is compared with, at most."""


@dataclass(frozen=True, slots=True)
class Templates:
    """What was mined, each kind with what is in most workflows first.

    `instances` workflows are finished, `in_progress` are not and were left out. `is_cut`: there
    were more than `max_patterns` of a kind, and those in fewest workflows were left out.
    """

    workflows: tuple[Template, ...]
    chains: tuple[Template, ...]
    fans: tuple[Template, ...]
    joins: tuple[Template, ...]
    instances: int
    in_progress: int
    is_cut: bool

    @property
    def all(self) -> tuple[Template, ...]:
        """Templates of every kind."""
        return (*self.workflows, *self.chains, *self.fans, *self.joins)

    def to_frame(self) -> pd.DataFrame:
        """A row for each template: kind, name, steps, workflows, occurrences, …, p50, p90."""
        import pandas as pd

        names = ["kind", "name", "workflows", "occurrences", "success", "first_try", "width"]
        rows = [
            [*(getattr(it, name) for name in names), len(it.steps), it.seconds.p50, it.seconds.p90]
            for it in self.all
        ]
        return pd.DataFrame(rows, columns=[*names, "steps", "p50", "p90"])


def mine_templates(
    graph: Given,
    *,
    min_support: int = 2,
    max_length: int = 5,
    max_patterns: int = 200,
    task_type: str = "task_type",
) -> Templates:
    """Templates of the workflows in a graph whose edges lead from tasks to what they depend on.

    A workflow is a weakly connected part of the graph, all of whose tasks are finished (completed,
    failed, cancelled, or waiting for ever for one that failed); a task without a status counts as
    completed. Four kinds of templates are looked for, each in `min_support` workflows at least:

    - workflows: whole ones of the same shape, that is isomorphic with respect to the tasks' types.
      They are told apart by a Weisfeiler-Lehman hash, and then by looking for an isomorphism; what
      is not proved to be the same within a bounded number of steps counts as different.
    - chains: 2 to `max_length` types, each task depending on one of the type before; an occurrence
      is a path. Of each length, the `max_patterns` that are in most workflows.
    - fans: a task on which N >= 2 of one type depend; an occurrence is such a task.
    - joins: a task that depends on N >= 2 of one type.

    The work is bounded by `max_patterns`, `max_length` and the edges, not by the occurrences.

    Raises:
        ValidationError: a bound is not a whole number, or out of range, or this is no graph.
        AnalysisError: the graph has a cycle or undirected edges, or a task has no type.
    """
    support, most = whole("min_support", min_support, 1), whole("max_patterns", max_patterns, 1)
    longest = whole("max_length", max_length, 2, LONGEST)
    found = read_instances(graph, text("task_type", task_type))
    paths, cut = chains(found, support, longest, most)
    wide, narrow = fans(found, support), fans(found, support, joins=True)
    alike = [it for it in _workflows(found) if it.workflows >= support]
    return Templates(
        workflows=_ranked(alike)[:most],
        chains=_ranked(_of(found, "chain", it) for it in paths),
        fans=_ranked(_of(found, "fan", it) for it in wide)[:most],
        joins=_ranked(_of(found, "join", it) for it in narrow)[:most],
        instances=found.count,
        in_progress=found.in_progress,
        is_cut=cut or max(len(wide), len(narrow), len(alike)) > most,
    )


def _ranked(templates: Iterable[Template]) -> tuple[Template, ...]:
    return tuple(sorted(templates, key=_rank))


def _rank(it: Template) -> tuple[object, ...]:
    shape = [(step.task_type, step.after) for step in it.steps]
    return -it.workflows, -it.occurrences, -len(it.steps), shape


def _of(instances: Instances, kind: Kind, found: Found) -> Template:
    afters = [()] + [(at,) for at in range(len(found.types) - 1)]
    many = {"fan": 1, "join": 0}.get(kind)
    steps = (
        _step(instances, tasks, after, is_many=at == many)
        for at, (tasks, after) in enumerate(zip(found.places, afters, strict=True))
    )
    return Template(
        kind=kind,
        steps=tuple(steps),
        workflows=found.workflows,
        occurrences=found.occurrences,
        success=found.succeeded / found.occurrences,
        first_try=found.at_first / found.occurrences,
        seconds=_spread(found.spans, found.weights),
        sizes=found.sizes,
        is_sampled=found.is_sampled,
    )


def _step(
    instances: Instances, tasks: Ints, after: tuple[int, ...], *, is_many: bool = False
) -> TemplateStep:
    """What the tasks at one place have in common."""
    lists = [instances.requirements[int(i)] for i in np.unique(instances.required[tasks])]
    shared = set[str].intersection(*({skill_key(name) for name in names} for names in lists))
    ranks = instances.priority[tasks]
    usual = np.bincount(ranks[ranks >= 0], minlength=1)
    known = bool(usual.any())
    return TemplateStep(
        task_type=instances.type_names[int(instances.types[tasks[0]])],
        requirements=tuple(name for name in lists[0] if skill_key(name) in shared),
        priority=list(TaskPriority)[int(usual.argmax())] if known else TaskPriority.MEDIUM,
        after=after,
        is_many=is_many,
    )


def _workflows(instances: Instances) -> Iterator[Template]:
    """A template for each shape of workflow that there is."""
    waits: list[list[int]] = [[] for _ in instances.nodes]
    for before, after in zip(instances.before, instances.after, strict=True):
        waits[int(after)].append(int(before))
    labels = [instances.type_names[int(kind)] for kind in instances.types]
    shapes = Shapes(labels, waits)
    alike: dict[bytes, list[list[list[int]]]] = {}
    for tasks in _members(instances):
        _add(shapes, tasks, alike.setdefault(shapes.digest(tasks), []))
    for groups in alike.values():
        for group in groups:
            yield _whole(instances, waits, group)


def _members(instances: Instances) -> list[list[int]]:
    """The tasks of each workflow, in an order in which they can run."""
    order = np.argsort(instances.workflow, kind="stable")
    sizes = np.bincount(instances.workflow)
    return [part.tolist() for part in np.split(order, np.cumsum(sizes)[:-1]) if len(part)]


def _add(shapes: Shapes, tasks: list[int], groups: list[list[list[int]]]) -> None:
    """Put a workflow to those of its shape, its tasks in the order of those they correspond to."""
    for group in groups[:LIKE]:
        image = shapes.match(group[0], tasks)
        if image is not None:
            group.append([image[task] for task in group[0]])
            return
    groups.append([tasks])


def _whole(instances: Instances, waits: list[list[int]], group: list[list[int]]) -> Template:
    place = {task: at for at, task in enumerate(group[0])}
    table = np.array(group, dtype=np.int64)
    steps = (
        _step(instances, table[:, at], tuple(place[other] for other in waits[task]))
        for at, task in enumerate(group[0])
    )
    return Template(
        kind="workflow",
        steps=tuple(steps),
        workflows=len(group),
        occurrences=len(group),
        success=float(instances.succeeded[table].all(axis=1).mean()),
        first_try=float(instances.at_first[table].all(axis=1).mean()),
        seconds=_spread(_spans(instances, table), np.ones(len(group))),
    )


def _spans(instances: Instances, table: Ints) -> Floats:
    """From the first start to the last end of each row of tasks; nan where neither is known."""
    return np.fmax.reduce(instances.end[table], axis=1) - np.fmin.reduce(
        instances.start[table], axis=1
    )


def _spread(spans: Floats, weights: Floats) -> Spread:
    """As of a list that has each span so many times as its weight."""
    missing = np.isnan(spans)
    good = ~missing & (spans >= 0)
    values, counts = spans[good], weights[good]
    n, lost = round(float(counts.sum())), round(float(weights[missing].sum()))
    negative = round(float(weights[~missing & ~good].sum()))
    if not n:
        return Spread(n, lost, negative, 0.0, None, None, None, None, None)
    order = np.argsort(values, kind="stable")
    values, upto = values[order], np.cumsum(counts[order])
    total = float(values @ counts[order])
    p50, p90, p99 = (_percentile(values, upto, share) for share in (0.5, 0.9, 0.99))
    return Spread(n, lost, negative, total, total / n, p50, p90, p99, float(values[-1]))


def _percentile(values: Floats, upto: Floats, share: float) -> float:
    """Interpolated linearly between the order statistics, as `numpy.percentile` does."""
    rank = (float(upto[-1]) - 1) * share
    whole = floor(rank)
    low, high = np.searchsorted(upto, [whole, whole + 1], side="right").tolist()
    one, other = float(values[low]), float(values[min(high, len(values) - 1)])
    return one + (other - one) * (rank - whole)
