"""Every error that graph_orch raises.

    OrchestrationError
    ├── ValidationError               an argument is not acceptable; also a ValueError
    ├── TaskError
    │   ├── TaskNotFoundError         also a KeyError
    │   ├── TaskConflictError         the task_id exists with other fields
    │   ├── InvalidTransitionError    the task's status does not allow the command
    │   ├── CommandConflictError      the command_id was used for another command before
    │   ├── StaleAttemptError         the attempt named is no longer the current one
    │   │   └── AttemptEndedError     the attempt has ended; also an InvalidTransitionError
    │   ├── DependencyError
    │   │   ├── DependencyNotFoundError   also a TaskNotFoundError
    │   │   ├── DependencyCycleError
    │   │   └── UnmetDependencyError  the task waits for others
    │   ├── TaskNotDueError           the task's available_at is still to come
    │   ├── ConcurrencyLimitError     the limit of held tasks with its concurrency_key is reached
    │   ├── RateLimitError            none with its concurrency_key may begin yet
    │   ├── TaskPausedError           the queue, the task's type or its workflow is paused
    │   └── BudgetExhaustedError      a budget that pays for the task has not enough left
    ├── AgentError
    │   ├── AgentNotFoundError        also a KeyError
    │   ├── MissingCapabilityError    the agent lacks a required skill
    │   ├── AgentAtCapacityError      the agent has no free slot
    │   ├── AgentPausedError          somebody, or its circuit breaker, paused the agent
    │   └── NotIndependentError       the agent worked on what the task is to be independent of
    ├── RoutingError
    │   └── RoutingContentionError    other callers kept filling the agents that were chosen
    ├── WorkflowError
    │   ├── WorkflowNotFoundError     also a KeyError
    │   ├── WorkflowConflictError     the workflow_id exists with other tasks
    │   └── WorkflowCancelledError    the workflow was cancelled, and takes no tasks
    ├── GateError
    │   ├── GateNotFoundError         also a KeyError
    │   ├── GateClosedError           the gate was decided otherwise, or has expired
    │   ├── NotApproverError          the gate names others who may decide it
    │   └── LinkInvalidError          a link to a gate was not made here, or was changed
    │       └── LinkExpiredError      its time is over
    ├── NotAllowedError               whoever asks has not the right to it
    ├── TokenNotFoundError            also a KeyError
    ├── ScheduleNotFoundError         also a KeyError
    ├── SubscriptionError
    │   ├── SubscriptionNotFoundError     also a KeyError
    │   ├── SubscriptionHeldError     somebody else reads it
    │   ├── SubscriptionDeliveredError    it delivers otherwise, as to a webhook, which nobody reads
    │   ├── WebhookNotFoundError      also a KeyError
    │   └── DeliveryNotFoundError     also a KeyError
    ├── TriggerError
    │   ├── TriggerNotFoundError      also a KeyError
    │   └── TriggerCallError          the function that a trigger calls has raised, or is another
    ├── BrokerError                   a broker refuses what is asked of it
    │   ├── BrokerUnreachableError    it does not answer, or not in time
    │   └── MessageTooLargeError      it takes no messages of this size
    ├── DeadLetterNotFoundError       also a KeyError
    ├── DeadLettersFullError          as many messages are kept that could not be used as may be
    ├── AnalysisError                 a graph cannot be built, read or analysed as asked
    │   └── UnreadableGraphError      a given graph is malformed; also a ValidationError
    ├── TeamNotFoundError             also a KeyError
    ├── AlreadyRunningError           a command may run once at a time on its store, and runs
    └── StoreError
        ├── StoreUnreachableError     no server, or none in time
        ├── StoreAuthenticationError
        ├── StoreQueryError           the database refused a statement
        │   └── TransactionTooLargeError  the server has no memory for the transaction
        ├── GdsMissingError           the server has no Graph Data Science library
        ├── SchemaError
        │   ├── SchemaTooNewError     the graph was written by a newer graph_orch
        │   └── ForeignGraphError     the database holds nodes with our labels that others wrote
        ├── ClosedError               the orchestrator was closed
        ├── ForkedProcessError        a connection of the parent process was used after a fork
        ├── OtherLoopError            a connection was used in another event loop
        └── EmbeddedServerError
            ├── JavaNotFoundError
            ├── DownloadError         a jar could not be fetched, or does not match its SHA-256
            ├── ServerStartError      the server did not start; the message ends with its log
            ├── PortInUseError
            ├── DiskFullError
            ├── LockHeldError         another process starts or stops the server, and hangs
            ├── PluginError           a plugin is not known, does not fit, or is not loaded
            └── DataDirectoryError    the data directory cannot be used, or another server uses it

A message says what was asked, what is the case, and what to do. No message contains a password.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class OrchestrationError(Exception):
    """Base of every error of this package."""

    def __str__(self) -> str:
        # A KeyError's own __str__ is the repr of the message, with quotes and escapes.
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[Any, ...]:
        # BaseException's would call the class with the message, but most take other arguments.
        return type(self).__new__, (type(self), *self.args), vars(self)


class ValidationError(OrchestrationError, ValueError):
    """An argument is not acceptable. Nothing was sent to the store."""


class TaskError(OrchestrationError):
    """A command on a task was refused."""


class TaskNotFoundError(TaskError, KeyError):
    """No task has this id."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        super().__init__(
            f"task {task_id!r} does not exist; check the id, or find it with query_tasks"
        )


