"""What a request asks of a page, and the screens that pages are made from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from graph_orch import AsyncOrchestrator, Right
from graph_orch.serve.principals import Principal
from graph_orch.telemetry import Meter

Seen = Mapping[str, Any]
"""What a screen shows, by name: models, and values that JSON can hold."""


@dataclass(frozen=True)
class Asked:
    """A request for a screen: of which services, by whom, with what parameters.

    Args:
        meter: Knows the last hour.
    """

    orch: AsyncOrchestrator
    meter: Meter
    request: Request

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return self.request.state.principal

    @property
    def key(self) -> str:
        """The id or name in the address."""
        return self.request.path_params["key"]

    @property
    def is_meant(self) -> bool:
        """Whether the viewer asked for it: no other site's page did, as by an image or a frame."""
        return self.request.headers.get("sec-fetch-site") in (None, "same-origin", "none")

    def text(self, name: str) -> str:
        """A parameter of the address, without white space around it."""
        return self.request.query_params.get(name, "").strip()


@dataclass(frozen=True)
class Screen:
    """A page: where it is, what it looks at, and the template that shows it.

    Args:
        path: Its address. With `.json` at its end it gives what the page shows as JSON.
        is_listed: Whether the navigation has it.
        right: What whoever looks at it needs.
        looks_again: Whether it looks again by itself. What reads the whole store, or what somebody
            wrote, is asked for once.
        events: Which events change what it shows, as parameters of `/events`; None: none does, so
            that it looks again from time to time only.
    """

    path: str
    title: str
    template: str
    look: Callable[[Asked], Awaitable[Seen]]
    is_listed: bool = True
    right: Right = Right.READ
    looks_again: bool = True
    events: Callable[[Asked], Mapping[str, str]] | None = lambda asked: {}

    @property
    def json_path(self) -> str:
        """The address of its JSON."""
        return "/overview.json" if self.path == "/" else f"{self.path}.json"
