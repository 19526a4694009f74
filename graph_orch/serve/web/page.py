"""Templates become pages: how values are written in HTML, and the headers that every page has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from pydantic_core import to_jsonable_python
from starlette.responses import HTMLResponse, JSONResponse, Response

from graph_orch.domain.characters import visible
from graph_orch.errors import NotAllowedError, OrchestrationError, StoreError, ValidationError

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
}
"""Of every page: no script, style or picture but its own, in no frame, kept by no cache."""


FILES = Path(str(resources.files("graph_orch.serve.web"))) / "static"


def version() -> str:
    """A part of the addresses of the dashboard's own files, which changes with them."""
    found = hashlib.sha256()
    for path in sorted(FILES.rglob("*.*")):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]


def as_json(values: object, status: int = 200) -> Response:
    """Values as JSON, for programs."""
    return JSONResponse(to_jsonable_python(values, fallback=str), status, headers=HEADERS)


def as_page(template: str, values: Mapping[str, Any], status: int = 200) -> Response:
    """A template, filled in."""
    page = environment().get_template(template).render(values)
    return HTMLResponse(page, status, headers=HEADERS)


def status_of(error: OrchestrationError) -> int:
    """The HTTP status for an error of the services."""
    match error:
        case NotAllowedError():
            return 403
        case ValidationError():
            return 422
        case StoreError():
            return 503
        case _:  # whatever is not found is a KeyError too
            return 404 if isinstance(error, KeyError) else 409


@cache
def environment() -> Environment:
    """Where the templates are, and what they may use."""
    made = Environment(
        loader=PackageLoader("graph_orch.serve.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=shown,
    )
    made.filters |= {
        "whole": whole,
        "stamp": stamp,
        "pretty": pretty,
        "as_sent": as_sent,
        "lasting": lasting,
        "milliseconds": milliseconds,
        "percent": percent,
        "count": count,
    }
    known: dict[str, Any] = made.globals
    known.update(link=link, version=version())
    return made


def shown(value: object) -> object:
    """A value where a template writes it: nothing for None, names without hidden characters."""
    if value is None:
        return ""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def whole(text: str) -> Markup:
    """A text of several lines, whose hidden characters are shown and whose line breaks stay."""
    lines = [Markup.escape(visible(line)) for line in text.replace("\t", "    ").split("\n")]
    return Markup("\n").join(lines)


def as_sent(text: str) -> Markup:
    """A text that a form sends back: as it is, hidden characters too."""
    return Markup.escape(text).replace("\n", Markup("&#10;"))


def stamp(moment: datetime | None, form: str = "at") -> Markup:
    """A moment, which the page shows in the viewer's zone: `at`, or how long `ago`."""
    if moment is None:
        return Markup()
    at = moment.astimezone(UTC)
    return Markup('<time datetime="{}" data-form="{}">{}</time>').format(
        at.isoformat(timespec="milliseconds"), form, f"{at:%Y-%m-%d %H:%M:%S} UTC"
    )


def pretty(value: object) -> Markup:
    """A value as JSON on several lines."""
    found = to_jsonable_python(value, fallback=str)
    return whole(json.dumps(found, indent=2, ensure_ascii=False))


def lasting(seconds: float | None) -> str:
    """How long something lasts, in the two largest units: 3 min 20 s; "" for None."""
    if seconds is None:
        return ""
    if (tenths := round(max(0.0, seconds), 1)) < 10:
        ms = round(max(0.0, seconds) * 1000)
        return f"{ms} ms" if ms < 1000 else f"{tenths:.1f} s"
    left, told = round(seconds), list[str]()
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        if left >= length and len(told) < 2:
            told.append(f"{left // length} {unit}")
            left %= length
        elif told:
            break
    return " ".join(told)


def milliseconds(value: float | None) -> str:
    """As `lasting`, of milliseconds."""
    return "" if value is None else lasting(value / 1000)


def percent(share: float | None) -> str:
    """A share of 1 in percent."""
    return "" if share is None else f"{share:.0%}"


def count(number: float | None) -> str:
    """A number with separators of thousands; "" for None."""
    return "" if number is None else f"{number:,}"


def part(name: str) -> str:
    """A name as a part of an address: a slash does not end it, and `.json` is no other form."""
    return quote(name, safe="").replace(".", "%2E")


def link(path: str, *parts: str, **parameters: object) -> str:
    """An address: a path, further parts of it, and parameters that are not empty."""
    address = "/".join((path, *map(part, parts)))
    given = {name: value for name, value in parameters.items() if value not in (None, "", ())}
    return f"{address}?{urlencode(given, doseq=True)}" if given else address
