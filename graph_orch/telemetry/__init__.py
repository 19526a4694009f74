"""Metrics: what is measured of a store, once, and its outputs (Prometheus and OpenTelemetry)."""

from graph_orch.telemetry.meter import Meter

__all__ = ["Meter"]
