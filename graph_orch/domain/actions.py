"""What triggers can do: the checks of their templates. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from pydantic import JsonValue

from graph_orch.domain.fields import JSON, LIST, MAX_BATCH, NEW_NAME, checked, named_filters
from graph_orch.domain.forms import dump_json
from graph_orch.domain.models.tasks import NewTask, TaskFilters
from graph_orch.domain.models.triggers import TriggerAction
from graph_orch.domain.models.workflows import NewWorkflow
from graph_orch.domain.templates import Template
from graph_orch.errors import ValidationError

ONCE = ("task_id", "idempotency_key")
"""What a trigger gives the tasks that it creates itself."""
GATE = ("gate_id", "decision", "comment", "payload")
PAUSE = ("what", "seconds", "reason")
POST = ("webhook", "data")
Fields = dict[str, JsonValue]


def action_of(given: Mapping[str, object]) -> tuple[TriggerAction, JsonValue]:
    """The one action that is given, and its template, checked as far as it is known.

    Raises:
        ValidationError: none or several are given, or the template is not acceptable.
    """
    wanted = [name for name, value in given.items() if value is not None]
    if len(wanted) != 1:
        raise ValidationError(
            f"a trigger does one thing, and {' and '.join(wanted) or 'nothing'} is given: give one "
            f"of {', '.join(TriggerAction)}"
        )
    action = TriggerAction(wanted[0])
    template = checked(action.value, lambda: _CHECKS[action](given[wanted[0]]))
    return action, template


def _create(given: object) -> JsonValue:
    if isinstance(given, NewTask | Mapping):
        return _task(cast("NewTask | Mapping[str, object]", given))
    tasks = LIST.of("create", given)
    if not 0 < len(tasks) <= MAX_BATCH:
        raise ValidationError(f"create: {len(tasks)} tasks; give 1 to {MAX_BATCH:,}")
    return [_task(it) for it in tasks]


def _task(given: object) -> JsonValue:
    if isinstance(given, NewTask):
        given = given.model_dump(mode="json", exclude_unset=True)
    fields = _fields("create", given, set(NewTask.model_fields))
    if once := [name for name in ONCE if fields.get(name) is not None]:
        raise ValidationError(
            f"create: {', '.join(once)}: a trigger gives each task that it creates its own; leave "
            "it out"
        )
    known = Template("create", fields).emptied()
    stands_in = {name: "x" for name in ("content", "task_type") if name in fields}
    NewTask.parsed("create", {**stands_in, **cast(Fields, known)})
    return fields


def _workflow(given: object) -> JsonValue:
    allowed = set(NewWorkflow.model_fields) - {"workflow_id"}
    fields = _fields("start_workflow", given, allowed)
    tasks = LIST.of("start_workflow.tasks", fields.get("tasks"))
    if len(tasks) > MAX_BATCH:
        raise ValidationError(f"start_workflow: {len(tasks):,} tasks; the most are {MAX_BATCH:,}")
    checked = [_task(it) for it in tasks]
    known = Template("start_workflow", {**fields, "tasks": []}).emptied()
    stands_in = {"name": "x"} if "name" in fields else {}
    NewWorkflow.parsed("start_workflow", {**stands_in, **cast(Fields, known)})
    return {**fields, "tasks": checked}


def _gate(given: object) -> JsonValue:
    fields = _fields("open_gate", given, GATE)
    if not fields.get("gate_id"):
        raise ValidationError("open_gate: gate_id is needed: which gate is decided")
    Template("open_gate", fields)
    return {"decision": "approve", **fields}


def _cancel(given: object) -> JsonValue:
    fields = _fields("cancel", given, (*TaskFilters.model_fields, "reason"))
    if not fields.keys() - {"reason"}:
        raise ValidationError(
            "cancel: no filter is given, and every task would be meant; give such as "
            '{"workflow_id": "{event.workflow_id}"}'
        )
    known = cast(Fields, Template("cancel", fields).emptied())
    TaskFilters.parsed("cancel", {name: it for name, it in known.items() if name != "reason"})
    return fields


def _pause(given: object) -> JsonValue:
    fields = _fields("pause", given, PAUSE)
    if not fields.get("what"):
        raise ValidationError('pause: what is needed, such as "agent:{event.agent_id}"')
    Template("pause", fields)
    return fields


def _post(given: object) -> JsonValue:
    fields = _fields("post", given, POST)
    # By its own name: who gives results to tasks must not choose the receiver.
    name = NEW_NAME.of("post.webhook", fields.get("webhook"))
    if Template("post", name).has_places:
        raise ValidationError("post.webhook: has a place; give the name of a webhook as it is")
    Template("post", fields)
    return {**fields, "webhook": name}


def _call(given: object) -> JsonValue:
    return NEW_NAME.of("call", given)


_CHECKS: dict[TriggerAction, Callable[[object], JsonValue]] = {
    TriggerAction.CREATE: _create,
    TriggerAction.START_WORKFLOW: _workflow,
    TriggerAction.OPEN_GATE: _gate,
    TriggerAction.CANCEL: _cancel,
    TriggerAction.PAUSE: _pause,
    TriggerAction.POST: _post,
    TriggerAction.CALL: _call,
}


def _fields(what: str, given: object, allowed: set[str] | tuple[str, ...]) -> Fields:
    """The fields of a template, as JSON."""
    if given is None or not isinstance(given, Mapping):
        raise ValidationError(f"{what}: is a {type(given).__name__} where a mapping is needed")
    fields = named_filters(what, cast(object, given), sorted(allowed))
    return cast(Fields, JSON.of(what, {name: _plain(value) for name, value in fields.items()}))


def _plain(value: object) -> object:
    """JSON of what a caller may give for it: tuples, and models of ours."""
    if isinstance(value, tuple | set | frozenset):
        return [_plain(it) for it in cast("tuple[object, ...]", value)]
    dump = getattr(value, "model_dump", None)
    return dump(mode="json", exclude_unset=True) if callable(dump) else value


def as_text(value: JsonValue) -> JsonValue:
    """Text of a value where text is needed: a text stays as it is."""
    return value if isinstance(value, str) or value is None else dump_json(value)
