"""Text that commands read from standard input or a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from graph_orch.errors import ValidationError
from graph_orch.files import MOST_READ, read_limited


def standard_input() -> str:
    """Read all of standard input.

    Raises:
        ValidationError: it is closed, is not UTF-8, or is too large.
    """
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]  # closed at the start
        raise ValidationError("standard input is closed; give what is to be read as an argument")
    found = sys.stdin.buffer.read(MOST_READ + 1)
    if len(found) > MOST_READ:
        raise ValidationError(f"standard input holds more than {MOST_READ:,} bytes")
    return _decoded(found, "standard input")


def text_of(path: Path) -> str:
    """Read the text of a file.

    Raises:
        ValidationError: it cannot be read, is not UTF-8, or is too large.
    """
    try:
        found = read_limited(path)
    except ValidationError:
        raise
    except (OSError, ValueError) as error:  # a name may not hold a null byte
        why = getattr(error, "strerror", None) or error
        raise ValidationError(f"cannot read {str(path)!r}: {why}") from error
    return _decoded(found, str(path))


def parse_json(what: str, text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValidationError: the text is not JSON, or is nested too deeply; the message names `what`.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"{what}: not JSON ({error}): {text[:100]!r}") from None


def _decoded(found: bytes, where: str) -> str:
    try:
        return found.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValidationError(f"{where} is not UTF-8: {error.reason}") from error
