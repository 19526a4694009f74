"""Webhooks: events are sent to URLs, signed, and again until the receiver takes them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from graph_orch._async.events import AsyncEvents, chosen
from graph_orch._async.graph import AsyncGraph, AsyncTransaction
from graph_orch._async.subscriptions import WEBHOOK, WINDOW, AsyncSubscriptions, parameters
from graph_orch.domain.cloud_events import attributes, attributes_of, in_json
from graph_orch.domain.fields import LEASE, LIMIT, NAME, SECONDS
from graph_orch.domain.ids import new_hex
from graph_orch.domain.models import NewWebhook, Webhook, WebhookAttempt
from graph_orch.domain.patterns import NOTHING, Wanted
from graph_orch.domain.webhooks import (
    DAY,
    DISABLED_AFTER_SECONDS,
    Answer,
    Post,
    again_after,
    is_last,
    new_secret,
    secret_of,
    url_of,
)
from graph_orch.errors import (
    DeliveryNotFoundError,
    OrchestrationError,
    SubscriptionDeliveredError,
    ValidationError,
    WebhookNotFoundError,
)
from graph_orch.logs import logger_of
from graph_orch.settings import WebhookSettings
from graph_orch.store.driving import UnprintedText, native
from graph_orch.store.runtime import AsyncAside, AsyncTogether

if TYPE_CHECKING:
    from graph_orch.posting import Poster

PAGE = 200
"""How many events become deliveries in one transaction."""
AT_ONCE = 10
"""How many deliveries of one webhook are under way at most, whoever makes them."""
WEBHOOKS_AT_ONCE = 32
"""How many webhooks one process serves at once."""
SLOW_AT_ONCE = 16
"""How many of these may have been slow the last time: the others have the rest."""
SLOW_MS = 2_000.0
"""A receiver that takes so long is slow: mostly it does not answer at all."""
TURN_SECONDS = 1.0
"""After so long a webhook lets another have its place, which goes to who has waited longest."""
BROKEN_AFTER = 20
"""After so many failures in a row one delivery is made at a time, until one succeeds."""
CLAIM_SECONDS = 60.0
"""After so long others make deliveries whose sender died. A post takes a quarter of it at most."""
LOOK_SECONDS = 1.0
"""How often it is looked for webhooks that have something to do beside those that are served."""
KEPT_SECONDS = 0.2
"""How long those that found no place are begun with without another look: with 1,000 that have
something to do each end of a turn asked for 1,000 rows, 32 times a second."""
HASTENED_AT_ONCE = 5_000
FORGOTTEN_AT_ONCE = 1_000
logger = logger_of("graph_orch.webhooks")


@dataclass
class _Turns:
    """Whose turn it is in one run: who has waited longest, and slow ones only some at once."""

    ends: float
    """When nothing new is begun any more."""
    last: dict[str, float] = field(default_factory=dict[str, float])
    """When each began its last turn."""
    idle: dict[str, float] = field(default_factory=dict[str, float])
    """When each was found to have nothing to send: what is due of it, others send."""
    slow: set[str] = field(default_factory=set[str])
    """Those that were slow when they began their last turn."""
    left: list[Any] = field(default_factory=list[Any])
    """Those that found no place, as they were found."""
    looked_at: float = 0.0
    """When it was looked what is due."""

    def waiting(self) -> list[Any]:
        """Those that are left and were not just found idle, first who has waited longest."""
        since = time.monotonic() - LOOK_SECONDS
        found = [row for row in self.left if self.idle.get(row["name"], 0.0) <= since]
        return sorted(found, key=lambda it: self.last.get(it["name"], 0.0))

    def may(self, row: Mapping[str, Any], going_on: Collection[str]) -> bool:
        """Whether a webhook may have a turn beside those that go on."""
        return not row["slow"] or len(self.slow.intersection(going_on)) < SLOW_AT_ONCE

    def begun(self, row: Mapping[str, Any]) -> None:
        """Note that a webhook has a turn."""
        name = row["name"]
        self.last[name] = time.monotonic()
        (self.slow.add if row["slow"] else self.slow.discard)(name)


class AsyncWebhooks:
    """Webhooks in a graph: subscriptions whose events are sent to a URL, each at least once.

    Workers and `maintain` send, any number of them. What was taken by the receiver, but not
    recorded since the sender died, is sent again under the same id. Events are sent in the order of
    the log, but several at once, and those that are sent again come later.
    """

    def __init__(self, graph: AsyncGraph, is_ending: Callable[[], bool] = lambda: False) -> None:
        """Args:
        is_ending: Once it is so, nothing more is sent.
        """
        self._graph = graph
        self._is_ending = is_ending
        self._events = AsyncEvents(graph)
        self._subscriptions = AsyncSubscriptions(graph)
        self._complaints: dict[str, str] = {}
        """Why a webhook cannot be served, by its name: it is said once."""

    async def put(
        self,
        name: str,
        url: str,
        pattern: str | None = "*:*",
        *,
        workflow_id: str | None = None,
        agent_id: str | None = None,
        team_id: str | None = None,
        skill: str | None = None,
        where: str | Sequence[str] | None = None,
        after: int | None = None,
        secret: str | None = None,
    ) -> NewWebhook:
        """Create a webhook, or replace the one of this name, which keeps its place and its secret.

        Where it may send to is for the process that sends: see the setting
        GRAPH_ORCH_WEBHOOK_NETWORKS. At another URL than before it is enabled again, as by `enable`.

        Args:
            url: Where each event is sent by POST, as a CloudEvent in JSON, signed as Standard
                Webhooks say.
            pattern: Which events, as for `subscriptions.put`; the filters likewise. None: no event
                of the log, but only what triggers post.
            secret: To sign with, `whsec_` and then base64; None: one is made, and is in this
                answer and nowhere else.

        Raises:
            ValidationError: an argument is not acceptable.
            SubscriptionDeliveredError: another subscription has this name.
        """
        wanted = _wanted(pattern, where, workflow_id, agent_id, team_id, skill)
        params = parameters(name, WEBHOOK, wanted, after)
        params["end"] = await self._events.end()
        made = new_secret() if secret is None else secret_of(secret)
        more = {"url": url_of(url), "secret": UnprintedText(made), "is_given": secret is not None}
        before = await self._graph.read("webhooks/signing", subscription=params["subscription"])
        rows = await self._graph.transaction(_put, params, more)
        if not rows:
            raise SubscriptionDeliveredError(params["subscription"])
        # What the receiver before did not take is no fault of this one, which has all tries.
        if before and before[0]["url"] != more["url"]:
            await self._hasten(params["subscription"], None, also_given_up=False)
        found = Webhook.from_record(native(rows[0]) | {"last": params["end"]})
        return NewWebhook(**dict(found), secret=made if rows[0]["is_new"] else None)

    async def get(self, name: str) -> Webhook:
        """The webhook of this name.

        Raises:
            WebhookNotFoundError: there is none.
        """
        key = NAME.of("name", name)
        rows = await self._graph.read("webhooks/list", subscription=key)
        if not rows:
            raise WebhookNotFoundError(key)
        return Webhook.from_record(native(rows[0]))

    async def list(self) -> list[Webhook]:
        """All webhooks, by name, without their secrets."""
        rows = await self._graph.read("webhooks/list", subscription=None)
        return [Webhook.from_record(native(row)) for row in rows]

    async def remove(self, name: str) -> bool:
        """Remove a webhook with its deliveries: nothing more is sent. False where there is none."""
        key = NAME.of("name", name)
        if not await self._graph.read("webhooks/list", subscription=key):
            return False
        return await self._subscriptions.remove(key)

    async def rotate(
        self, name: str, *, secret: str | None = None, overlap_seconds: float = DAY
    ) -> NewWebhook:
        """Give a webhook another secret, which is in this answer and nowhere else.

        Args:
            secret: As for `put`.
            overlap_seconds: For so long the secret before it signs too, so that receivers can
                change theirs without losing an event.

        Raises:
            ValidationError: an argument is not acceptable.
            WebhookNotFoundError: there is no such webhook.
        """
        key, seconds = NAME.of("name", name), SECONDS.of("overlap_seconds", overlap_seconds) or 0.0
        made = new_secret() if secret is None else secret_of(secret)
        rows = await self._graph.write(
            "webhooks/rotate", subscription=key, secret=UnprintedText(made), seconds=seconds
        )
        return NewWebhook(**dict(await self._told(key, rows)), secret=made)

    async def enable(self, name: str) -> Webhook:
        """Let a webhook that was disabled send again, at once what waits, and what came meanwhile.

        Raises:
            WebhookNotFoundError: there is no such webhook.
        """
        key = NAME.of("name", name)
        found = await self._told(key, await self._graph.write("webhooks/enable", subscription=key))
        await self._hasten(key, None, also_given_up=False)
        return found

    async def redeliver(self, name: str, event_id: str | None = None) -> int:
        """Send again soon what was given up, and what waits to be tried again; how much that is.

        Args:
            event_id: Only this event, also where it was delivered.

        Raises:
            WebhookNotFoundError: there is no such webhook.
            DeliveryNotFoundError: it has no delivery of this event.
        """
        key = NAME.of("name", name)
        event = None if event_id is None else NAME.of("event_id", event_id)
        if not await self._graph.read("webhooks/signing", subscription=key):
            raise WebhookNotFoundError(key)
        number = await self._hasten(key, event, also_given_up=True)
        if event is not None and not number:
            raise DeliveryNotFoundError(key, event)
        return number

    async def attempts(
        self, name: str, *, event_id: str | None = None, limit: int = 100
    ) -> list[WebhookAttempt]:
        """How the last tries went, newest first; `prune` forgets those of deliveries that ended.

        Args:
            event_id: Only those to deliver this event.

        Raises:
            WebhookNotFoundError: there is no such webhook.
        """
        key, most = NAME.of("name", name), LIMIT.of("limit", limit)
        event = None if event_id is None else NAME.of("event_id", event_id)
        rows = await self._graph.read(
            "webhooks/attempts", subscription=key, event_id=event, limit=most
        )
        if not rows:
            await self.get(key)
        return [WebhookAttempt.from_record(native(row)) for row in rows]

    async def test(self, name: str) -> WebhookAttempt:
        """Send an event that tells of nothing, now and from here; what came of it is not kept.

        Raises:
            ValidationError: graph-orch[webhooks] is not installed.
            WebhookNotFoundError: there is no such webhook.
        """
        key = NAME.of("name", name)
        rows = await self._graph.read("webhooks/signing", subscription=key)
        if not rows:
            raise WebhookNotFoundError(key)
        test_id, poster = f"test_{new_hex()}", _poster()
        about = attributes_of(test_id, "graph_orch.webhook.test", None, datetime.now(UTC))
        post = Post(test_id, rows[0]["url"], in_json(about, {}), tuple(rows[0]["secrets"]))
        async with AsyncAside() as aside:
            try:
                (answer,) = await aside.run(poster.post_all([post]))
            finally:
                await aside.run(poster.close())
        told = {"webhook": key, "event_id": test_id, "type": "test", "number": 1}
        return WebhookAttempt(**told, at=datetime.now(UTC), **answer.shown())

    async def deliver(self, seconds: float | None = None) -> int:
        """Send what is due; how many deliveries were tried. Any number of processes may.

        Each webhook is served by itself, so that one whose receiver is slow delays no other.

        Args:
            seconds: After so long it begins nothing new; None: it ends when nothing is due.

        Raises:
            ValidationError: graph-orch[webhooks] is not installed, and so everything waits; or the
                setting GRAPH_ORCH_WEBHOOK_NETWORKS is no list of networks.
        """
        poster = _poster()
        most = LEASE.of("seconds", seconds)
        turns = _Turns(math.inf if most is None else time.monotonic() + most)
        total, ended = 0, list[int]()
        async with AsyncTogether(WEBHOOKS_AT_ONCE) as together, AsyncAside() as aside:
            try:
                while ended is not None:
                    if any(ended) or not ended or turns.left:
                        rows, turns.left = await self._due(turns), []
                        for row in rows:
                            wanted = _wanted(row["pattern"] or None, row["where"])
                            what = row["name"], wanted, poster, aside, turns
                            may = turns.may(row, together.names)
                            if may and together.start(row["name"], self._serve, *what):
                                turns.begun(row)
                            else:
                                turns.left.append(row)
                    ended = await together.wait(LOOK_SECONDS)
                    total += sum(ended or ())
            finally:
                await aside.run(poster.close())
        return total

    async def _due(self, turns: _Turns) -> list[Any]:
        """The webhooks that have something to do, those first that have waited longest."""
        if self._is_ending() or time.monotonic() >= turns.ends:
            return []
        rows = turns.waiting()
        if not rows or time.monotonic() >= turns.looked_at + KEPT_SECONDS:
            await self._events.end()
            turns.left, turns.looked_at = (
                list(await self._graph.read("webhooks/due")),
                time.monotonic(),
            )
            rows = turns.waiting()
        return rows

    async def _serve(
        self, name: str, wanted: Wanted, poster: Poster, aside: AsyncAside, turns: _Turns
    ) -> int:
        """Send what is due of one webhook, for a turn; how many deliveries were tried."""
        total, was_idle = 0, False
        ends = min(turns.ends, time.monotonic() + TURN_SECONDS)
        try:
            while not self._is_ending() and time.monotonic() < ends:
                sent = await self._send(name, poster, aside)
                total += sent
                went_on = False
                # Where it may send nothing, others do: what is made beyond a page would only wait.
                if sent < AT_ONCE and not was_idle:
                    went_on = await self._fill(name, wanted)
                if not sent and not went_on:
                    turns.idle[name] = time.monotonic()
                    break
                was_idle = not sent
            self._complaints.pop(name, None)
        except OrchestrationError as error:
            if self._complaints.get(name) != (why := str(error)):
                logger.error("webhook %s: %s", name, error)
            self._complaints[name] = why
            turns.idle[name] = time.monotonic()
        return total

    async def _fill(self, name: str, wanted: Wanted) -> bool:
        """Make deliveries of a page of events; whether it went on in the log."""
        rows = await self._graph.read(
            "subscriptions/read",
            subscription=name,
            reader=None,
            after=None,
            window=WINDOW,
            limit=PAGE,
            **wanted.asked,
        )
        if not rows:
            return False
        row = rows[0]
        is_full = len(row["events"]) == PAGE
        upto = row["events"][-1]["position"] if is_full else row["upto"]
        if upto <= row["position"]:
            return False
        made = [
            {
                "event_id": event.event_id,
                "type": event.type.value,
                "task_id": event.task_id,
                "body": in_json(attributes(event), event.model_dump(mode="json")),
            }
            for event in chosen(wanted.where, row["events"])
        ]
        begins = {"from": row["position"], "to": upto}
        asked = {"pattern": wanted.pattern.text, "where": wanted.where.texts or []}
        params = {"subscription": name, "rows": made, **begins, **asked}
        return bool(await self._graph.write("webhooks/enqueue", **params))

    async def _send(self, name: str, poster: Poster, aside: AsyncAside) -> int:
        """Make the deliveries of one claim, all at once; how many there were."""
        claim = new_hex()
        rows = await self._graph.write(
            "webhooks/claim",
            subscription=name,
            claim=claim,
            most=AT_ONCE,
            broken=BROKEN_AFTER,
            seconds=CLAIM_SECONDS,
        )
        if not rows:
            return 0
        posts = [Post(it["event_id"], it["url"], it["body"], tuple(it["secrets"])) for it in rows]
        answers = await aside.run(poster.post_all(posts))
        attempts = [
            {"event_id": row["event_id"], **answer.shown(), **_what_next(row["tries"] + 1, answer)}
            for row, answer in zip(rows, answers, strict=True)
        ]
        recorded = await self._graph.write(
            "webhooks/record",
            subscription=name,
            claim=claim,
            failing=DISABLED_AFTER_SECONDS,
            slow=SLOW_MS,
            attempts=attempts,
        )
        if recorded and recorded[0]["disabled"]:
            logger.warning(
                "webhook %s is disabled: %s; `graph-orch webhook enable` lets it go on",
                name,
                next(it["error"] for it in attempts if it["error"]),
            )
        return len(rows)

    async def _hasten(self, name: str, event_id: str | None, *, also_given_up: bool) -> int:
        total, number = 0, HASTENED_AT_ONCE
        while number >= HASTENED_AT_ONCE:
            (row,) = await self._graph.write(
                "webhooks/hasten",
                subscription=name,
                event_id=event_id,
                also_given_up=also_given_up,
                limit=HASTENED_AT_ONCE,
            ) or ({"number": 0},)
            number = row["number"]
            total += number
        return total

    async def _told(self, name: str, rows: Any) -> Webhook:
        if not rows:
            raise WebhookNotFoundError(name)
        return Webhook.from_record(native(rows[0]) | {"last": await self._events.end()})


async def _put(tx: AsyncTransaction, params: dict[str, Any], more: dict[str, Any]) -> Any:
    if not await tx.run("subscriptions/put", **params):
        return []
    return await tx.run("webhooks/put", subscription=params["subscription"], **more)


def _wanted(pattern: str | None, *others: Any) -> Wanted:
    """Which events a webhook wants; none where it has no pattern."""
    if pattern is None:
        return replace(Wanted.of("*", *others), pattern=NOTHING)
    return Wanted.of(pattern, *others)


def _poster() -> Poster:
    """What sends posts, to where the settings of this process allow."""
    settings = WebhookSettings()
    try:
        from graph_orch.posting import Poster
    except ImportError as error:
        raise ValidationError(
            "install graph-orch[webhooks] to send webhooks; what they deliver waits"
        ) from error
    try:
        return Poster(settings.networks)
    except OSError as error:  # certificates that the environment names
        raise ValidationError(
            f"webhooks cannot be sent: {error}; what they deliver waits"
        ) from error


def _what_next(tries: int, answer: Answer) -> dict[str, Any]:
    """What is to be done after a try: again after some seconds; None: no more."""
    is_over = answer.delivered or is_last(tries)
    pause = None if is_over else again_after(tries, answer.again_after)
    return {"again_after": pause, "gone": answer.gone}
