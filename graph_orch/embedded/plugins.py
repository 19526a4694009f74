"""Plugins of the embedded server: which there are, and which server each fits."""

from __future__ import annotations

from collections.abc import Sequence

from graph_orch.errors import PluginError

FITTING: dict[str, dict[str, str]] = {
    "gds": {"5.26": "gds-2.13.9"},  # Neo4j Graph Data Science, open edition (GPL-3.0)
}
"""By plugin: for a series of the server, the lock of the jars that go beside the server's own."""


def locks_of(plugins: Sequence[str], version: str) -> list[str]:
    """The locks of plugins for a version of the server, in order.

    Raises:
        PluginError: one is not known, or does not fit.
    """
    return [_lock_of(plugin, version) for plugin in plugins]


def _lock_of(plugin: str, version: str) -> str:
    fitting = FITTING.get(plugin)
    if fitting is None:
        raise PluginError(
            f"the embedded server knows no plugin {plugin!r}; it knows {', '.join(sorted(FITTING))}"
        )
    for series, lock in fitting.items():
        if version == series or version.startswith(f"{series}."):
            return lock
    raise PluginError(
        f"the plugin {plugin} does not fit Neo4j {version}: here it fits "
        f"{', '.join(f'{series}.x (as {lock})' for series, lock in fitting.items())}; "
        "set GRAPH_ORCH_NEO4J_VERSION to one of these, or do without the plugin"
    )
