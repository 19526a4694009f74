"""What strangers send: any values, structures of which some places are wrong, damaged bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

DEEP = "<nested deeply>"
"""Stands for a list in 3,000 others, which no encoder, copy or report could otherwise handle."""
LEVELS = 3_000
TEXTS = [
    "",
    " ",
    "x",
    "\x00",
    "\x1b[31m",
    "\x1f",
    "\ud800",
    "\u200b",
    "\u202e",
    "e\u0301",
    "x" * 201,
    "9" * 5_000,
    "[" * LEVELS,
    '{"a": [1, null]}',
    "null",
    "NaN",
    "-1",
    "1e999",
    "2026-01-01",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "$datetime",
    "@id",
    "../../x",
    DEEP,
]
NUMBERS = [0, 1, -1, 0.5, -0.0, 2**31, 2**53 + 1, 2**63, 10**400, 5e-324, 1e308]
KNOWN = ["ada", "python", "ü", *(f"01a20000-0000-7000-8000-{number:012}" for number in range(4))]
"""An agent, skills and tasks that there are."""
NOT_FINITE = [float("nan"), float("inf"), float("-inf")]

WORDS = [
    *(b'"', b"{", b"}", b"[", b"]", b"\\", b"null", b"-1", b"1e999", b"NaN", b"9" * 5_000),
    *(b"[" * 3_000, b"\x00", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"$", b"@", b"true"),
    *(b"<", b">", b"&#0;", b"&x;", b"<!DOCTYPE x>", b"</node>", b"<data key='n1-json'>", b"long"),
    *(b'"id"', b'"source"', b'"$set"', b'"$dict"', b'"$timedelta"', b'"nodes"', b"<key id='a'/>"),
]
"""What means something in JSON, in XML, or in a snapshot."""

texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=20))
scalars = st.one_of(
    st.sampled_from([None, True, False]), texts, st.sampled_from([*NUMBERS, *NOT_FINITE])
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
"""Whatever a parser of JSON may give."""


def unfolded(value: Any) -> Any:
    """A value in which what stands for a deep one is that."""
    if isinstance(value, dict):
        return {name: unfolded(it) for name, it in value.items()}
    if isinstance(value, list):
        return [unfolded(it) for it in value]
    return nested() if value == DEEP else value


def nested() -> list[Any]:
    found: list[Any] = []
    for _ in range(LEVELS):
        found = [found]
    return found


def as_json(value: Any, *, escaped: bool = True) -> bytes:
    """The JSON text of a value, with its lone surrogates escaped or as bytes that are no UTF-8."""
    deep = "[" * LEVELS + "]" * LEVELS
    text = json.dumps(value, ensure_ascii=escaped).replace(json.dumps(DEEP), deep)
    return text.encode(errors="surrogatepass")


@st.composite
def near(draw: st.DrawFn, valid: Any, others: st.SearchStrategy[Any] = values) -> Any:
    """A structure that is like a valid one, but for up to three places."""
    whole = [_copied(valid)]
    for _ in range(draw(st.integers(0, 3))):
        holder, at = draw(st.sampled_from(list(_places(whole))))
        match draw(st.sampled_from(["other", "missing", "more", "wrapped", "moved"])):
            case "other":
                holder[at] = draw(others)
            case "missing" if holder is not whole:
                del holder[at]
            case "more" if isinstance(holder[at], dict):
                holder[at][draw(texts)] = draw(others)
            case "more" if isinstance(holder[at], list):
                holder[at].append(draw(others))
            case "wrapped":
                holder[at] = draw(st.sampled_from([[holder[at]], {"x": holder[at]}]))
            case "moved":
                there, place = draw(st.sampled_from(list(_places(whole))))
                holder[at] = _copied(there[place])
    return whole[0]


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(it) for name, it in value.items()}
    return [_copied(it) for it in value] if isinstance(value, list) else value


def _places(holder: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a structure: what holds it, and under which name or number."""
    for at in list(holder) if isinstance(holder, dict) else range(len(holder)):
        yield holder, at
        if isinstance(holder[at], dict | list):
            yield from _places(holder[at])


@st.composite
def damaged(draw: st.DrawFn, valid: bytes, words: list[bytes]) -> bytes:
    """Bytes that are like valid ones, but for up to four places."""
    found = bytearray(valid)
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(found)))
        length = draw(st.sampled_from([0, 0, 1, 1, 2, 10, 100, len(found)]))
        found[start : start + length] = draw(
            st.one_of(st.sampled_from([b"", *words]), st.binary(max_size=4))
        )
    return bytes(found)


def of_schema(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a JSON schema of a tool accepts, as far as it says."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            needed = schema.get("required", ())
            kinds = {name: of_schema(it) for name, it in properties.items()}
            return st.fixed_dictionaries(
                {name: kinds[name] for name in needed},
                optional={name: it for name, it in kinds.items() if name not in needed},
            )
        case "array":
            return st.lists(of_schema(schema.get("items", {})), max_size=3)
        case "boolean":
            return st.booleans()
        case "integer" | "number":
            least, most = schema.get("minimum", 0), schema["maximum"]
            return st.sampled_from([least, most, (least + most) // 2])
        case "string" if schema.get("format") == "date-time":
            return st.sampled_from(["2026-01-01T00:00:00Z", "2020-06-01T12:00:00+02:00"])
        case "string":
            return st.sampled_from(KNOWN)
        case _:
            return values
