"""Multi-agent task orchestration whose store is a Neo4j graph.

from graph_orch import Orchestrator

with Orchestrator.connect() as orch:
    orch.agents.register_agent("ada", ["python"])
    task_id = orch.tasks.create_task("sort this", "code", requirements=["python"])
    orch.router.dispatch_task(task_id)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from graph_orch.domain.lifecycle import (
    DependencyFailure,
    ErrorClass,
    EventType,
    HealthStatus,
    TaskPriority,
    TaskStatus,
    TryOutcome,
)
from graph_orch.domain.models import (
    Agent,
    AgentBlastRadius,
    AgentFilters,
    AgentHealth,
    AgentStatistics,
    BlastRadius,
    Candidate,
    Claim,
    Communities,
    Completion,
    ConcurrencyLimit,
    DoctorReport,
    EventPage,
    ExportedAgent,
    ExportedTask,
    ExportedTeam,
    ExportPage,
    Finding,
    HeldSkill,
    NewTask,
    QueueStatistics,
    Recommendation,
    RecommendationKind,
    RetryPolicy,
    RoutingStatistics,
    Schedule,
    Skill,
    StoreCounts,
    SystemHealth,
    Task,
    TaskEvent,
    TaskFilters,
    TaskPage,
    TaskRecord,
    TaskTry,
    Team,
    TeamsWritten,
    ToolCall,
    WaitKind,
    WaitReason,
    WhyBlocked,
    WorkerInfo,
)
from graph_orch.errors import (
    AgentAtCapacityError,
    AgentError,
    AgentNotFoundError,
    AlreadyRunningError,
    AnalysisError,
    AttemptEndedError,
    CommandConflictError,
    ConcurrencyLimitError,
    DependencyCycleError,
    DependencyError,
    DependencyNotFoundError,
    ForeignGraphError,
    GdsMissingError,
    InvalidTransitionError,
    MissingCapabilityError,
    OrchestrationError,
    RoutingContentionError,
    RoutingError,
    ScheduleNotFoundError,
    SchemaTooNewError,
    StaleAttemptError,
    StoreError,
    StoreUnreachableError,
    TaskConflictError,
    TaskError,
    TaskNotDueError,
    TaskNotFoundError,
    TeamNotFoundError,
    TransactionTooLargeError,
    UnmetDependencyError,
    ValidationError,
)

if TYPE_CHECKING:
    from graph_orch._async.agents import AsyncAgentRegistry
    from graph_orch._async.events import AsyncEvents
    from graph_orch._async.export import AsyncExport
    from graph_orch._async.graph import AsyncGraph
    from graph_orch._async.insights import AsyncInsights
    from graph_orch._async.monitor import AsyncMonitor
    from graph_orch._async.orchestrator import AsyncOrchestrator
    from graph_orch._async.retention import AsyncRetention
    from graph_orch._async.router import AsyncCapabilityRouter
    from graph_orch._async.schedules import AsyncSchedules
    from graph_orch._async.tasks import AsyncTaskQueue
    from graph_orch._async.teams import AsyncTeams
    from graph_orch._sync.agents import AgentRegistry
    from graph_orch._sync.events import Events
    from graph_orch._sync.export import Export
    from graph_orch._sync.graph import Graph
    from graph_orch._sync.insights import Insights
    from graph_orch._sync.monitor import Monitor
    from graph_orch._sync.orchestrator import Orchestrator
    from graph_orch._sync.retention import Retention
    from graph_orch._sync.router import CapabilityRouter
    from graph_orch._sync.schedules import Schedules
    from graph_orch._sync.tasks import TaskQueue
    from graph_orch._sync.teams import Teams
    from graph_orch.worker import AsyncContext, Context, TaskFailure, Worker

__all__ = [
    "Agent",
    "AgentAtCapacityError",
    "AgentBlastRadius",
    "AgentError",
    "AgentFilters",
    "AgentHealth",
    "AgentNotFoundError",
    "AgentRegistry",
    "AgentStatistics",
    "AlreadyRunningError",
    "AnalysisError",
    "AsyncAgentRegistry",
    "AsyncCapabilityRouter",
    "AsyncContext",
    "AsyncEvents",
    "AsyncExport",
    "AsyncGraph",
    "AsyncInsights",
    "AsyncMonitor",
    "AsyncOrchestrator",
    "AsyncRetention",
    "AsyncSchedules",
    "AsyncTaskQueue",
    "AsyncTeams",
    "AttemptEndedError",
    "BlastRadius",
    "Candidate",
    "CapabilityRouter",
    "Claim",
    "CommandConflictError",
    "Communities",
    "Completion",
    "ConcurrencyLimit",
    "ConcurrencyLimitError",
    "Context",
    "DependencyCycleError",
    "DependencyError",
    "DependencyFailure",
    "DependencyNotFoundError",
    "DoctorReport",
    "ErrorClass",
    "EventPage",
    "EventType",
    "Events",
    "Export",
    "ExportPage",
    "ExportedAgent",
    "ExportedTask",
    "ExportedTeam",
    "Finding",
    "ForeignGraphError",
    "GdsMissingError",
    "Graph",
    "HealthStatus",
    "HeldSkill",
    "Insights",
    "InvalidTransitionError",
    "MissingCapabilityError",
    "Monitor",
    "NewTask",
    "OrchestrationError",
    "Orchestrator",
    "QueueStatistics",
    "Recommendation",
    "RecommendationKind",
    "Retention",
    "RetryPolicy",
    "RoutingContentionError",
    "RoutingError",
    "RoutingStatistics",
    "Schedule",
    "ScheduleNotFoundError",
    "Schedules",
    "SchemaTooNewError",
    "Skill",
    "StaleAttemptError",
    "StoreCounts",
    "StoreError",
    "StoreUnreachableError",
    "SystemHealth",
    "Task",
    "TaskConflictError",
    "TaskError",
    "TaskEvent",
    "TaskFailure",
    "TaskFilters",
    "TaskNotDueError",
    "TaskNotFoundError",
    "TaskPage",
    "TaskPriority",
    "TaskQueue",
    "TaskRecord",
    "TaskStatus",
    "TaskTry",
    "Team",
    "TeamNotFoundError",
    "Teams",
    "TeamsWritten",
    "ToolCall",
    "TransactionTooLargeError",
    "TryOutcome",
    "UnmetDependencyError",
    "ValidationError",
    "WaitKind",
    "WaitReason",
    "WhyBlocked",
    "Worker",
    "WorkerInfo",
]

_LATER = {
    "AgentRegistry": "graph_orch._sync.agents",
    "AsyncAgentRegistry": "graph_orch._async.agents",
    "AsyncCapabilityRouter": "graph_orch._async.router",
    "AsyncContext": "graph_orch.worker",
    "AsyncEvents": "graph_orch._async.events",
    "AsyncExport": "graph_orch._async.export",
    "AsyncGraph": "graph_orch._async.graph",
    "AsyncInsights": "graph_orch._async.insights",
    "AsyncMonitor": "graph_orch._async.monitor",
    "AsyncOrchestrator": "graph_orch._async.orchestrator",
    "AsyncRetention": "graph_orch._async.retention",
    "AsyncSchedules": "graph_orch._async.schedules",
    "AsyncTaskQueue": "graph_orch._async.tasks",
    "AsyncTeams": "graph_orch._async.teams",
    "CapabilityRouter": "graph_orch._sync.router",
    "Context": "graph_orch.worker",
    "Events": "graph_orch._sync.events",
    "Export": "graph_orch._sync.export",
    "Graph": "graph_orch._sync.graph",
    "Insights": "graph_orch._sync.insights",
    "Monitor": "graph_orch._sync.monitor",
    "Orchestrator": "graph_orch._sync.orchestrator",
    "Retention": "graph_orch._sync.retention",
    "Schedules": "graph_orch._sync.schedules",
    "TaskFailure": "graph_orch.worker",
    "TaskQueue": "graph_orch._sync.tasks",
    "Teams": "graph_orch._sync.teams",
    "Worker": "graph_orch.worker",
}
"""Where the names are that need the driver, which takes longer to import than all else together:
they are imported when they are first asked for."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
