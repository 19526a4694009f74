"""The tools by which agents use the orchestrator: one table, for MCP and the command line.

Most belong to a profile. The others belong to a toolset, and are served beside a profile where the
server is told so: every definition is read by every agent, so nobody is given more than it needs.

A tool has a name, hints, and a function over the services, whose typed parameters and docstring
define the tool. The adapters list and call the tools of this table, and hold no logic.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property, partial
from typing import Any

import pydantic
from pydantic import BaseModel

from graph_orch.domain.fields import MAX_NAME, TOO_DEEP
from graph_orch.domain.models import Right
from graph_orch.errors import ValidationError
from graph_orch.settings import Profile, Toolset
from graph_orch.tools import (
    administration,
    agents,
    gates,
    inbox,
    monitoring,
    operations,
    tasks,
    workflows,
)
from graph_orch.tools.call import Call
from graph_orch.tools.schemas import (
    Schema,
    arguments_model,
    as_called,
    as_meant,
    input_schema,
    output_schema,
    shortened,
)


@dataclass(frozen=True)
class Tool:
    """A tool: its name, its function, and hints for clients.

    `right` is what a caller needs to call it; to call its reading part it needs to be able to read.
    `writes` names the parameters without which it only reads; None means that it always writes. It
    is `destructive` if it may undo or overwrite data, and `idempotent` if the same call again
    changes nothing more, even without a key. `without` names the parameters that are left out.
    """

    short_name: str
    function: Callable[..., Awaitable[BaseModel]]
    profile: Profile | Toolset
    right: Right
    writes: frozenset[str] | None = None
    destructive: bool = False
    idempotent: bool = False
    without: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The name by which clients call it."""
        return f"orchestration_{self.short_name}"

    @property
    def read_only(self) -> bool:
        """Whether it changes nothing."""
        return self.writes is not None and self.writes <= self.without

    @property
    def description(self) -> str:
        """The docstring of its function, on one line."""
        return " ".join((inspect.getdoc(self.function) or "").split())

    @cached_property
    def arguments(self) -> type[BaseModel]:
        """The model of its arguments."""
        return arguments_model(self.name, self.function, self.without)

    @cached_property
    def full_schema(self) -> Schema:
        """The JSON schema by which its arguments are converted."""
        return input_schema(self.arguments)

    @cached_property
    def input_schema(self) -> Schema:
        """The JSON schema of its arguments, shortened for clients."""
        return shortened(self.full_schema)

    @cached_property
    def output_schema(self) -> Schema:
        """The JSON schema of its answers."""
        return output_schema(self.function)

    def reading(self) -> Tool | None:
        """The tool without the parameters that make it write; None if it always writes."""
        if self.writes is None:
            return None
        return Tool(
            self.short_name,
            self.function,
            self.profile,
            Right.READ,
            self.writes,
            without=self.writes,
        )

    async def run(self, call: Call, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call the tool, and return its answer as JSON values without null fields.

        Raises:
            ValidationError: the arguments are not acceptable.
            OrchestrationError: the command was refused, or the store failed.
        """
        answer = await self.function(call, **as_called(self.function, self.parse(arguments)))
        return answer.model_dump(mode="json", exclude_none=True)

    def parse(self, arguments: Mapping[str, Any]) -> BaseModel:
        """Convert and check the arguments that a client sent.

        Raises:
            ValidationError: they are not acceptable.
        """
        try:
            return self.arguments.model_validate(as_meant(arguments, self.full_schema))
        except pydantic.ValidationError as error:
            errors = error.errors(include_url=False, include_input=False, include_context=False)
            first = "; ".join(self._complaint(it["loc"], it["msg"]) for it in errors[:3])
            raise ValidationError(f"{self.name}: {first}") from None
        except RecursionError:
            raise ValidationError(f"{self.name}: {TOO_DEEP}") from None

    def _complaint(self, place: tuple[int | str, ...], message: str) -> str:
        where = ".".join(map(str, place))
        if message.startswith("Extra inputs"):
            known = ", ".join(self.arguments.model_fields)
            meant = _meant(where, self.arguments.model_fields)
            return f"no parameter {where[:MAX_NAME]!r}{meant}: {known}"
        return f"{where}: {message.removeprefix('Value error, ')}"


_READS = frozenset[str]()
_CLAIMING = frozenset({"claim", "wait_seconds", "lease_seconds", "command_id"})
_DISPATCHING = frozenset({"dispatch", "lease_seconds", "command_id"})
_WORKER, _CORE, _ALL = Profile
_FLOWS, _GATES, _INBOX, _OPERATIONS, _ADMINISTRATION = Toolset
_operation = partial(Tool, profile=_OPERATIONS, right=Right.ADMINISTER)
_admin = partial(Tool, profile=_ADMINISTRATION, right=Right.ADMINISTER)
_TABLE: tuple[Tool, ...] = (
    Tool("create_task", tasks.create_task, _WORKER, Right.CREATE),
    Tool("poll_tasks", tasks.poll_tasks, _WORKER, Right.WORK, _CLAIMING),
    Tool("assign_task", tasks.assign_task, _CORE, Right.WORK, destructive=True),
    Tool("start_task", tasks.start_task, _WORKER, Right.WORK),
    Tool("complete_task", tasks.complete_task, _WORKER, Right.WORK, idempotent=True),
    Tool("fail_task", tasks.fail_task, _WORKER, Right.WORK, destructive=True),
    Tool("get_task_status", tasks.get_task_status, _WORKER, Right.READ, _READS),
    Tool("query_tasks", tasks.query_tasks, _CORE, Right.READ, _READS),
    Tool(
        "register_agent",
        agents.register_agent,
        _WORKER,
        Right.ADMINISTER,
        destructive=True,
        idempotent=True,
    ),
    Tool("update_agent_performance", agents.update_agent_performance, _ALL, Right.ADMINISTER),
    Tool("get_agent_health", agents.get_agent_health, _CORE, Right.READ, _READS),
    Tool("find_capable_agents", agents.find_capable_agents, _CORE, Right.READ, _READS),
    Tool(
        "deregister_agent",
        agents.deregister_agent,
        _ALL,
        Right.ADMINISTER,
        destructive=True,
        idempotent=True,
    ),
    Tool("route_task", monitoring.route_task, _CORE, Right.ADMINISTER, _DISPATCHING),
    Tool("get_routing_stats", monitoring.get_routing_stats, _ALL, Right.READ, _READS),
    Tool("get_queue_metrics", monitoring.get_queue_metrics, _CORE, Right.READ, _READS),
    Tool("get_health", monitoring.get_health, _ALL, Right.READ, _READS),
    Tool("get_recommendations", monitoring.get_recommendations, _ALL, Right.READ, _READS),
)
_BESIDE: tuple[Tool, ...] = (
    Tool("start_workflow", workflows.start_workflow, _FLOWS, Right.CREATE),
    Tool("get_workflow_status", workflows.get_workflow_status, _FLOWS, Right.READ, _READS),
    Tool("list_workflows", workflows.list_workflows, _FLOWS, Right.READ, _READS),
    Tool(
        "cancel_workflow",
        workflows.cancel_workflow,
        _FLOWS,
        Right.ADMINISTER,
        destructive=True,
        idempotent=True,
    ),
    Tool("retry_workflow", workflows.retry_workflow, _FLOWS, Right.ADMINISTER),
    Tool("get_workflow_results", workflows.get_workflow_results, _FLOWS, Right.READ, _READS),
    Tool("list_gates", gates.list_gates, _GATES, Right.READ, _READS),
    Tool("get_gate", gates.get_gate, _GATES, Right.READ, _READS),
    Tool("create_gate", gates.create_gate, _GATES, Right.CREATE),
    Tool("decide_gate", gates.decide_gate, _GATES, Right.DECIDE, idempotent=True),
    Tool("subscribe", inbox.subscribe, _INBOX, Right.WORK, idempotent=True),
    Tool("unsubscribe", inbox.unsubscribe, _INBOX, Right.WORK, destructive=True, idempotent=True),
    Tool(
        "read_inbox",
        inbox.read_inbox,
        _INBOX,
        Right.WORK,
        frozenset({"acknowledge"}),
        idempotent=True,
    ),
    # A deadline that is changed counts from then, so that the same change again is another one.
    _operation("update_task", operations.update_task, destructive=True),
    _operation("cancel_task", operations.cancel_task, destructive=True, idempotent=True),
    _operation("retry_task", operations.retry_task),
    _operation("release_task", operations.release_task, destructive=True),
    _operation("cancel_tasks", operations.cancel_tasks, destructive=True, idempotent=True),
    _operation("retry_tasks", operations.retry_tasks),
    _operation("pause", operations.pause),
    _operation("resume", operations.resume, destructive=True, idempotent=True),
    _admin("set_limit", administration.set_limit, destructive=True, idempotent=True),
    _admin("set_budget", administration.set_budget, destructive=True, idempotent=True),
    # Also without repair: it reads the whole store, which not everybody should start.
    _admin("examine", administration.examine, idempotent=True),
    _admin("forget_workers", administration.forget_workers, destructive=True, idempotent=True),
    _admin("put_schedule", administration.put_schedule, destructive=True, idempotent=True),
    _admin("remove_schedule", administration.remove_schedule, destructive=True, idempotent=True),
    _admin(
        "remove_subscription", administration.remove_subscription, destructive=True, idempotent=True
    ),
    _admin("enable_webhook", administration.enable_webhook, idempotent=True),
    _admin("redeliver_webhook", administration.redeliver_webhook),
    _admin("remove_trigger", administration.remove_trigger, destructive=True, idempotent=True),
    _admin("retry_trigger", administration.retry_trigger),
)
TOOLS: dict[str, Tool] = {tool.name: tool for tool in _TABLE}
"""The tools of the profiles by their names, in the order in which they are listed."""
EVERY_TOOL: dict[str, Tool] = TOOLS | {tool.name: tool for tool in _BESIDE}
"""These, and then those of the toolsets."""


def serves(profile: Profile, toolsets: Collection[Toolset], needed: Profile | Toolset) -> bool:
    """Whether a profile with these toolsets has the tools of another profile, or of a toolset."""
    if isinstance(needed, Toolset):
        return needed in toolsets
    profiles = list(Profile)
    return profiles.index(needed) <= profiles.index(profile)


@cache
def chosen(
    profile: Profile = Profile.ALL,
    read_only: bool = False,
    toolsets: frozenset[Toolset] = frozenset(),
    rights: frozenset[Right] = frozenset(Right),
) -> Mapping[str, Tool]:
    """The tools of a profile and of toolsets; with `read_only` the reading part of each.

    Of a tool whose right is not among `rights` the reading part is left, for those who may read.
    """
    wanted = [tool for tool in EVERY_TOOL.values() if serves(profile, toolsets, tool.profile)]
    kept = [tool.reading() if read_only or tool.right not in rights else tool for tool in wanted]
    return {tool.name: tool for tool in kept if tool is not None and tool.right in rights}


def find(tools: Mapping[str, Tool], name: str) -> Tool:
    """The tool with this name.

    Raises:
        ValidationError: there is none; the message names similar ones.
    """
    if name not in tools:
        raise ValidationError(
            f"no tool is called {name[:MAX_NAME]!r}{_meant(name, tools)}: {', '.join(tools)}"
        )
    return tools[name]


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=2) if len(name) <= MAX_NAME else []
    return f"; did you mean {' or '.join(close)}? Known" if close else "; known"
