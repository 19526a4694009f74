"""The graph's schema: versioned, applied once, and refused on a graph that is not ours."""

from __future__ import annotations

from graph_orch._sync.graph import Graph
from graph_orch._sync.renaming import rename_all
from graph_orch.domain.lanes import lane_key
from graph_orch.errors import ForeignGraphError, SchemaTooNewError

VERSION = 5
EMPTY_LANE = lane_key(())
"""The lane of the tasks that require nothing, which any agent may do."""

MIGRATIONS: dict[int, tuple[str, ...]] = {
    1: (
        "schema/record_name",
        "schema/agent_id",
        "schema/retired_agent_id",
        "schema/skill_key",
        "schema/lane_key",
        "schema/task_id",
        "schema/idempotency_key",
        "schema/event_id",
        "schema/task_lane_ready",
        "schema/task_ready",
        "schema/task_due",
        "schema/task_status_created",
        "schema/task_agent_status_created",
        "schema/task_type_created",
        "schema/task_created",
        "schema/task_completed",
    ),
    2: (
        "schema/limit_key",
        "schema/lane_open",
        "schema/task_priority_ready",
        "schema/new_event",
        "schema/event_position",
        "schema/event_log",
        "schema/worker_id",
        "schema/schedule_name",
        "schema/schedule_due",
    ),
    3: ("schema/lane_open", "schema/team_id"),
    4: ("schema/drop_task_content", "schema/task_words"),
    5: (
        "schema/gate_id",
        "schema/gate_status_created",
        "schema/workflow_id",
        "schema/workflow_created",
        "schema/task_workflow_status_created",
        "schema/task_workflow_name",
        "schema/due",
        "schema/step_key",
        "schema/budget_key",
        "schema/cancelling",
        "schema/token_id",
        "schema/token_hash",
        "schema/skill_guarded",
        "schema/secret_name",
        "schema/pause_key",
        "schema/share_key",
        "schema/subscription_name",
        "schema/subscription_deliver",
        "schema/delivery_event",
        "schema/delivery_due",
        "schema/delivery_made",
        "schema/delivery_failed",
        "schema/attempt_at",
        "schema/trigger_position",
        "schema/trigger_due",
        "schema/trigger_group_key",
        "schema/trigger_group_due",
        "schema/trigger_group_trigger",
        "schema/firing_key",
        "schema/firing_trigger",
        "schema/firing_finished",
        "schema/firing_due",
        "schema/firing_late",
        "schema/firing_taken",
        "schema/firing_pending",
        "schema/firing_failed",
        "schema/dead_letter_id",
        "schema/dead_letter_ingest",
        "schema/dead_letter_retry",
    ),
}
"""The statements that lead to each version. They run one after the other, outside a transaction,
and each does nothing where it was run before, so that a broken migration is run again. Version 4
also brings stored names to their one form: see `renaming`."""

INDEX_TIMEOUT_SECONDS = 300


class Schema:
    """The schema of one graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def version(self) -> int | None:
        """The version that the graph has; None where it holds nothing of ours.

        Raises:
            ForeignGraphError: it holds nodes under our labels that we did not write.
        """
        (row,) = self._graph.read("schema/record")
        if row["version"] is None and row["labels"]:
            raise ForeignGraphError(row["labels"])
        return row["version"]

    def migrate(self) -> list[int]:
        """Bring the graph to this package's version; the versions applied, [] if it has it.

        Raises:
            SchemaTooNewError: the graph was written by a newer version of the package.
            ForeignGraphError: it holds nodes under our labels that we did not write.
        """
        found = self.version() or 0
        if found > VERSION:
            raise SchemaTooNewError(found, VERSION)
        pending = [version for version in sorted(MIGRATIONS) if version > found]
        for version in pending:
            for name in MIGRATIONS[version]:
                self._graph.define(name)
            if version == 4:
                rename_all(self._graph)
            if version == 5:
                self._graph.write("schema/lane_needs")
                self._graph.write("schema/agent_terms")
            self._graph.write("schema/await_indexes", timeout_seconds=INDEX_TIMEOUT_SECONDS)
            self._graph.write("schema/write_record", version=version, empty_lane=EMPTY_LANE)
        return pending
