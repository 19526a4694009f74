"""Simulations side by side: scenarios in a table, and repetitions with confidence intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import fsum, sqrt
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from graph_orch.analysis.checks import number, several, shown, whole
from graph_orch.analysis.simulation.arrivals import seeds
from graph_orch.analysis.simulation.recorded import Agents, Workload, tasks_of
from graph_orch.analysis.simulation.results import SimulationResult
from graph_orch.analysis.simulation.run import simulate
from graph_orch.errors import ValidationError

if TYPE_CHECKING:
    import pandas as pd

Measures: TypeAlias = Mapping[str, Callable[[SimulationResult], float]]


@dataclass(frozen=True)
class Estimate:
    """A mean over replications and its confidence interval, low to high (Student's t)."""

    mean: float
    low: float
    high: float
    deviation: float
    count: int

    @property
    def half_width(self) -> float:
        """How far the interval reaches from the mean."""
        return (self.high - self.low) / 2

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Replications:
    """Repetitions of a simulation that differ in their seed. `values`: by measure, one each."""

    seeds: tuple[int, ...]
    confidence: float
    values: Mapping[str, tuple[float, ...]]

    def __getitem__(self, measure: str) -> Estimate:
        """The mean of a measure and its confidence interval.

        Raises:
            KeyError: it was not measured.
        """
        return estimate(self.values[measure], self.confidence)

    def to_frame(self) -> pd.DataFrame:
        """A row for each measure: mean, low, high, deviation, count."""
        import pandas as pd

        names = ["mean", "low", "high", "deviation", "count"]
        rows = [[getattr(self[measure], name) for name in names] for measure in self.values]
        return pd.DataFrame(rows, columns=names, index=pd.Index(list(self.values), name="measure"))


def replicate(
    count: int,
    workload: Workload | Callable[[int], Workload],
    agents: Agents | None = None,
    *,
    seed: int = 0,
    confidence: float = 0.95,
    measures: Measures | None = None,
    **options: Any,
) -> Replications:
    """Simulate `count` times, each with a seed of its own.

    Args:
        count: how often; at least 2.
        workload: as for `simulate`, or what makes one from a seed: `lambda seed:
            poisson_tasks(10_000, rate=0.8, mean_duration=1, seed=seed)`.
        confidence: the probability that an interval covers the true mean.
        measures: what is measured, by name; None: the figures of `SimulationResult.summary`.
        options: for `simulate`.

    Raises:
        ValidationError: an argument is not acceptable.
    """
    whole("the number of replications", count, 2)
    share = _share(confidence)
    _check_measures(measures)
    drawn = seeds(seed, count)
    make = workload if callable(workload) else _same(workload)
    rows = [_measured(simulate(make(it), agents, seed=it, **options), measures) for it in drawn]
    return Replications(
        tuple(drawn), share, {name: tuple(row[name] for row in rows) for name in rows[0]}
    )


def estimate(values: Iterable[float], confidence: float = 0.95) -> Estimate:
    """The mean and its interval: mean ± t * s / sqrt(n), with n - 1 degrees of freedom (Law,
    Simulation Modeling and Analysis, 5th ed., section 9.4.1).

    Raises:
        ValidationError: there are fewer than two values, or confidence is not between 0 and 1.
    """
    from scipy.stats import t

    found = list(values)
    count = whole("the number of values", len(found), 2)
    mean = fsum(found) / count
    deviation = sqrt(fsum((value - mean) ** 2 for value in found) / (count - 1))
    reach = float(t.ppf((1 + _share(confidence)) / 2, count - 1)) * deviation / sqrt(count)
    return Estimate(mean, mean - reach, mean + reach, deviation, count)


def compare(
    results: Mapping[str, SimulationResult] | Iterable[SimulationResult],
) -> pd.DataFrame:
    """A row for each simulation, with the figures of `SimulationResult.summary`.

    Raises:
        ValidationError: there is none, or one is no result of a simulation.
    """
    import pandas as pd

    if isinstance(results, Mapping):
        named = dict(cast(Mapping[str, SimulationResult], results))
    else:
        named = dict(_numbered(results))
    if not named:
        raise ValidationError("there is nothing to compare; give results of simulate()")
    for name, result in named.items():
        if not isinstance(cast(object, result), SimulationResult):
            raise ValidationError(f"{shown(name)} is {shown(result)}, no result of simulate()")
    return pd.DataFrame(
        [result.summary() for result in named.values()],
        index=pd.Index(list(named), name="scenario"),
    )


def _share(confidence: float) -> float:
    share = number("confidence", confidence, 0.0, 1.0)
    if share in (0.0, 1.0):
        raise ValidationError(f"confidence is {share:g}; give a number between 0 and 1")
    return share


def _numbered(results: Iterable[SimulationResult]) -> Iterable[tuple[str, SimulationResult]]:
    if isinstance(cast(object, results), SimulationResult):
        raise ValidationError("compare() takes several results; give a list or a mapping of them")
    return ((str(place), result) for place, result in enumerate(several("results", results)))


def _check_measures(measures: object) -> None:
    if measures is None:
        return
    given: Mapping[str, object] = (
        cast(Mapping[str, object], measures) if isinstance(measures, Mapping) else {}
    )
    if not given or not all(map(callable, given.values())):
        raise ValidationError(
            f"measures is {shown(cast(object, measures))}; give a mapping of names to functions "
            "of a result"
        )


def _same(workload: Workload) -> Callable[[int], Workload]:
    tasks = tasks_of(workload)
    return lambda seed: tasks


def _measured(result: SimulationResult, measures: Measures | None) -> dict[str, float]:
    if measures is None:
        return result.summary()
    return {name: float(measure(result)) for name, measure in measures.items()}
