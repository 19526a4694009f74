"""What commands read from standard input, from a file or from a Python module."""

from __future__ import annotations

import importlib
import json
import re
import sys
import traceback
from pathlib import Path
from typing import Any

from graph_orch.cli.signals import ToldToEnd
from graph_orch.errors import ValidationError, describe
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


def imported(target: str, form: str) -> Any:
    """Import the object that MODULE:NAME names, also from the current directory.

    Args:
        form: What a target that is not of that form should have been.

    Raises:
        ValidationError: the name is not of that form, or there is no such object.
    """
    module_name, _, name = target.partition(":")
    if not name or not re.fullmatch(r"[^\s./\\\0]+(\.[^\s./\\\0]+)*", module_name):
        raise ValidationError(f"{target!r} is not of {form}: a name as import has it, not a path")
    sys.path.insert(0, "")
    try:
        return getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise ValidationError(f"cannot find {target!r}: {error}") from error
    except ToldToEnd:
        raise
    except (Exception, SystemExit) as error:  # the module's own code may raise anything
        *_, last = traceback.extract_tb(error.__traceback__)
        raise ValidationError(
            f"cannot import {module_name!r}: {describe(error)} ({last.filename}, line "
            f"{last.lineno}); `python -c 'import {module_name}'` shows how it comes there"
        ) from error


def _decoded(found: bytes, where: str) -> str:
    try:
        return found.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValidationError(f"{where} is not UTF-8: {error.reason}") from error
