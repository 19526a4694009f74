"""What users can import: a name that comes, goes or moves is seen here first."""

from __future__ import annotations

from importlib import import_module

import pytest

SURFACE = {
    "graph_orch": """
        Agent AgentAtCapacityError AgentBlastRadius AgentError AgentFilters AgentHealth
        AgentNotFoundError AgentPausedError AgentRegistry AgentStatistics
        AlreadyRunningError AnalysisError AsyncAgentRegistry AsyncBudgets
        AsyncCapabilityRouter AsyncContext AsyncDeadLetters AsyncEvents AsyncExport
        AsyncGates AsyncGraph AsyncInsights AsyncMonitor AsyncOrchestrator AsyncPauses
        AsyncRetention AsyncSchedules AsyncSubscriptions AsyncTaskQueue AsyncTeams
        AsyncTokens AsyncTriggers AsyncWebhooks AsyncWorkflows AttemptEndedError
        BlastRadius BrokerError BrokerUnreachableError Budget BudgetExhaustedError
        BudgetState Budgets Candidate CapabilityRouter CircuitBreaker Claim
        CommandConflictError Communities Completion ConcurrencyLimit
        ConcurrencyLimitError Context CriticalPath DeadLetter DeadLetterNotFoundError
        DeadLetters DeadLettersFullError Decision DeliveryNotFoundError
        DependencyCycleError DependencyError DependencyFailure DependencyNotFoundError
        DoctorReport DurationKind Durations ErrorClass EventPage EventTask EventType
        Events Export ExportPage ExportedAgent ExportedTask ExportedTeam Finding Firing
        FiringStatus ForeignGraphError Gate GateClosedError GateDecision GateError
        GateKind GateNotFoundError GateStatus Gates GatherFailed GdsMissingError Graph
        HandOff HealthStatus HeldSkill InputRefused Insights InvalidTransitionError
        LinkExpiredError LinkInvalidError MessageTooLargeError MissingCapabilityError
        Monitor NewTask NewToken NewWebhook NotAllowedError NotApproverError
        NotIndependentError OrchestrationError Orchestrator Pause Pauses PrincipalKind
        QueueStatistics RateLimitError Recommendation RecommendationKind Retention
        RetryPolicy Right RoutingContentionError RoutingError RoutingStatistics Schedule
        ScheduleNotFoundError Schedules SchemaTooNewError Skill StaleAttemptError Step
        StoreCounts StoreError StoreUnreachableError Subscription
        SubscriptionDeliveredError SubscriptionHeldError SubscriptionNotFoundError
        Subscriptions SystemHealth Task TaskConflictError TaskError TaskEvent
        TaskFailure TaskFilters TaskNotDueError TaskNotFoundError TaskPage
        TaskPausedError TaskPriority TaskQueue TaskRecord TaskStatus TaskTry Team
        TeamNotFoundError Teams TeamsWritten Timing Token TokenNotFoundError Tokens
        ToolCall TransactionTooLargeError Trigger TriggerError TriggerMatch
        TriggerNotFoundError Triggers TryOutcome UnmetDependencyError ValidationError
        WaitKind WaitReason Webhook WebhookAttempt WebhookNotFoundError Webhooks
        WhyBlocked Worker WorkerInfo Workflow WorkflowCancelledError
        WorkflowConflictError WorkflowError WorkflowNotFoundError WorkflowPage
        WorkflowState WorkflowStatus Workflows
    """,
    "graph_orch.analysis": """
        AgentSkills TaskGraph Timeline asnapshot history load pictures save simulation
        skills snapshot tasks teams templates to_frames
    """,
    "graph_orch.analysis.history": """
        Interval Oddity RetryUse RetryUses Spread SuccessRate SuccessRates TimeUse TimeUses
        retries success_rates time_use wilson
    """,
    "graph_orch.analysis.pictures": """
        draw_agents draw_gantt draw_load draw_tasks interactive save
    """,
    "graph_orch.analysis.simulation": """
        AgentResult AgentView Estimate Law Mode Outcome Replications Router SimulatedAgent
        SimulatedTask SimulationResult TaskResult Try Waits agents_of arriving_at compare
        estimate identical_agents observed_failure_rates poisson_tasks replicate
        scale_arrivals scale_capacity scale_speed simulate tasks_of unlimited without
    """,
    "graph_orch.brokers": """
        Consumer GateRecipe Incoming Mode Publisher Target TaskRecipe consumer_of ingest
        publisher_of relay
    """,
    "graph_orch.analysis.skills": """
        BusFactor Coverage Redundancy Similar Supply bus_factor centrality coverage nearest
        project redundancy
    """,
    "graph_orch.analysis.tasks": """
        AgentBlastRadius AgentSlots BlastRadius Bound CriticalPath Parallelism Plan Planned
        WhyBlocked agent_blast_radius blast_radius check_dependencies critical_path
        earliest_finish find_cycles levels parallelism why_blocked would_cycle
    """,
    "graph_orch.analysis.teams": """
        Agreement Communities agreement communities shared_skills
    """,
    "graph_orch.analysis.templates": """
        Template TemplateStep Templates mine_templates
    """,
    "graph_orch.telemetry": """
        Meter
    """,
    "graph_orch.testing": """
        Outcome advance advance_async run_handler run_handler_async
    """,
}


@pytest.mark.parametrize("module", SURFACE)
def test_names_of_a_module_are_these_and_each_is_there(module: str) -> None:
    found = import_module(module)
    assert found.__all__ == sorted(SURFACE[module].split())
    for name in found.__all__:
        value = getattr(found, name)
        assert callable(value) or value is import_module(f"{module}.{name}")
        assert name in dir(found)


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'levels'"):
        _ = import_module("graph_orch.analysis").levels
