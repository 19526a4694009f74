"""The orchestrator: one connection, and the services on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from graph_orch._sync.agents import AgentRegistry
from graph_orch._sync.applying import Applying
from graph_orch._sync.budgets import Budgets
from graph_orch._sync.dead_letters import DeadLetters
from graph_orch._sync.doctor import Doctor
from graph_orch._sync.events import Events
from graph_orch._sync.export import Export
from graph_orch._sync.gates import Gates
from graph_orch._sync.graph import Graph
from graph_orch._sync.insights import Insights
from graph_orch._sync.monitor import Monitor
from graph_orch._sync.pauses import Pauses
from graph_orch._sync.retention import Retention
from graph_orch._sync.router import CapabilityRouter
from graph_orch._sync.schedules import Schedules
from graph_orch._sync.schema import Schema
from graph_orch._sync.subscriptions import Subscriptions
from graph_orch._sync.tasks import TaskQueue
from graph_orch._sync.teams import Teams
from graph_orch._sync.tokens import Tokens
from graph_orch._sync.triggers import Triggers
from graph_orch._sync.upkeep import Upkeep
from graph_orch._sync.webhooks import Webhooks
from graph_orch._sync.workflows import Workflows
from graph_orch.domain.models import DoctorReport, RetryPolicy
from graph_orch.domain.models.declared import Change
from graph_orch.embedded import EmbeddedNeo4j
from graph_orch.settings import ServerSettings
from graph_orch.store.runtime import Opened, in_thread, opening


class Orchestrator:
    """Tasks, agents and routing on one graph. Safe to share between tasks, not across a fork."""

    def __init__(
        self,
        graph: Graph,
        server: EmbeddedNeo4j | None = None,
        *,
        retry_policy: RetryPolicy | None = None,
        claim_spread: int = 1,
    ) -> None:
        self.graph = graph
        self.schema = Schema(graph)
        self.workflows = Workflows(graph, retry_policy=retry_policy)
        self.gates = Gates(graph)
        self.tokens = Tokens(graph)
        self.budgets = Budgets(graph)
        self.pauses = Pauses(graph)
        self.tasks = TaskQueue(graph, retry_policy=retry_policy, claim_spread=claim_spread)
        self.agents = AgentRegistry(graph)
        self.router = CapabilityRouter(graph)
        self.events = Events(graph)
        self.subscriptions = Subscriptions(graph)
        self.webhooks = Webhooks(graph)
        self.triggers = Triggers(graph, retry_policy=retry_policy)
        self.dead_letters = DeadLetters(graph)
        self.schedules = Schedules(graph, retry_policy=retry_policy)
        self.retention = Retention(graph)
        self.monitor = Monitor(graph)
        self.export = Export(graph)
        self.teams = Teams(graph)
        self.insights = Insights(graph)
        self._applying = Applying(graph, retry_policy)
        self._upkeep = Upkeep(graph, retry_policy=retry_policy)
        self._server = server

    @classmethod
    def connect(
        cls,
        uri: str | None = None,
        auth: tuple[str, str] | None = None,
        database: str | None = None,
        *,
        retry_policy: RetryPolicy | None = None,
        claim_spread: int = 1,
    ) -> Opened[Self]:
        """Connect to a Neo4j server, and apply the schema.

        Without `uri`, NEO4J_URI, NEO4J_USERNAME, NEO4J_PASSWORD and NEO4J_DATABASE say where; where
        NEO4J_URI is not set either, the embedded server is started, or joined where it runs.

        Args:
            retry_policy: For the tasks that are created here without one of their own.
            claim_spread: See `TaskQueue`; 1 claims in strict order.

        Raises:
            StoreUnreachableError: nothing answers there.
            StoreAuthenticationError: the credentials are refused.
            ForeignGraphError: the database holds nodes under our labels that we did not write.
            SchemaTooNewError: the graph was written by a newer version of the package.
            EmbeddedServerError: the embedded server cannot be had.
        """

        def make(graph: Graph, server: EmbeddedNeo4j | None) -> Self:
            return cls(graph, server, retry_policy=retry_policy, claim_spread=claim_spread)

        return opening(lambda: cls._open(make, uri, auth, database))

    @classmethod
    def _open(
        cls,
        make: Callable[[Graph, EmbeddedNeo4j | None], Self],
        uri: str | None,
        auth: tuple[str, str] | None,
        database: str | None,
    ) -> Self:
        if uri is not None:
            return cls._on(make, None, uri, auth, database)
        settings = ServerSettings()
        if settings.uri is not None:
            wanted = database or settings.database
            return cls._on(make, None, settings.uri, auth or settings.auth, wanted)
        server = EmbeddedNeo4j()
        in_thread(server.start)
        try:
            return cls._on(make, server, server.uri, server.auth, database)
        except BaseException:
            in_thread(server.stop)
            raise

    @classmethod
    def _on(
        cls,
        make: Callable[[Graph, EmbeddedNeo4j | None], Self],
        server: EmbeddedNeo4j | None,
        uri: str,
        auth: tuple[str, str] | None,
        database: str | None,
    ) -> Self:
        data_dir = None if server is None else server.data_dir
        orch = make(Graph.connect(uri, auth, database, data_dir), server)
        try:
            orch.schema.migrate()
        except BaseException:
            orch.graph.close()
            raise
        return orch

    def doctor(self, repair: bool = False) -> DoctorReport:
        """Check that counters, labels and derived edges agree with what they stand for.

        Args:
            repair: Put right what can be derived; the report tells how much was.
        """
        return Doctor(self.graph).examine(repair)

    def apply(
        self,
        items: Iterable[Mapping[str, Any]],
        set_name: str = "default",
        *,
        dry_run: bool = False,
        prune: bool = False,
    ) -> list[Change]:
        """Make the graph have what is declared; what that changed. Again, it changes nothing.

        Args:
            items: Triggers, schedules and subscriptions: each a mapping of its `kind`, its `name`
                and the arguments of its `put`.
            set_name: What these belong to, so that others' things stay where `prune` is asked for.
            dry_run: Say what would change, and change nothing.
            prune: Remove what this set declared before and does not any more.

        Raises:
            ValidationError: something is not acceptable; the message tells all that is wrong, and
                nothing was changed.
        """
        return self._applying.apply(items, set_name, dry_run=dry_run, prune=prune)

    def maintain(self) -> dict[str, int]:
        """Do what is due, once; how much of each kind was done. Any number of processes may.

        "tasks": tasks, gates, workflows and pauses whose time has come; "indexed": texts made ready
        for search; "scheduled": tasks that schedules created; "delivered": deliveries of webhooks
        that were tried; "fired": what triggers did; "called": the same, by functions; "workers
        forgotten": those that are dead for a day. What fails of a kind is logged, and the others
        go on.
        """
        done = self._upkeep.run()
        indexed, forgotten = self.tasks.index_content(), self.agents.forget_workers()
        return {**done, "indexed": indexed, "workers forgotten": forgotten}

    def close(self) -> None:
        """Give the connection back, and the embedded server where this was its last user."""
        self.graph.close()
        if self._server is not None:
            server, self._server = self._server, None
            in_thread(server.stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()
