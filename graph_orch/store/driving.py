"""What the driver is given, what it gives, and what is done to it past its interface.

It is given values whose `repr` is short. The driver makes the text of each message for its log,
also where nobody reads that. For 400 tasks to be created it is half of the client's time for the
message; and it would show what they hold.

Where packets are dropped, a connection looks open for ever. The driver has no way to end a call
that waits on one, nor to replace the others that were opened along the same way: its connections
are taken by their private names here, and nowhere else.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast


class UnprintedText(str):
    """A text that does not show itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<text of {len(self)} characters>"


class UnprintedList(list[Any]):
    """A list that does not show what it holds."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<list of {len(self)}>"


def unprinted(params: dict[str, Any]) -> dict[str, Any]:
    """The same parameters, lists among them without what they hold."""
    return {
        name: UnprintedList(cast(list[Any], value)) if isinstance(value, list) else value
        for name, value in params.items()
    }


def native(value: Any) -> Any:
    """A value that the driver gave, with Python's own times in place of the driver's.

    Statements that bring many rows give times as numbers instead, which the driver reads sooner.
    """
    if isinstance(value, Mapping):
        found = cast(Mapping[str, Any], value)
        return {name: native(part) for name, part in found.items()}
    if isinstance(value, list):
        return [native(part) for part in cast(list[Any], value)]
    to_native = getattr(value, "to_native", None)
    if to_native is None:
        return value
    moment = to_native()
    is_aware = isinstance(moment, datetime) and moment.tzinfo is not None
    return moment.astimezone(UTC) if is_aware else moment


def cut(session: object) -> bool:
    """End the connection that a synchronous session waits on; False where it has none (yet).

    The descriptor stays open: the thread that waits on it closes it, or its number could be given
    to another socket while that thread still reads from it.
    """
    bolt = getattr(getattr(session, "_connection", None), "socket", None)
    raw = getattr(bolt, "_socket", None)
    if not isinstance(raw, socket.socket):
        return False
    with contextlib.suppress(OSError):  # it has ended by itself
        socket.socket.shutdown(raw, socket.SHUT_RDWR)
    return True


def distrust(driver: object) -> None:
    """Let the driver replace each connection that it has before it uses it again."""
    pool = getattr(driver, "_pool", None)
    for connections in list(getattr(pool, "connections", {}).values()):
        for connection in list(connections):
            connection.set_stale()
