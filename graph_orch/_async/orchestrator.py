"""The orchestrator: one connection, and the services on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from graph_orch._async.agents import AsyncAgentRegistry
from graph_orch._async.applying import AsyncApplying
from graph_orch._async.budgets import AsyncBudgets
from graph_orch._async.dead_letters import AsyncDeadLetters
from graph_orch._async.doctor import AsyncDoctor
from graph_orch._async.events import AsyncEvents
from graph_orch._async.export import AsyncExport
from graph_orch._async.gates import AsyncGates
from graph_orch._async.graph import AsyncGraph
from graph_orch._async.insights import AsyncInsights
from graph_orch._async.monitor import AsyncMonitor
from graph_orch._async.pauses import AsyncPauses
from graph_orch._async.retention import AsyncRetention
from graph_orch._async.router import AsyncCapabilityRouter
from graph_orch._async.schedules import AsyncSchedules
from graph_orch._async.schema import AsyncSchema
from graph_orch._async.subscriptions import AsyncSubscriptions
from graph_orch._async.tasks import AsyncTaskQueue
from graph_orch._async.teams import AsyncTeams
from graph_orch._async.tokens import AsyncTokens
from graph_orch._async.triggers import AsyncTriggers
from graph_orch._async.upkeep import AsyncUpkeep
from graph_orch._async.webhooks import AsyncWebhooks
from graph_orch._async.workflows import AsyncWorkflows
from graph_orch.domain.models import DoctorReport, RetryPolicy
from graph_orch.domain.models.declared import Change
from graph_orch.embedded import EmbeddedNeo4j
from graph_orch.settings import ServerSettings
from graph_orch.store.runtime import AsyncOpened, async_in_thread, async_opening


class AsyncOrchestrator:
    """Tasks, agents and routing on one graph. Safe to share between tasks, not across a fork."""

    def __init__(
        self,
        graph: AsyncGraph,
        server: EmbeddedNeo4j | None = None,
        *,
        retry_policy: RetryPolicy | None = None,
        claim_spread: int = 1,
    ) -> None:
        self.graph = graph
        self.schema = AsyncSchema(graph)
        self.workflows = AsyncWorkflows(graph, retry_policy=retry_policy)
        self.gates = AsyncGates(graph)
        self.tokens = AsyncTokens(graph)
        self.budgets = AsyncBudgets(graph)
        self.pauses = AsyncPauses(graph)
        self.tasks = AsyncTaskQueue(graph, retry_policy=retry_policy, claim_spread=claim_spread)
        self.agents = AsyncAgentRegistry(graph)
        self.router = AsyncCapabilityRouter(graph)
        self.events = AsyncEvents(graph)
        self.subscriptions = AsyncSubscriptions(graph)
        self.webhooks = AsyncWebhooks(graph)
        self.triggers = AsyncTriggers(graph, retry_policy=retry_policy)
        self.dead_letters = AsyncDeadLetters(graph)
        self.schedules = AsyncSchedules(graph, retry_policy=retry_policy)
        self.retention = AsyncRetention(graph)
        self.monitor = AsyncMonitor(graph)
        self.export = AsyncExport(graph)
        self.teams = AsyncTeams(graph)
        self.insights = AsyncInsights(graph)
        self._applying = AsyncApplying(graph, retry_policy)
        self._upkeep = AsyncUpkeep(graph, retry_policy=retry_policy)
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
    ) -> AsyncOpened[Self]:
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

        def make(graph: AsyncGraph, server: EmbeddedNeo4j | None) -> Self:
            return cls(graph, server, retry_policy=retry_policy, claim_spread=claim_spread)

        return async_opening(lambda: cls._open(make, uri, auth, database))

    @classmethod
    async def _open(
        cls,
        make: Callable[[AsyncGraph, EmbeddedNeo4j | None], Self],
        uri: str | None,
        auth: tuple[str, str] | None,
        database: str | None,
    ) -> Self:
        if uri is not None:
            return await cls._on(make, None, uri, auth, database)
        settings = ServerSettings()
        if settings.uri is not None:
            wanted = database or settings.database
            return await cls._on(make, None, settings.uri, auth or settings.auth, wanted)
        server = EmbeddedNeo4j()
        await async_in_thread(server.start)
        try:
            return await cls._on(make, server, server.uri, server.auth, database)
        except BaseException:
            await async_in_thread(server.stop)
            raise

    @classmethod
    async def _on(
        cls,
        make: Callable[[AsyncGraph, EmbeddedNeo4j | None], Self],
        server: EmbeddedNeo4j | None,
        uri: str,
        auth: tuple[str, str] | None,
        database: str | None,
    ) -> Self:
        data_dir = None if server is None else server.data_dir
        orch = make(await AsyncGraph.connect(uri, auth, database, data_dir), server)
        try:
            await orch.schema.migrate()
        except BaseException:
            await orch.graph.close()
            raise
        return orch

    async def doctor(self, repair: bool = False) -> DoctorReport:
        """Check that counters, labels and derived edges agree with what they stand for.

        Args:
            repair: Put right what can be derived; the report tells how much was.
        """
        return await AsyncDoctor(self.graph).examine(repair)

    async def apply(
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
        return await self._applying.apply(items, set_name, dry_run=dry_run, prune=prune)

    async def maintain(self) -> dict[str, int]:
        """Do what is due, once; how much of each kind was done. Any number of processes may.

        "tasks": tasks, gates, workflows and pauses whose time has come; "indexed": texts made ready
        for search; "scheduled": tasks that schedules created; "delivered": deliveries of webhooks
        that were tried; "fired": what triggers did; "called": the same, by functions; "workers
        forgotten": those that are dead for a day. What fails of a kind is logged, and the others
        go on.
        """
        done = await self._upkeep.run()
        indexed, forgotten = await self.tasks.index_content(), await self.agents.forget_workers()
        return {**done, "indexed": indexed, "workers forgotten": forgotten}

    async def close(self) -> None:
        """Give the connection back, and the embedded server where this was its last user."""
        await self.graph.close()
        if self._server is not None:
            server, self._server = self._server, None
            await async_in_thread(server.stop)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.close()
