from ._async.agents import AsyncAgentRegistry as AsyncAgentRegistry
from ._async.dead_letters import AsyncDeadLetters as AsyncDeadLetters
from ._async.events import AsyncEvents as AsyncEvents
from ._async.export import AsyncExport as AsyncExport
from ._async.budgets import AsyncBudgets as AsyncBudgets
from ._async.gates import AsyncGates as AsyncGates
from ._async.graph import AsyncGraph as AsyncGraph
from ._async.insights import AsyncInsights as AsyncInsights
from ._async.monitor import AsyncMonitor as AsyncMonitor
from ._async.orchestrator import AsyncOrchestrator as AsyncOrchestrator
from ._async.pauses import AsyncPauses as AsyncPauses
from ._async.retention import AsyncRetention as AsyncRetention
from ._async.router import AsyncCapabilityRouter as AsyncCapabilityRouter
from ._async.schedules import AsyncSchedules as AsyncSchedules
from ._async.subscriptions import AsyncSubscriptions as AsyncSubscriptions
from ._async.tasks import AsyncTaskQueue as AsyncTaskQueue
from ._async.teams import AsyncTeams as AsyncTeams
from ._async.tokens import AsyncTokens as AsyncTokens
from ._async.webhooks import AsyncWebhooks as AsyncWebhooks
from ._async.triggers import AsyncTriggers as AsyncTriggers
from ._async.workflows import AsyncWorkflows as AsyncWorkflows
from ._sync.agents import AgentRegistry as AgentRegistry
from ._sync.dead_letters import DeadLetters as DeadLetters
from ._sync.events import Events as Events
from ._sync.export import Export as Export
from ._sync.budgets import Budgets as Budgets
from ._sync.gates import Gates as Gates
from ._sync.graph import Graph as Graph
from ._sync.insights import Insights as Insights
from ._sync.monitor import Monitor as Monitor
from ._sync.orchestrator import Orchestrator as Orchestrator
from ._sync.pauses import Pauses as Pauses
from ._sync.retention import Retention as Retention
from ._sync.router import CapabilityRouter as CapabilityRouter
from ._sync.schedules import Schedules as Schedules
from ._sync.subscriptions import Subscriptions as Subscriptions
from ._sync.tasks import TaskQueue as TaskQueue
from ._sync.teams import Teams as Teams
from ._sync.tokens import Tokens as Tokens
from ._sync.webhooks import Webhooks as Webhooks
from ._sync.triggers import Triggers as Triggers
from ._sync.workflows import Workflows as Workflows
from .domain.dag import (
    CriticalPath as CriticalPath,
    Timing as Timing,
)
from .domain.durations import (
    DurationKind as DurationKind,
    Durations as Durations,
)
from .domain.lifecycle import (
    DependencyFailure as DependencyFailure,
    ErrorClass as ErrorClass,
    EventType as EventType,
    HealthStatus as HealthStatus,
    TaskPriority as TaskPriority,
    TaskStatus as TaskStatus,
    TryOutcome as TryOutcome,
)
from .domain.models import (
    Agent as Agent,
    AgentBlastRadius as AgentBlastRadius,
    AgentFilters as AgentFilters,
    AgentHealth as AgentHealth,
    AgentStatistics as AgentStatistics,
    BlastRadius as BlastRadius,
    Candidate as Candidate,
    CircuitBreaker as CircuitBreaker,
    Claim as Claim,
    Communities as Communities,
    Completion as Completion,
    ConcurrencyLimit as ConcurrencyLimit,
    DeadLetter as DeadLetter,
    DoctorReport as DoctorReport,
    EventPage as EventPage,
    EventTask as EventTask,
    ExportPage as ExportPage,
    ExportedAgent as ExportedAgent,
    ExportedTask as ExportedTask,
    ExportedTeam as ExportedTeam,
    Finding as Finding,
    Firing as Firing,
    FiringStatus as FiringStatus,
    Gate as Gate,
    GateDecision as GateDecision,
    GateKind as GateKind,
    GateStatus as GateStatus,
    HeldSkill as HeldSkill,
    NewTask as NewTask,
    NewToken as NewToken,
    NewWebhook as NewWebhook,
    PrincipalKind as PrincipalKind,
    Pause as Pause,
    QueueStatistics as QueueStatistics,
    Recommendation as Recommendation,
    RecommendationKind as RecommendationKind,
    RetryPolicy as RetryPolicy,
    Right as Right,
    RoutingStatistics as RoutingStatistics,
    Schedule as Schedule,
    Skill as Skill,
    Step as Step,
    StoreCounts as StoreCounts,
    Subscription as Subscription,
    SystemHealth as SystemHealth,
    Task as Task,
    TaskEvent as TaskEvent,
    TaskFilters as TaskFilters,
    TaskPage as TaskPage,
    TaskRecord as TaskRecord,
    TaskTry as TaskTry,
    Team as Team,
    TeamsWritten as TeamsWritten,
    Token as Token,
    ToolCall as ToolCall,
    Trigger as Trigger,
    TriggerMatch as TriggerMatch,
    WaitKind as WaitKind,
    WaitReason as WaitReason,
    Webhook as Webhook,
    WebhookAttempt as WebhookAttempt,
    WhyBlocked as WhyBlocked,
    WorkerInfo as WorkerInfo,
    Workflow as Workflow,
    WorkflowPage as WorkflowPage,
    WorkflowState as WorkflowState,
    WorkflowStatus as WorkflowStatus,
)
from .errors import (
    AgentAtCapacityError as AgentAtCapacityError,
    AgentError as AgentError,
    AgentNotFoundError as AgentNotFoundError,
    AgentPausedError as AgentPausedError,
    AlreadyRunningError as AlreadyRunningError,
    AnalysisError as AnalysisError,
    AttemptEndedError as AttemptEndedError,
    BrokerError as BrokerError,
    BrokerUnreachableError as BrokerUnreachableError,
    BudgetExhaustedError as BudgetExhaustedError,
    CommandConflictError as CommandConflictError,
    ConcurrencyLimitError as ConcurrencyLimitError,
    DeadLetterNotFoundError as DeadLetterNotFoundError,
    DeadLettersFullError as DeadLettersFullError,
    DeliveryNotFoundError as DeliveryNotFoundError,
    DependencyCycleError as DependencyCycleError,
    DependencyError as DependencyError,
    DependencyNotFoundError as DependencyNotFoundError,
    ForeignGraphError as ForeignGraphError,
    GateClosedError as GateClosedError,
    GateError as GateError,
    GateNotFoundError as GateNotFoundError,
    GdsMissingError as GdsMissingError,
    InvalidTransitionError as InvalidTransitionError,
    LinkExpiredError as LinkExpiredError,
    LinkInvalidError as LinkInvalidError,
    MessageTooLargeError as MessageTooLargeError,
    MissingCapabilityError as MissingCapabilityError,
    NotAllowedError as NotAllowedError,
    NotApproverError as NotApproverError,
    NotIndependentError as NotIndependentError,
    OrchestrationError as OrchestrationError,
    RateLimitError as RateLimitError,
    RoutingContentionError as RoutingContentionError,
    RoutingError as RoutingError,
    ScheduleNotFoundError as ScheduleNotFoundError,
    SchemaTooNewError as SchemaTooNewError,
    StaleAttemptError as StaleAttemptError,
    StoreError as StoreError,
    StoreUnreachableError as StoreUnreachableError,
    SubscriptionDeliveredError as SubscriptionDeliveredError,
    SubscriptionHeldError as SubscriptionHeldError,
    SubscriptionNotFoundError as SubscriptionNotFoundError,
    TaskConflictError as TaskConflictError,
    TaskError as TaskError,
    TaskNotDueError as TaskNotDueError,
    TaskNotFoundError as TaskNotFoundError,
    TaskPausedError as TaskPausedError,
    TeamNotFoundError as TeamNotFoundError,
    TokenNotFoundError as TokenNotFoundError,
    TransactionTooLargeError as TransactionTooLargeError,
    TriggerError as TriggerError,
    TriggerNotFoundError as TriggerNotFoundError,
    UnmetDependencyError as UnmetDependencyError,
    ValidationError as ValidationError,
    WebhookNotFoundError as WebhookNotFoundError,
    WorkflowCancelledError as WorkflowCancelledError,
    WorkflowConflictError as WorkflowConflictError,
    WorkflowError as WorkflowError,
    WorkflowNotFoundError as WorkflowNotFoundError,
)
from .domain.models.budgets import (
    Budget as Budget,
    BudgetState as BudgetState,
)
from .domain.durable import (
    Decision as Decision,
)
from .worker import (
    AsyncContext as AsyncContext,
    Context as Context,
    GatherFailed as GatherFailed,
    HandOff as HandOff,
    InputRefused as InputRefused,
    TaskFailure as TaskFailure,
    Worker as Worker,
)
