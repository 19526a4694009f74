"""Who may what: one table for tools, resources and A2A."""

from __future__ import annotations

from typing import Any, cast

import pytest

from graph_orch.domain.models import Right
from graph_orch.errors import TaskNotFoundError, ValidationError
from graph_orch.serve.principals import RIGHTS, Principal
from graph_orch.settings import Profile, Toolset
from graph_orch.tools.call import Call
from graph_orch.tools.table import EVERY_TOOL, TOOLS

SEEN = {"GetTask", "SubscribeToTask", "task://"}


@pytest.mark.parametrize(
    ("profile", "read_only", "served"),
    [
        (Profile.WORKER, False, SEEN | {"SendMessage"}),
        (Profile.WORKER, True, SEEN),
        (Profile.CORE, False, SEEN | {"SendMessage", "ListTasks", "ReadEvents", "agent://"}),
        (Profile.CORE, True, SEEN | {"ListTasks", "ReadEvents", "agent://"}),
        (Profile.ALL, False, RIGHTS.keys() - EVERY_TOOL.keys()),
        (Profile.ALL, True, SEEN | {"ListTasks", "ReadEvents", "agent://"}),
    ],
)
def test_what_is_served(profile, read_only, served):
    principal = Principal("somebody", profile, read_only)
    assert {it for it in RIGHTS if principal.may(it)} == served | principal.tools.keys()


def test_refusals_say_what_would_serve_it():
    worker = Principal(profile=Profile.WORKER)
    assert "profile worker" in worker.why_not("ListTasks")
    assert "--profile core serves it" in worker.why_not("ListTasks")
    assert "--with workflows serves it" in worker.why_not("orchestration_start_workflow")
    given = Principal(profile=Profile.WORKER, toolsets=frozenset({Toolset.WORKFLOWS}))
    assert given.may("orchestration_start_workflow")
    root = Principal(profile=Profile.WORKER, toolsets=frozenset({Toolset.OPERATIONS}))
    assert root.may("orchestration_cancel_task")
    assert "--with administration serves it" in root.why_not("orchestration_set_budget")
    ada = Principal("ada", toolsets=root.toolsets, rights=frozenset({Right.WORK, Right.READ}))
    assert "needs the right administer" in ada.why_not("orchestration_cancel_task")
    assert "--read-only" in Principal(read_only=True).why_not("SendMessage")


class NoTasks:
    """Services of tasks, of which there are none."""

    def __init__(self) -> None:
        self.tasks = self

    async def cancel_task(self, task_id: str, *_, **__) -> None:
        raise TaskNotFoundError(task_id)


@pytest.mark.parametrize("profile", [Profile.WORKER, Profile.CORE])
async def test_a_tool_cancels_where_cancel_task_is_served(profile):
    nothing, tool = cast(Any, NoTasks()), TOOLS["orchestration_fail_task"]
    arguments = {"task_id": "1", "action": "cancel"}
    with pytest.raises(ValidationError, match=f"CancelTask is not in the profile {profile}"):
        await tool.run(Call(nothing, why_not=Principal(profile=profile).why_not), arguments)
    for call in (Call(nothing, why_not=Principal().why_not), Call(nothing)):
        with pytest.raises(TaskNotFoundError):
            await tool.run(call, arguments)
