"""The arguments and the results of graph_orch: frozen pydantic models.

Their fields have the names of the graph's properties (see docs/concepts.md). Times are aware
datetimes in UTC. Durations are milliseconds unless the name says otherwise.
"""

from graph_orch.domain.models.agents import (
    Agent,
    AgentHealth,
    AgentLoad,
    AgentStatistics,
    Candidate,
    CircuitBreaker,
    WorkerInfo,
    utilization,
)
from graph_orch.domain.models.base import Model
from graph_orch.domain.models.dead_letters import DeadLetter
from graph_orch.domain.models.events import EventPage, Step, TaskEvent, TaskRecord, TaskTry
from graph_orch.domain.models.export import (
    AgentFilters,
    ExportedAgent,
    ExportedTask,
    ExportedTeam,
    ExportPage,
    HeldSkill,
    Skill,
    StoreCounts,
)
from graph_orch.domain.models.gates import Gate, GateDecision, GateKind, GateStatus
from graph_orch.domain.models.insights import (
    AgentBlastRadius,
    BlastRadius,
    WaitKind,
    WaitReason,
    WhyBlocked,
)
from graph_orch.domain.models.monitoring import (
    Recommendation,
    RecommendationKind,
    SystemHealth,
    ToolCall,
)
from graph_orch.domain.models.pauses import Pause
from graph_orch.domain.models.schedules import Schedule
from graph_orch.domain.models.statistics import (
    DoctorReport,
    Finding,
    QueueStatistics,
    RoutingStatistics,
)
from graph_orch.domain.models.subscriptions import EventTask, Subscription
from graph_orch.domain.models.tasks import (
    ONCE_ONLY,
    Claim,
    ClaimRequest,
    Completion,
    ConcurrencyLimit,
    NewTask,
    RetryPolicy,
    Task,
    TaskChanges,
    TaskFilters,
    TaskOptions,
    TaskPage,
    copy_of,
)
from graph_orch.domain.models.teams import Agreement, Algorithm, Communities, Team, TeamsWritten
from graph_orch.domain.models.tokens import NewToken, PrincipalKind, Right, Token
from graph_orch.domain.models.triggers import (
    Firing,
    FiringStatus,
    ForEach,
    Trigger,
    TriggerAction,
    TriggerMatch,
    When,
)
from graph_orch.domain.models.webhooks import NewWebhook, Webhook, WebhookAttempt
from graph_orch.domain.models.workflows import Workflow, WorkflowPage, WorkflowState, WorkflowStatus

__all__ = [
    "ONCE_ONLY",
    "Agent",
    "AgentBlastRadius",
    "AgentFilters",
    "AgentHealth",
    "AgentLoad",
    "AgentStatistics",
    "Agreement",
    "Algorithm",
    "BlastRadius",
    "Candidate",
    "CircuitBreaker",
    "Claim",
    "ClaimRequest",
    "Communities",
    "Completion",
    "ConcurrencyLimit",
    "DeadLetter",
    "DoctorReport",
    "EventPage",
    "EventTask",
    "ExportPage",
    "ExportedAgent",
    "ExportedTask",
    "ExportedTeam",
    "Finding",
    "Firing",
    "FiringStatus",
    "ForEach",
    "Gate",
    "GateDecision",
    "GateKind",
    "GateStatus",
    "HeldSkill",
    "Model",
    "NewTask",
    "NewToken",
    "NewWebhook",
    "Pause",
    "PrincipalKind",
    "QueueStatistics",
    "Recommendation",
    "RecommendationKind",
    "RetryPolicy",
    "Right",
    "RoutingStatistics",
    "Schedule",
    "Skill",
    "Step",
    "StoreCounts",
    "Subscription",
    "SystemHealth",
    "Task",
    "TaskChanges",
    "TaskEvent",
    "TaskFilters",
    "TaskOptions",
    "TaskPage",
    "TaskRecord",
    "TaskTry",
    "Team",
    "TeamsWritten",
    "Token",
    "ToolCall",
    "Trigger",
    "TriggerAction",
    "TriggerMatch",
    "WaitKind",
    "WaitReason",
    "Webhook",
    "WebhookAttempt",
    "When",
    "WhyBlocked",
    "WorkerInfo",
    "Workflow",
    "WorkflowPage",
    "WorkflowState",
    "WorkflowStatus",
    "copy_of",
    "utilization",
]