class TaskConflictError(TaskError):
    """A task with this id exists and has other fields."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        super().__init__(
            f"task {task_id!r} exists already with other fields; "
            "use another task_id, or create it with the same fields"
        )


class InvalidTransitionError(TaskError):
    """The task's status does not allow the command."""

    def __init__(self, command: str, task_id: str, status: str, allowed: Iterable[str]) -> None:
        self.command = command
        self.task_id = task_id
        self.status = status
        self.allowed = tuple(allowed)
        super().__init__(
            f"cannot {command} task {task_id!r}: it is {status}, "
            f"and {command} needs {' or '.join(self.allowed)}"
        )


class CommandConflictError(TaskError):
    """The command_id was used for another command before."""

    def __init__(self, command: str, task_id: str | None, command_id: str, was: str) -> None:
        self.command = command
        self.task_id = task_id
        self.command_id = command_id
        what = command if task_id is None else f"{command} task {task_id!r}"
        super().__init__(
            f"cannot {what} with command_id {command_id!r}: it was used before, {was}; "
            "a command_id names one command of one caller, so use another"
        )


class StaleAttemptError(TaskError):
    """The attempt that the caller holds is no longer the current one."""

    def __init__(self, command: str, task_id: str, attempt: int, current: int) -> None:
        self.command = command
        self.task_id = task_id
        self.attempt = attempt
        self.current = current
        super().__init__(
            f"cannot {command} task {task_id!r} as attempt {attempt}: the current attempt is "
            f"{current}; the task was given to someone else, so drop this piece of work"
        )


class AttemptEndedError(StaleAttemptError, InvalidTransitionError):
    """The attempt that the caller holds has ended: it expired, or was taken back or cancelled."""

    def __init__(self, command: str, task_id: str, attempt: int, status: str) -> None:
        self.command = command
        self.task_id = task_id
        self.attempt = self.current = attempt
        self.status = status
        self.allowed = ()
        TaskError.__init__(
            self,
            f"cannot {command} task {task_id!r} as attempt {attempt}: that attempt has ended, and "
            f"the task is {status}; drop this piece of work",
        )


class WorkflowError(OrchestrationError):
    """What was asked of a workflow was refused."""


class WorkflowNotFoundError(WorkflowError, KeyError):
    """No workflow has this id."""

    def __init__(self, workflow_id: str) -> None:
        self.workflow_id = workflow_id
        super().__init__(
            f"workflow {workflow_id!r} does not exist; see the ids with workflows.list()"
        )


class WorkflowConflictError(WorkflowError):
    """A workflow of this id was started with other tasks."""

    def __init__(self, workflow_id: str) -> None:
        self.workflow_id = workflow_id
        super().__init__(
            f"workflow {workflow_id!r} was started already, with other tasks or under another "
            "name; use another workflow_id, or start it with the same tasks"
        )


