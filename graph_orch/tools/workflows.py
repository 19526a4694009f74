"""The tools for workflows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from graph_orch.domain.fields import NewName
from graph_orch.domain.models.workflows import WorkflowState
from graph_orch.tools import parameters as p
from graph_orch.tools.answers import FlowResults, FlowRow, FlowRows, FlowStatus, FlowTask, shorten
from graph_orch.tools.call import Call
from graph_orch.tools.tasks import TaskSpec


async def start_workflow(
    call: Call,
    name: Annotated[NewName, p.about("What it is called")],
    tasks: Annotated[
        list[TaskSpec],
        p.names("As create_task takes them; each may depend on the names of others", p.MOST_TASKS),
    ],
    workflow_id: Annotated[NewName | None, p.about("Your id; starting again is then safe")] = None,
    close_in_seconds: p.Deadline | None = None,
    metadata: p.Metadata | None = None,
) -> FlowRow:
    """Start a workflow: all of its tasks, or none."""
    found = await call.orch.workflows.start(
        name,
        [task.new() for task in tasks],
        workflow_id=workflow_id,
        close_in_seconds=close_in_seconds,
        metadata=metadata,
    )
    return FlowRow.of(found)


async def get_workflow_status(
    call: Call, workflow_id: p.WorkflowId, wait_seconds: p.Wait = 0
) -> FlowStatus:
    """What a workflow is doing: what runs, why the rest waits, and when it may be done."""
    found = await call.orch.workflows.wait(workflow_id, wait_seconds)
    return FlowStatus(
        **FlowRow.of(found).model_dump(),
        running=[FlowTask.of(it) for it in found.running],
        waiting=[it.sentence for it in found.waiting],
        eta_seconds=found.eta_seconds,
    )


async def list_workflows(
    call: Call,
    state: Annotated[WorkflowState | None, p.about("Only in this state")] = None,
    limit: p.Rows = 20,
    cursor: p.NextPage | None = None,
) -> FlowRows:
    """Workflows, newest first."""
    page = await call.orch.workflows.list(state, limit, cursor)
    return FlowRows(workflows=[FlowRow.of(it) for it in page], next_cursor=page.next_cursor)


async def cancel_workflow(
    call: Call, workflow_id: p.WorkflowId, reason: p.ErrorText | None = None
) -> FlowRow:
    """Cancel a workflow with all of its tasks that have not ended."""
    return FlowRow.of(await call.orch.workflows.cancel(workflow_id, reason))


async def retry_workflow(call: Call, workflow_id: p.WorkflowId) -> FlowRow:
    """Let its failed and cancelled tasks begin again."""
    return FlowRow.of(await call.orch.workflows.retry(workflow_id))


async def get_workflow_results(
    call: Call,
    workflow_id: p.WorkflowId,
    names: Annotated[list[str] | None, p.names("Only of these tasks, by name or id")] = None,
    full: Annotated[bool, p.about("Do not cut long results")] = False,
) -> FlowResults:
    """What its completed tasks gave, by their names; by id where one has none."""
    found = await call.orch.workflows.results(workflow_id)
    wanted: Sequence[str] = [*found] if names is None else [it for it in names if it in found]
    shown = {name: found[name] if full else shorten(found[name]) for name in wanted[: p.MOST_ROWS]}
    return FlowResults(
        results=shown,
        truncated=[name for name in shown if shown[name] != found[name]],
        left_out=len(wanted) - len(shown),
    )
