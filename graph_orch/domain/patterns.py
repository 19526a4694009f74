"""Patterns of events: `completed:research/*`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache

from graph_orch.domain.fields import NAME
from graph_orch.domain.lifecycle import EventType
from graph_orch.errors import ValidationError

_STARS = re.compile(r"\*+")


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which events are meant: of which types, and of tasks of which types."""

    text: str
    types: list[str]
    task_type: str | None
    """An expression that the whole type of a task matches, for Java and Python; None: any."""

    @classmethod
    def of(cls, text: object) -> Pattern:
        """Parse `EVENTS:TASK_TYPES`, or `EVENTS` alone.

        EVENTS are types of events, several with commas between, and TASK_TYPES is one for the types
        of tasks; in both `*` stands for any letters, none included, and `?` for one.

        Raises:
            ValidationError: no type of an event is meant.
        """
        whole = NAME.of("pattern", text)
        events, _, task_type = whole.partition(":")
        globs = [glob(part.strip()) for part in events.split(",")]
        types = [it.value for it in EventType if any(one.match(it) for one in globs)]
        if not types:
            raise ValidationError(
                f"pattern: {whole!r} means no type of event; give such as 'completed:research/*'; "
                f"there are {', '.join(EventType)}"
            )
        return cls(whole, types, None if task_type in ("", "*") else _expression(task_type))

    def is_type(self, task_type: str) -> bool:
        """Whether a task's type is one that is meant."""
        return self.task_type is None or _compiled(self.task_type).fullmatch(task_type) is not None


def glob(text: str) -> re.Pattern[str]:
    """An expression for names of our own, in which `*` stands for any letters and `?` for one."""
    return re.compile(translate(text))


_compiled = lru_cache(20_000)(re.compile)


def _expression(glob: str) -> str:
    """An expression for Java, which takes no longer for a hostile glob than for a kind one.

    What follows a star is looked for once, at its first place (an atomic group): where a whole
    match is to be had, there is one from there.
    """
    first, *rest = (
        "".join("." if it == "?" else re.escape(it) for it in part) for part in _STARS.split(glob)
    )
    if not rest:
        return f"(?s){first}"
    *inner, last = rest
    return f"(?s){first}{''.join(f'(?>.*?{part})' for part in inner)}.*{last}"