class WorkflowCancelledError(WorkflowError):
    """The workflow was cancelled: no task is added to it, and nobody is given one of it."""

    def __init__(self, workflow_id: str) -> None:
        self.workflow_id = workflow_id
        super().__init__(
            f"workflow {workflow_id!r} was cancelled: it takes no tasks, and gives none out; "
            "workflows.retry lets it go on"
        )


class GateError(OrchestrationError):
    """What was asked of a gate was refused."""


class GateNotFoundError(GateError, KeyError):
    """No gate has this id."""

    def __init__(self, gate_ids: Iterable[str]) -> None:
        self.gate_ids = sorted(gate_ids)
        super().__init__(
            f"no gate of these ids exists: {', '.join(map(repr, self.gate_ids[:20]))}; "
            "see the ids with gates.list()"
        )


class GateClosedError(GateError):
    """The gate was decided otherwise, or has expired."""

    def __init__(self, gate_id: str, decision: str, status: str, by: str | None) -> None:
        self.gate_id = gate_id
        self.status = status
        who = f" by {by!r}" if by else ""
        super().__init__(
            f"cannot {decision} gate {gate_id!r}: it is {status}{who}, and a gate is decided once"
        )


class NotApproverError(GateError):
    """The gate names who may decide it, and others may not."""

    def __init__(self, gate_id: str, by: str, approvers: Iterable[str]) -> None:
        self.gate_id = gate_id
        self.by = by
        super().__init__(
            f"{by!r} may not decide gate {gate_id!r}: that is for "
            f"{' or '.join(map(repr, approvers))}"
        )


class LinkInvalidError(GateError):
    """A link to a gate was not made here, or was changed; or links were made invalid since."""

    def __init__(self, told: str = "This link is not valid; ask for another.") -> None:
        super().__init__(told)


class LinkExpiredError(LinkInvalidError):
    """The time of a link to a gate is over, or the gate is gone."""

    def __init__(self) -> None:
        super().__init__("The time of this link is over; ask for another.")


class NotAllowedError(OrchestrationError):
    """Whoever asks has not the right to what is asked for. Nothing was done."""


class TokenNotFoundError(OrchestrationError, KeyError):
    """No token has this id."""

    def __init__(self, token_id: str) -> None:
        self.token_id = token_id
        super().__init__(
            f"token {token_id!r} does not exist; see the ids, which are not the secrets, with "
            "tokens.list()"
        )


class SubscriptionError(OrchestrationError):
    """A subscription cannot be read."""


class SubscriptionNotFoundError(SubscriptionError, KeyError):
    """No subscription has this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"subscription {name!r} does not exist, or was removed; create it with "
            "subscriptions.put, or find it with subscriptions.list"
        )


class SubscriptionHeldError(SubscriptionError):
    """Somebody else reads the subscription."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"subscription {name!r} is read by somebody else; stop that reader, wait until its "
            "lease ends, or use a subscription of your own"
        )


class SubscriptionDeliveredError(SubscriptionError):
    """The subscription delivers otherwise: nobody reads the events of a webhook, for one."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"subscription {name!r} is a webhook or a trigger, or delivers otherwise than was "
            "asked, or is being removed; see subscriptions.list, webhooks.list, triggers.list, or "
            "use another name"
        )


class WebhookNotFoundError(SubscriptionError, KeyError):
    """No webhook has this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"webhook {name!r} does not exist, or was removed; create it with webhooks.put, or "
            "find it with webhooks.list"
        )


class DeliveryNotFoundError(SubscriptionError, KeyError):
    """A webhook has no delivery of this event."""

    def __init__(self, name: str, event_id: str) -> None:
        self.name = name
        self.event_id = event_id
        super().__init__(
            f"webhook {name!r} has no delivery of event {event_id!r}: it was not meant for it, or "
            "was forgotten; see the ids with webhooks.attempts"
        )


class TriggerError(OrchestrationError):
    """A trigger cannot be found, or cannot do what it is to do."""


class TriggerCallError(TriggerError):
    """The function that a trigger calls has raised, or is not the one that it calls now."""


