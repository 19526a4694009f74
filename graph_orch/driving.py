"""What the driver is given: values whose `repr` is short.

The driver makes the text of each message for its log, also where nobody reads that. For 400 tasks
to be created it is half of the client's time for the message; and it would show what they hold.
"""

from __future__ import annotations

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
