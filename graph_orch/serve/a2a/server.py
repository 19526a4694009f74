"""The queue as an A2A agent: its card, and the requests on tasks."""

from __future__ import annotations

import json
import time
from asyncio import to_thread
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Coroutine,
    Generator,
    Sequence,
)
from contextlib import contextmanager
from functools import wraps
from typing import Any, NoReturn, TypeVar, cast

from a2a.server.context import ServerCallContext
from a2a.server.events import Event
from a2a.server.request_handlers import RequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.routes.common import DefaultServerCallContextBuilder
from a2a.types import a2a_pb2 as pb
from a2a.utils import errors as a2a_errors
from a2a.utils.constants import DEFAULT_LIST_TASKS_PAGE_SIZE, MAX_LIST_TASKS_PAGE_SIZE
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from graph_orch import AsyncOrchestrator
from graph_orch.domain.fields import MAX_NAME
from graph_orch.domain.lifecycle import ENDED, TaskStatus
from graph_orch.domain.models import Gate, Task
from graph_orch.errors import (
    InvalidTransitionError,
    OrchestrationError,
    StoreError,
    TaskNotFoundError,
    ValidationError,
)
from graph_orch.serve.a2a.cards import service_card
from graph_orch.serve.a2a.tasks import (
    STATUSES,
    a2a_task,
    artifact_of,
    context_of,
    decision_of,
    is_same,
    named_in,
    new_task,
    state_of,
    status_of,
)
from graph_orch.serve.principals import Identify, Principal
from graph_orch.tools.call import LONGEST_CALL_SECONDS, within

PATH = "/a2a"
BLOCKING_SECONDS = 60.0
"""How long SendMessage waits for the end of its task; then it answers with the current state."""
LOOK_SECONDS = 30.0
"""How long a stream waits for a change before it reads the task again."""
MOST_STREAMS = 100
"""Streams at once. Without a limit, a client that reads no stream could hold all connections."""
MOST_SKILLS = 500
"""Skills on the card, which is public and takes a fifth of a millisecond to make for each."""
PRINCIPAL = "principal"


def routes(
    orch: AsyncOrchestrator, url: str, principal: Principal, identify: Identify | None = None
) -> Sequence[Route]:
    """The routes of the queue as an A2A agent.

    Args:
        url: The base URL of the server.
        principal: Who asks; the card offers what this one may do.
        identify: Finds whose token a request brings. Where a request without one is nobody's, the
            card says that one is needed.
    """
    at, takes_tasks = f"{url}{PATH}", principal.may("SendMessage")

    async def current(card: pb.AgentCard) -> pb.AgentCard:
        names = await orch.monitor.held_skills(MOST_SKILLS) if takes_tasks else []
        schemas = await orch.agents.schemas() if takes_tasks else {}
        found = service_card(at, names, takes_tasks, schemas)
        if identify is not None and await identify(None) is None:
            scheme = pb.HTTPAuthSecurityScheme(scheme="Bearer")
            found.security_schemes["bearer"].http_auth_security_scheme.CopyFrom(scheme)
            needed = pb.SecurityRequirement()
            needed.schemes["bearer"].CopyFrom(pb.StringList())
            found.security_requirements.append(needed)
        return found

    return [
        *create_agent_card_routes(service_card(at, ["any"]), card_modifier=current),
        *map(_checking_json, create_jsonrpc_routes(QueueHandler(orch), PATH, _Contexts())),
    ]


def _checking_json(route: Route) -> Route:
    """A route that refuses invalid JSON, some of which the SDK reports as its own failure."""

    async def endpoint(request: Request) -> Response:
        if await to_thread(_is_json, await request.body()):
            return await route.endpoint(request)
        error = {"code": -32700, "message": "the body is no JSON in UTF-8, or nested too deeply"}
        return JSONResponse({"jsonrpc": "2.0", "id": None, "error": error})

    return Route(route.path, endpoint=endpoint, methods=["POST"])