class TriggerNotFoundError(TriggerError, KeyError):
    """No trigger has this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"trigger {name!r} does not exist, or was removed; create it with triggers.put, or "
            "find it with triggers.list"
        )


class BrokerError(OrchestrationError):
    """A broker refuses what is asked of it."""


class BrokerUnreachableError(BrokerError):
    """A broker does not answer, or not in time."""


class MessageTooLargeError(BrokerError):
    """A broker takes no messages of this size."""

    def __init__(self, event_id: str, size: int, most: int | None = None) -> None:
        self.event_id = event_id
        limit = "less" if most is None else f"{most:,} at most"
        super().__init__(
            f"event {event_id!r} takes {size:,} bytes, and the broker takes {limit}; let it take "
            "larger messages"
        )


class DeadLetterNotFoundError(OrchestrationError, KeyError):
    """No dead letter has this id."""

    def __init__(self, letter_id: str) -> None:
        self.letter_id = letter_id
        super().__init__(
            f"dead letter {letter_id!r} does not exist; see the ids with dead_letters.list()"
        )


class DeadLettersFullError(OrchestrationError):
    """As many messages of an ingest are kept that could not be used as may be."""

    def __init__(self, ingest: str, kept: int) -> None:
        self.ingest = ingest
        super().__init__(
            f"ingest {ingest!r} keeps {kept:,} messages that it could not use, and takes no more "
            "until these are tried again or removed: see `graph-orch dead-letters list`; what it "
            "did not take waits at the broker"
        )


class ScheduleNotFoundError(OrchestrationError, KeyError):
    """No schedule has this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"schedule {name!r} does not exist; see the names with schedules.list()")


class TeamNotFoundError(OrchestrationError, KeyError):
    """No team has this id."""

    def __init__(self, team_id: str) -> None:
        self.team_id = team_id
        super().__init__(
            f"team {team_id!r} does not exist; see the ids with teams.list(): each run that "
            "is written has new ones"
        )


class DependencyError(TaskError):
    """A dependency forbids the command."""


class DependencyNotFoundError(DependencyError, TaskNotFoundError):
    """Tasks named as dependencies do not exist."""

    def __init__(self, missing: Iterable[str]) -> None:
        self.missing = tuple(missing)
        self.task_id = self.missing[0]
        shown = ", ".join(repr(task_id) for task_id in self.missing[:5])
        more = f" and {len(self.missing) - 5} more" if len(self.missing) > 5 else ""
        TaskError.__init__(
            self,
            f"no task has the id {shown}{more}; create the dependencies first, "
            "or all of them in one create_tasks call",
        )


class DependencyCycleError(DependencyError):
    """The dependency would make a task wait for itself."""

    def __init__(self, cycle: Iterable[str]) -> None:
        self.cycle = tuple(cycle)
        shown = [*self.cycle[:10], "…"] if len(self.cycle) > 10 else [*self.cycle]
        way = " -> ".join(map(str, shown))
        super().__init__(f"the dependency would close a cycle: {way}; remove one of these edges")


class UnmetDependencyError(DependencyError):
    """The task still waits for other tasks."""

    def __init__(self, task_id: str, unmet: int) -> None:
        self.task_id = task_id
        self.unmet = unmet
        super().__init__(
            f"task {task_id!r} waits for {unmet} unfinished "
            f"{'dependency' if unmet == 1 else 'dependencies'}; complete them first"
        )


class TaskNotDueError(TaskError):
    """The task is held back until its available_at."""

    def __init__(self, task_id: str, available_at: object) -> None:
        self.task_id = task_id
        super().__init__(
            f"task {task_id!r} is held back until {available_at}; wait, or create it without "
            "available_at"
        )


class ConcurrencyLimitError(TaskError):
    """The limit of held tasks with its concurrency key is reached."""

    def __init__(self, task_id: str, key: str, limit: int) -> None:
        self.task_id = task_id
        self.key = key
        self.limit = limit
        super().__init__(
            f"task {task_id!r} has the concurrency key {key!r}, of which at most {limit} may be "
            "held at once; wait for one to end, or raise the limit with set_concurrency_limit"
        )


