"""Who may what: one table for tools, resources and A2A."""

from __future__ import annotations

import pytest

from graph_orch.principals import RIGHTS, Principal
from graph_orch.settings import Profile
from graph_orch.tools import TOOLS

SEEN = {"GetTask", "SubscribeToTask", "task://"}


@pytest.mark.parametrize(
    ("profile", "read_only", "served"),
    [
        (Profile.WORKER, False, SEEN | {"SendMessage"}),
        (Profile.WORKER, True, SEEN),
        (Profile.CORE, False, SEEN | {"SendMessage", "ListTasks", "agent://"}),
        (Profile.CORE, True, SEEN | {"ListTasks", "agent://"}),
        (Profile.ALL, False, RIGHTS.keys() - TOOLS.keys()),
        (Profile.ALL, True, SEEN | {"ListTasks", "agent://"}),
    ],
)
def test_what_is_served(profile, read_only, served):
    principal = Principal("somebody", profile, read_only)
    assert {it for it in RIGHTS if principal.may(it)} == served | principal.tools.keys()


def test_refusals_say_what_would_serve_it():
    worker = Principal(profile=Profile.WORKER)
    assert "profile worker" in worker.why_not("ListTasks")
    assert "--profile core serves it" in worker.why_not("ListTasks")
    assert "--read-only" in Principal(read_only=True).why_not("SendMessage")
