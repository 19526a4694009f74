"""The output for Prometheus: a collector of what a meter measures."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from graph_orch.domain.measures import Spread, bound_names
from graph_orch.telemetry.measures import MEASURES, Kind, Measure, Series
from graph_orch.telemetry.meter import Meter

PREFIX = "graph_orch_"


class MeterCollector(Collector):
    """Tells a registry of prometheus_client what a meter found when it looked last.

    For an application that serves metrics of its own: `REGISTRY.register(MeterCollector(meter))`,
    with `meter.following()` around it.
    """

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def describe(self) -> list[Metric]:
        """The families without values, so that registering asks nothing."""
        return [_family(measure, {}) for measure in MEASURES]

    def collect(self) -> Iterator[Metric]:
        """The families with their values."""
        values = self._meter.values
        for measure in MEASURES:
            if measure in values:
                yield _family(measure, values[measure])


def exposition(meter: Meter, accept: str) -> tuple[bytes, str]:
    """What the meter found, in the format that a client accepts, and its content type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(MeterCollector(meter))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def named(measure: Measure) -> str:
    """The name of a measure, with its unit, as the conventions of Prometheus want it."""
    total = "_total" if measure.kind is Kind.COUNTER else ""
    return PREFIX + measure.name + (f"_{measure.unit}" if measure.unit else "") + total


def _family(measure: Measure, series: Series) -> Metric:
    name = named(measure)
    match measure.kind:
        case Kind.GAUGE:
            family = GaugeMetricFamily(name, measure.about, labels=measure.labels)
        case Kind.COUNTER:
            family = CounterMetricFamily(name, measure.about, labels=measure.labels)
        case Kind.HISTOGRAM:
            family = HistogramMetricFamily(name, measure.about, labels=measure.labels)
    for labels, value in series.items():
        if isinstance(family, HistogramMetricFamily):
            assert isinstance(value, Spread)
            numbers = [*value.upto, value.number]
            buckets = [*zip(bound_names(), map(float, numbers), strict=True)]
            family.add_metric(labels, buckets, value.seconds)
        else:
            assert not isinstance(value, Spread)
            family.add_metric(labels, value)
    return family