class RateLimitError(TaskError):
    """As many tasks with its concurrency key have begun as its rate lets."""

    def __init__(self, task_id: str, key: str, next_at: str) -> None:
        self.task_id = task_id
        self.key = key
        self.next_at = next_at
        super().__init__(
            f"task {task_id!r} has the concurrency key {key!r}, of which the next may begin at "
            f"{next_at}; wait, or raise the rate with set_rate_limit"
        )


class TaskPausedError(TaskError):
    """The queue, the task's type or its workflow is paused."""

    def __init__(self, task_id: str, pauses: Iterable[str]) -> None:
        self.task_id = task_id
        self.pauses = list(pauses)
        super().__init__(
            f"task {task_id!r} is not given out while {' and '.join(self.pauses)} is paused; "
            "wait, or let it go on with pauses.remove or `graph-orch resume`"
        )


class BudgetExhaustedError(TaskError):
    """A budget that pays for the task has not enough left for what it is estimated to use."""

    def __init__(self, owners: Iterable[str], task_id: str) -> None:
        self.owners = tuple(owners)
        self.task_id = task_id
        super().__init__(
            f"task {task_id!r}: the budget of {' and '.join(self.owners)} has not enough left for "
            "what it is to use; raise it with budgets.set or `graph-orch budget set`, or wait "
            "until running tasks end"
        )


class AgentError(OrchestrationError):
    """A command on an agent was refused."""


class AgentNotFoundError(AgentError, KeyError):
    """No registered agent has this id."""

    def __init__(self, agent_id: str) -> None:
        self.agent_id = agent_id
        super().__init__(f"agent {agent_id!r} is not registered; call register_agent first")


class MissingCapabilityError(AgentError):
    """The agent lacks skills or labels that the task requires, or is not of the team it is for."""

    def __init__(self, agent_id: str, task_id: str, missing: Iterable[str]) -> None:
        self.agent_id = agent_id
        self.task_id = task_id
        self.missing = tuple(missing)
        super().__init__(
            f"agent {agent_id!r} cannot take task {task_id!r}: it lacks "
            f"{', '.join(map(repr, self.missing))}; choose another agent, or teach it with "
            "learn_new_capability (labels are given with register_agent, members with teams.put)"
        )


class AgentPausedError(AgentError):
    """The agent is paused, by somebody or by its circuit breaker."""

    def __init__(self, agent_id: str, until: str | None, reason: str | None) -> None:
        self.agent_id = agent_id
        self.until = until
        self.reason = reason
        super().__init__(
            f"agent {agent_id!r} is paused{f' until {until}' if until else ''}"
            f"{f' ({reason})' if reason else ''}; wait, give the task to another, or let it go on "
            f"with pauses.remove or `graph-orch resume agent:{agent_id}`"
        )


class AgentAtCapacityError(AgentError):
    """The agent has no free slot."""

    def __init__(self, agent_id: str, active: int, limit: int) -> None:
        self.agent_id = agent_id
        self.active_tasks = active
        self.max_concurrent_tasks = limit
        super().__init__(
            f"agent {agent_id!r} holds {active} of at most {limit} tasks; wait for one to end, "
            "or register the agent again with a higher max_concurrent_tasks"
        )


class NotIndependentError(AgentError):
    """The agent worked on what the task is to be independent of."""

    def __init__(self, agent_id: str, task_id: str) -> None:
        self.agent_id = agent_id
        self.task_id = task_id
        super().__init__(
            f"agent {agent_id!r} cannot take task {task_id!r}: it worked on what the task is to be "
            "independent of; choose an agent that did not, or register one"
        )


class RoutingError(OrchestrationError):
    """A task could not be routed."""


class RoutingContentionError(RoutingError):
    """Other callers kept filling the agents that were chosen."""

    def __init__(self, task_id: str, tries: int) -> None:
        self.task_id = task_id
        super().__init__(
            f"task {task_id!r} could not be dispatched: in {tries} tries other callers filled the "
            "chosen agent first; try again"
        )


class AlreadyRunningError(OrchestrationError):
    """A command of which only one may run on a store at a time runs there already."""


