"""The queue as an A2A agent: its card, and the requests on tasks."""

from __future__ import annotations

import json
from asyncio import to_thread
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Coroutine,
    Generator,
    Iterator,
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

from graph_orch import AsyncOrchestrator, Task
from graph_orch.domain.lifecycle import ENDED, TaskStatus
from graph_orch.domain.values import MAX_NAME
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
    is_same,
    new_task,
    state_of,
    status_of,
)
from graph_orch.serve.principals import Principal
from graph_orch.tools.call import LONGEST_CALL_SECONDS, within

PATH = "/a2a"
BLOCKING_SECONDS = 60.0
"""How long a client that wants to wait for the end does so; then it is told how far it is."""
LOOK_SECONDS = 30.0
MOST_STREAMS = 100
"""Streams at once. A client that reads none of its streams would else hold all connections."""
MOST_SKILLS = 500
"""Skills on the card, which is shown to everybody, and takes a fifth of a millisecond for each."""
PRINCIPAL = "principal"


def routes(
    orch: AsyncOrchestrator, url: str, principal: Principal, needs_token: bool = False
) -> Sequence[Route]:
    """The routes of the agent that the queue is, at a server's URL, for what a principal may do."""
    at, takes_tasks = f"{url}{PATH}", principal.may("SendMessage")

    async def current(card: pb.AgentCard) -> pb.AgentCard:
        names = await orch.monitor.held_skills(MOST_SKILLS) if takes_tasks else []
        found = service_card(at, names, takes_tasks)
        if needs_token:
            scheme = pb.HTTPAuthSecurityScheme(scheme="Bearer")
            found.security_schemes["bearer"].http_auth_security_scheme.CopyFrom(scheme)
            needed = pb.SecurityRequirement()
            needed.schemes["bearer"].CopyFrom(pb.StringList())
            found.security_requirements.append(needed)
        return found

    return [
        *create_agent_card_routes(service_card(at, ["any"]), card_modifier=current),
        *map(_reading, create_jsonrpc_routes(QueueHandler(orch), PATH, _Contexts())),
    ]


def _reading(route: Route) -> Route:
    """The same route, but for bodies that are no JSON: the SDK answers some as its own failure."""

    async def endpoint(request: Request) -> Response:
        if await to_thread(_is_json, await request.body()):
            return await route.endpoint(request)
        said = {"code": -32700, "message": "the body is no JSON in UTF-8, or nested too deeply"}
        return JSONResponse({"jsonrpc": "2.0", "id": None, "error": said})

    return Route(route.path, endpoint=endpoint, methods=["POST"])


