"""Plugins of the embedded server, and the server versions that each fits."""

from __future__ import annotations

from collections.abc import Sequence

from graph_orch.errors import PluginError

FITTING: dict[str, dict[str, str]] = {
    "gds": {"5.26": "gds-2.13.9"},  # Neo4j Graph Data Science, open edition (GPL-3.0)
}
"""By plugin and server series: the lock that lists the plugin's jars, see `jars.locked`."""


def locks_of(plugins: Sequence[str], version: str) -> list[str]:
    """The locks of plugins for a version of the server, in the order of the plugins.

    Raises:
        PluginError: A plugin is not known, or does not fit the version.
    """
    series = ".".join(version.split(".")[:2])
    locks: list[str] = []
    for plugin in plugins:
        fitting = FITTING.get(plugin)
        if fitting is None:
            raise PluginError(
                f"the embedded server knows no plugin {plugin!r}; it knows "
                f"{', '.join(sorted(FITTING))}"
            )
        if series not in fitting:
            known = ", ".join(f"{series}.x (as {lock})" for series, lock in fitting.items())
            raise PluginError(
                f"the plugin {plugin} does not fit Neo4j {version}: here it fits {known}; "
                "set GRAPH_ORCH_NEO4J_VERSION to one of these, or do without the plugin"
            )
        locks.append(fitting[series])
    return locks