class AnalysisError(OrchestrationError):
    """A graph cannot be built, read or analysed as was asked."""


class UnreadableGraphError(AnalysisError, ValidationError):
    """The kind, an edge or an attribute of a graph that a caller gave is wrong."""


class StoreError(OrchestrationError):
    """The graph database failed, or cannot be used."""


class StoreUnreachableError(StoreError):
    """No server answers, or none answers in time."""


class StoreAuthenticationError(StoreError):
    """The server refused the credentials."""


class StoreQueryError(StoreError):
    """The database refused a statement."""


class TransactionTooLargeError(StoreQueryError):
    """The server has no memory for the transaction."""

    def __init__(self, doing: str) -> None:
        super().__init__(
            f"{doing}: the server has no memory for so large a transaction; ask for less at once, "
            "or give the server more memory (GRAPH_ORCH_HEAP for the embedded one, "
            "dbms.memory.transaction.total.max and the heap for your own)"
        )


class GdsMissingError(StoreError):
    """The server has no Graph Data Science library."""

    def __init__(self) -> None:
        super().__init__(
            "the server has no Graph Data Science library, which finds teams in the database; "
            "set GRAPH_ORCH_PLUGINS=gds for the embedded server, install the plugin in your own, "
            "or find them outside: teams.write(analysis.teams.communities(snapshot))"
        )


class SchemaError(StoreError):
    """This version of the package cannot use the graph's schema."""


class SchemaTooNewError(SchemaError):
    """The graph was written by a newer version of the package."""

    def __init__(self, found: int, known: int) -> None:
        self.found = found
        self.known = known
        super().__init__(
            f"the graph has schema version {found}, and this graph_orch knows {known}; "
            "upgrade graph_orch"
        )


class ForeignGraphError(SchemaError):
    """The database holds nodes with our labels that this package did not write."""

    def __init__(self, labels: Iterable[str]) -> None:
        self.labels = tuple(labels)
        super().__init__(
            f"the database holds nodes labelled {', '.join(self.labels)} but no graph_orch schema "
            "record, so another program wrote them; use another database, or empty this one"
        )


class ClosedError(StoreError):
    """The orchestrator was closed."""

    def __init__(self) -> None:
        super().__init__("this orchestrator is closed; connect() again")


class ForkedProcessError(StoreError):
    """A connection of the parent process was used after a fork."""

    def __init__(self) -> None:
        super().__init__(
            "this orchestrator was connected in the parent process; connections do not survive "
            "a fork: connect() in the child"
        )


class OtherLoopError(StoreError):
    """A connection was used in another event loop."""

    def __init__(self) -> None:
        super().__init__(
            "this orchestrator was connected in another event loop, to which its connections "
            "belong; connect() in this one, or use one asyncio.run() for all"
        )


class EmbeddedServerError(StoreError):
    """The embedded server could not be installed, started or stopped."""


class JavaNotFoundError(EmbeddedServerError):
    """No suitable Java runtime was found."""


class DownloadError(EmbeddedServerError):
    """A jar could not be fetched, or does not match its SHA-256."""


class ServerStartError(EmbeddedServerError):
    """The server did not start."""


class PortInUseError(EmbeddedServerError):
    """Another process uses the port."""


class DiskFullError(EmbeddedServerError):
    """The disk has no room for the jars or the data."""


class LockHeldError(EmbeddedServerError):
    """Another process starts or stops the server, or fetches its jars, and hangs."""


class PluginError(EmbeddedServerError):
    """A plugin is not known, does not fit the server, or is not loaded in the running server."""


class DataDirectoryError(EmbeddedServerError):
    """The data directory cannot be used, or another server uses it."""


def text_of(value: object) -> str:
    """`str(value)`, or a substitute where that raises, as a user's class may."""
    try:
        return str(value)
    except BaseException as error:  # even SystemExit: reporting one error must not raise another
        return f"its message cannot be read: __str__ raised {type(error).__name__}"


def describe(error: BaseException) -> str:
    """An error as its class name and its message."""
    kind, message = type(error).__name__, text_of(error)
    return f"{kind}: {message}" if kind and message else kind or message