def _is_json(body: bytes) -> bool:
    """Whether it can be read, and written again: a half of a surrogate pair cannot."""
    try:
        json.dumps(json.loads(body.decode()), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


class _Contexts(DefaultServerCallContextBuilder):
    """Contexts of requests, with the principal that the guard found."""

    def build(self, request: Request) -> ServerCallContext:
        context = super().build(request)
        context.state[PRINCIPAL] = request.state.principal
        return context


Method = TypeVar("Method", bound=Callable[..., Coroutine[Any, Any, Any]])


def _serves(operation: str) -> Callable[[Method], Method]:
    """A method that serves an operation, to whoever may ask for it, in a bounded time."""

    def serving(method: Method) -> Method:
        @wraps(method)
        async def served(self: QueueHandler, params: Any, context: ServerCallContext) -> Any:
            _asking(context, operation)
            with _translated():
                return await within(LONGEST_CALL_SECONDS, method(self, params, context))

        return cast(Method, served)

    return serving


class QueueHandler(RequestHandler):
    """Answers A2A requests from the queue: nothing is kept here, so any server may answer."""

    def __init__(self, orch: AsyncOrchestrator, most_streams: int = MOST_STREAMS) -> None:
        self._orch = orch
        self._most_streams = most_streams
        self._streams = 0

    @_serves("SendMessage")
    async def on_message_send(
        self, params: pb.SendMessageRequest, context: ServerCallContext
    ) -> pb.Task:
        """Submit a task, and wait for its end unless the client would rather not."""
        task_id = await self._submit(params.message, context)
        seconds = 0.0 if params.configuration.return_immediately else BLOCKING_SECONDS
        return a2a_task(await self._orch.monitor.wait_until_ended(task_id, seconds))

    async def on_message_send_stream(
        self, params: pb.SendMessageRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event]:
        """Submit a task, and follow it to its end."""
        _asking(context, "SendMessage")
        with _translated(), self._streaming():
            task_id = await self._submit(params.message, context)
            async for event in self._follow(task_id):
                yield event

    async def on_subscribe_to_task(
        self, params: pb.SubscribeToTaskRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event]:
        """Follow a task to its end."""
        _asking(context, "SubscribeToTask")
        with _translated(), self._streaming():
            task = await self._task(params.id)
            if task.status in ENDED:
                raise a2a_errors.UnsupportedOperationError(f"task {params.id} is {task.status}")
            async for event in self._follow(params.id):
                yield event

    @_serves("GetTask")
    async def on_get_task(self, params: pb.GetTaskRequest, context: ServerCallContext) -> pb.Task:
        """A task as it is now."""
        return a2a_task(await self._task(params.id))

    @_serves("ListTasks")
    async def on_list_tasks(
        self, params: pb.ListTasksRequest, context: ServerCallContext
    ) -> pb.ListTasksResponse:
        """The tasks of a state, oldest first, a page at a time."""
        if params.context_id:
            raise a2a_errors.UnsupportedOperationError("tasks are not found by their context")
        size = min(params.page_size or DEFAULT_LIST_TASKS_PAGE_SIZE, MAX_LIST_TASKS_PAGE_SIZE)
        if params.status and params.status not in STATUSES:  # a state that no task here has
            return pb.ListTasksResponse(page_size=size)
        filters = {"status": STATUSES.get(params.status, [])}
        total = await self._count(params.status)
        page = await self._orch.tasks.query_tasks(
            filters, limit=size, after=params.page_token or None
        )
        wanted = [it for it in page if params.status in (0, state_of(it))]
        return pb.ListTasksResponse(
            tasks=await to_thread(
                lambda: [a2a_task(it, params.include_artifacts) for it in wanted]
            ),
            next_page_token=page.next_cursor or "",
            page_size=size,
            total_size=total,
        )

    @_serves("CancelTask")
    async def on_cancel_task(
        self, params: pb.CancelTaskRequest, context: ServerCallContext
    ) -> pb.Task:
        """Give a task up."""
        return a2a_task(await self._orch.tasks.cancel_task(params.id, "asked for by A2A"))

    async def on_create_task_push_notification_config(
        self, params: pb.TaskPushNotificationConfig, context: ServerCallContext
    ) -> pb.TaskPushNotificationConfig:
        _no_push()

    async def on_get_task_push_notification_config(
        self, params: pb.GetTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> pb.TaskPushNotificationConfig:
        _no_push()

    async def on_list_task_push_notification_configs(
        self, params: pb.ListTaskPushNotificationConfigsRequest, context: ServerCallContext
    ) -> pb.ListTaskPushNotificationConfigsResponse:
        _no_push()

    async def on_delete_task_push_notification_config(
        self, params: pb.DeleteTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> None:
        _no_push()

    async def on_get_extended_agent_card(
        self, params: pb.GetExtendedAgentCardRequest, context: ServerCallContext
    ) -> pb.AgentCard:
        raise a2a_errors.ExtendedAgentCardNotConfiguredError

    async def _count(self, state: int) -> int:
        """How many tasks are in a state; 0: in any."""
        if state == pb.TASK_STATE_REJECTED:
            return await self._orch.monitor.count_untried_failures()
        counts = await self._orch.tasks.get_queue_statistics()
        number = {status: getattr(counts, f"{status}_count") for status in TaskStatus}
        total = sum(number[status] for status in STATUSES.get(state, TaskStatus))
        if state == pb.TASK_STATE_FAILED:
            total -= await self._orch.monitor.count_untried_failures()
        return total

    async def _submit(self, message: pb.Message, context: ServerCallContext) -> str:
        if message.task_id:
            task = await self._task(message.task_id)
            raise a2a_errors.UnsupportedOperationError(
                f"task {task.task_id} is {task.status} and takes no further message; send one "
                "without task_id for a new task"
            )
        principal = _asking(context, "SendMessage")
        asked = await to_thread(new_task, message, principal.name)
        (task_id,) = await self._orch.tasks.create_tasks([asked])
        if task_id != asked.task_id and not is_same(asked, await self._task(task_id)):
            raise ValidationError(
                f"the messageId {message.message_id[:MAX_NAME]!r} was used before, for a message "
                "that says something else; an id names one message, so make a new one"
            )
        return task_id

    @contextmanager
    def _streaming(self) -> Generator[None]:
        """Count a stream while it is open.

        Raises:
            InternalError: there are as many as there may be.
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

    async def _follow(self, task_id: str) -> AsyncIterator[Event]:
        task = await self._task(task_id)
        yield a2a_task(task)
        while task.status not in ENDED:
            seen = task
            task = await self._orch.monitor.wait_for_change(task_id, seen, LOOK_SECONDS)
            if task != seen:
                for event in _events(task):
                    yield event

    async def _task(self, task_id: str) -> Task:
        task = await self._orch.tasks.get_task_status(task_id)
        if task is None:
            raise TaskNotFoundError(task_id)
        return task


def _events(task: Task) -> Iterator[Event]:
    """What a client that follows a task hears when it has changed: the result, then the state."""
    task_id, context_id = task.task_id, context_of(task)
    artifact = artifact_of(task)
    if artifact is not None:
        yield pb.TaskArtifactUpdateEvent(
            task_id=task_id, context_id=context_id, artifact=artifact, last_chunk=True
        )
    yield pb.TaskStatusUpdateEvent(task_id=task_id, context_id=context_id, status=status_of(task))


def _asking(context: ServerCallContext, operation: str) -> Principal:
    """Who asks for an operation.

    Raises:
        UnsupportedOperationError: it is not served to them.
    """
    principal: Principal = context.state[PRINCIPAL]
    if why := principal.why_not(operation):
        raise a2a_errors.UnsupportedOperationError(why)
    return principal


def _no_push() -> NoReturn:
    raise a2a_errors.PushNotificationNotSupportedError


@contextmanager
def _translated() -> Generator[None]:
    """Our errors as A2A has them."""
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