def _is_json(body: bytes) -> bool:
    """Whether a body can be parsed, and written again, as half of a surrogate pair cannot."""
    try:
        json.dumps(json.loads(body.decode()), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


class _Contexts(DefaultServerCallContextBuilder):
    """Puts the principal that the guard found into the context of a request."""

    def build(self, request: Request) -> ServerCallContext:
        context = super().build(request)
        context.state[PRINCIPAL] = request.state.principal
        return context


Method = TypeVar("Method", bound=Callable[..., Coroutine[Any, Any, Any]])


def _serves(operation: str | None) -> Callable[[Method], Method]:
    """Decorate the method for an operation: it checks the principal's right, and limits the time.

    None: the method checks it, as what a message asks for depends on the message.

    Errors of graph_orch become those of A2A.
    """

    def decorate(method: Method) -> Method:
        @wraps(method)
        async def serve(self: QueueHandler, params: Any, context: ServerCallContext) -> Any:
            if operation is not None:
                _authorize(context, operation)
            with _translated():
                return await within(LONGEST_CALL_SECONDS, method(self, params, context))

        return cast(Method, serve)

    return decorate


class QueueHandler(RequestHandler):
    """Answers A2A requests from the queue, without state of its own: any server may answer any."""

    def __init__(self, orch: AsyncOrchestrator, most_streams: int = MOST_STREAMS) -> None:
        self._orch = orch
        self._most_streams = most_streams
        self._streams = 0

    @_serves(None)
    async def on_message_send(
        self, params: pb.SendMessageRequest, context: ServerCallContext
    ) -> pb.Task:
        """Submit a task, and wait for its end unless the client asks for an immediate answer."""
        task_id = await self._submit(params.message, context)
        seconds = 0.0 if params.configuration.return_immediately else BLOCKING_SECONDS
        deadline = time.monotonic() + seconds
        while True:
            task, gate = await self._look(task_id)
            left = deadline - time.monotonic()
            if task.status in ENDED or gate is not None or left <= 0:
                return a2a_task(task, gate=gate)
            await self._orch.tasks.wait_for_change(task_id, task, left)

    async def on_message_send_stream(
        self, params: pb.SendMessageRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event]:
        """Submit a task, and follow it to its end."""
        with _translated(), self._streaming():
            task_id = await self._submit(params.message, context)
            async for event in self._follow(task_id, until_asked=True):
                yield event

    async def on_subscribe_to_task(
        self, params: pb.SubscribeToTaskRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event]:
        """Follow a task that exists to its end."""
        _authorize(context, "SubscribeToTask")
        with _translated(), self._streaming():
            task = await self._orch.tasks.get_task(params.id)
            if task.status in ENDED:
                raise a2a_errors.UnsupportedOperationError(f"task {params.id} is {task.status}")
            async for event in self._follow(params.id):
                yield event

    @_serves("GetTask")
    async def on_get_task(self, params: pb.GetTaskRequest, context: ServerCallContext) -> pb.Task:
        """Return a task as it is now."""
        task, gate = await self._look(params.id)
        return a2a_task(task, gate=gate)

    @_serves("ListTasks")
    async def on_list_tasks(
        self, params: pb.ListTasksRequest, context: ServerCallContext
    ) -> pb.ListTasksResponse:
        """Return a page of the tasks in a state, oldest first."""
        if params.context_id:
            raise a2a_errors.UnsupportedOperationError("tasks are not found by their context")
        size = min(params.page_size or DEFAULT_LIST_TASKS_PAGE_SIZE, MAX_LIST_TASKS_PAGE_SIZE)
        if params.status and params.status not in STATUSES:  # no task here has such a state
            return pb.ListTasksResponse(page_size=size)
        filters = {"status": STATUSES.get(params.status, [])}
        total = await self._count(params.status)
        page = await self._orch.tasks.query_tasks(
            filters, limit=size, after=params.page_token or None
        )
        blocked = [task.task_id for task in page if task.is_blocked]
        firsts = await self._orch.gates.of_tasks(blocked, each=1)
        gates = {id_: first for id_, (first,) in firsts.items()}
        wanted = [
            task for task in page if params.status in (0, state_of(task, gates.get(task.task_id)))
        ]
        return pb.ListTasksResponse(
            tasks=await to_thread(
                lambda: [
                    a2a_task(task, params.include_artifacts, gates.get(task.task_id))
                    for task in wanted
                ]
            ),
            next_page_token=page.next_cursor or "",
            page_size=size,
            total_size=total,
        )

    @_serves("CancelTask")
    async def on_cancel_task(
        self, params: pb.CancelTaskRequest, context: ServerCallContext
    ) -> pb.Task:
        """Cancel a task."""
        return a2a_task(await self._orch.tasks.cancel_task(params.id, "asked for by A2A"))

    async def _refuse_push(self, params: Any, context: ServerCallContext) -> NoReturn:
        raise a2a_errors.PushNotificationNotSupportedError

    on_create_task_push_notification_config = _refuse_push
    on_get_task_push_notification_config = _refuse_push
    on_list_task_push_notification_configs = _refuse_push
    on_delete_task_push_notification_config = _refuse_push

    async def on_get_extended_agent_card(
        self, params: pb.GetExtendedAgentCardRequest, context: ServerCallContext
    ) -> pb.AgentCard:
        raise a2a_errors.ExtendedAgentCardNotConfiguredError

    async def _count(self, state: int) -> int:
        """The number of tasks in a state; 0 stands for any state."""
        if state == pb.TASK_STATE_REJECTED:
            return await self._orch.monitor.count_untried_failures()
        if state == pb.TASK_STATE_INPUT_REQUIRED:
            return await self._orch.gates.count_waiting()
        counts = await self._orch.tasks.get_queue_statistics()
        number = {status: getattr(counts, f"{status}_count") for status in TaskStatus}
        total = sum(number[status] for status in STATUSES.get(state, TaskStatus))
        if state == pb.TASK_STATE_FAILED:
            total -= await self._orch.monitor.count_untried_failures()
        if state == pb.TASK_STATE_SUBMITTED:
            total -= await self._orch.gates.count_waiting()
        return total

    async def _look(self, task_id: str) -> tuple[Task, Gate | None]:
        """A task as it is now, and the open gate about which it asks: the first."""
        task = await self._orch.tasks.get_task(task_id)
        gates = (await self._orch.gates.of_tasks([task_id], each=1)) if task.is_blocked else {}
        return task, gates[task_id][0] if gates else None

    async def _decide(self, message: pb.Message, principal: Principal) -> str:
        """Decide the gate about which a task asks, or that of its gates which the message names."""
        task = await self._orch.tasks.get_task(message.task_id)
        gates = (await self._orch.gates.of_tasks([task.task_id])).get(task.task_id, [])
        if not gates:
            raise a2a_errors.UnsupportedOperationError(
                f"task {task.task_id} is {task.status}, asks nothing and takes no further message; "
                "send one without task_id for a new task"
            )
        if principal.read_only:
            raise a2a_errors.UnsupportedOperationError(
                "deciding changes something, and this server was started with --read-only"
            )
        by = principal.deciding_as(None)
        wanted = named_in(message, "gate_id") or await self._orch.gates.only_of(task.task_id)
        if wanted is None:
            raise ValidationError(
                "gate_id: the task waits at several gates, or did before; say in the metadata of "
                "the message which one you mean, so that none is decided that you have not seen"
            )
        gate = next((it for it in gates if it.gate_id == wanted), None)
        if gate is None:
            waits_at = ", ".join(it.gate_id for it in gates)
            raise ValidationError(f"gate_id: task {task.task_id} waits at {waits_at}")
        await self._orch.gates.decide(gate.gate_id, by=by, **decision_of(message, gate))
        return task.task_id

    async def _submit(self, message: pb.Message, context: ServerCallContext) -> str:
        principal: Principal = context.state[PRINCIPAL]
        if message.task_id:
            _authorize(context, "GetTask")
            _authorize(context, "DecideGate")
            return await self._decide(message, principal)
        _authorize(context, "SendMessage")
        asked = await to_thread(new_task, message, principal.name)
        (task_id,) = await self._orch.tasks.create_tasks([asked])
        tasks = self._orch.tasks
        if task_id != asked.task_id and not is_same(asked, await tasks.get_task(task_id)):
            raise ValidationError(
                f"the messageId {message.message_id[:MAX_NAME]!r} was used before, for a message "
                "that says something else; an id names one message, so make a new one"
            )
        return task_id

    @contextmanager
    def _streaming(self) -> Generator[None]:
        """Count a stream while it is open.

        Raises:
            InternalError: all streams are in use.
        """
        if self._streams >= self._most_streams:
            raise a2a_errors.InternalError(
                f"all {self._most_streams} streams of this server are in use, and nothing was "
                "done; ask again later, or without a stream (SendMessage, GetTask)"
            )
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    async def _follow(self, task_id: str, until_asked: bool = False) -> AsyncIterator[Event]:
        """A task and its changes to its end, or until it asks for input."""
        task, gate = await self._look(task_id)
        yield a2a_task(task, gate=gate)
        while task.status not in ENDED and not (until_asked and gate is not None):
            seen, asked = task, gate
            await self._orch.tasks.wait_for_change(task_id, seen, LOOK_SECONDS)
            task, gate = await self._look(task_id)
            if status_of(task, gate) == status_of(seen, asked):
                continue
            context_id = context_of(task)
            if (artifact := artifact_of(task)) is not None:  # the result comes before the state
                yield pb.TaskArtifactUpdateEvent(
                    task_id=task_id, context_id=context_id, artifact=artifact, last_chunk=True
                )
            yield pb.TaskStatusUpdateEvent(
                task_id=task_id, context_id=context_id, status=status_of(task, gate)
            )


def _authorize(context: ServerCallContext, operation: str) -> Principal:
    """The principal that asks for an operation.

    Raises:
        UnsupportedOperationError: the principal may not use it.
    """
    principal: Principal = context.state[PRINCIPAL]
    if why := principal.why_not(operation):
        raise a2a_errors.UnsupportedOperationError(why)
    return principal


@contextmanager
def _translated() -> Generator[None]:
    """Raise the errors of graph_orch as those of A2A."""
    try:
        yield
    except TaskNotFoundError as error:
        raise a2a_errors.TaskNotFoundError(str(error)) from error
    except InvalidTransitionError as error:
        raise a2a_errors.TaskNotCancelableError(str(error)) from error
    except TimeoutError as error:
        raise a2a_errors.InternalError("it took too long; ask again") from error
    except StoreError as error:
        raise a2a_errors.InternalError(str(error)) from error
    except OrchestrationError as error:
        raise a2a_errors.InvalidParamsError(str(error)) from error
