"""The output for OpenTelemetry: observable instruments of what a meter measures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from graph_orch.domain.measures import Spread, bound_names
from graph_orch.telemetry.measures import MEASURES, Kind, Measure
from graph_orch.telemetry.meter import Meter

NAME = "graph_orch"
UNITS = {"": "1", "ratio": "1", "seconds": "s"}
"""Base units as UCUM writes them."""


def instrument(meter: Meter, provider: MeterProvider | None = None) -> None:
    """Have what a meter measures told by OpenTelemetry, under the names that Prometheus is told.

    `task_run` is `graph_orch.task_run` with the unit s. Observable instruments know no histograms:
    of one there are three counters, `.bucket` (by the attribute `le`, each with all that took no
    longer), `.count` and `.sum`. The values are those of the meter's last look, which a reader
    cannot wait for: keep `meter.following()` around it.

    Args:
        provider: None is the global one.
    """
    made = metrics.get_meter(NAME) if provider is None else provider.get_meter(NAME)
    for measure in MEASURES:
        name, unit = f"{NAME}.{measure.name}", UNITS[measure.unit]
        look = partial(_observed, meter, measure)
        match measure.kind:
            case Kind.GAUGE:
                made.create_observable_gauge(name, [partial(look, _plain)], unit, measure.about)
            case Kind.COUNTER:
                made.create_observable_counter(name, [partial(look, _plain)], unit, measure.about)
            case Kind.HISTOGRAM:
                for part, parts, of in PARTS:
                    made.create_observable_counter(
                        f"{name}.{part}", [partial(look, parts)], of or unit, measure.about
                    )


Attributes = Mapping[str, str]
Parts = Callable[[float | Spread, Attributes], Iterable[Observation]]


def _observed(
    meter: Meter, measure: Measure, parts: Parts, options: CallbackOptions
) -> Iterator[Observation]:
    for labels, value in meter.values.get(measure, {}).items():
        yield from parts(value, dict(zip(measure.labels, labels, strict=True)))


def _plain(value: float | Spread, attributes: Attributes) -> Iterator[Observation]:
    assert not isinstance(value, Spread)
    yield Observation(value, attributes)


def _buckets(value: float | Spread, attributes: Attributes) -> Iterator[Observation]:
    assert isinstance(value, Spread)
    for bound, upto in zip(bound_names(), (*value.upto, value.number), strict=True):
        yield Observation(upto, {**attributes, "le": bound})


def _count(value: float | Spread, attributes: Attributes) -> Iterator[Observation]:
    assert isinstance(value, Spread)
    yield Observation(value.number, attributes)


def _sum(value: float | Spread, attributes: Attributes) -> Iterator[Observation]:
    assert isinstance(value, Spread)
    yield Observation(value.seconds, attributes)


PARTS: list[tuple[str, Parts, str]] = [
    ("bucket", _buckets, "1"),
    ("count", _count, "1"),
    ("sum", _sum, ""),
]
"""The counters of a histogram, and the unit of each where it is not the histogram's."""
