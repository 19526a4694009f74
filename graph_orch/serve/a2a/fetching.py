"""Fetch agent cards from servers that may send anything, for as long as they like."""

from __future__ import annotations

import asyncio
import re
import zlib

import httpx
from a2a.types.a2a_pb2 import AgentCard
from a2a.utils.constants import AGENT_CARD_WELL_KNOWN_PATH

from graph_orch.errors import ValidationError
from graph_orch.serve.a2a.cards import parse_card

FETCH_SECONDS = 30.0
"""For the whole answer, however slowly it comes."""
MOST_BYTES = 4_000_000
"""Of a decompressed card; an agent's metadata may have 1 MB."""
_ZLIB_OR_GZIP = zlib.MAX_WBITS | 32


async def fetch_card(
    url: str, *, seconds: float = FETCH_SECONDS, max_bytes: int = MOST_BYTES
) -> AgentCard:
    """Fetch an agent card, whose URL is its own (`….json`) or that of its agent.

    The caller chose the address, so an address of a private network is allowed. Redirects are not
    followed, so nobody else can choose one.

    Raises:
        ValidationError: there is no card, or it takes longer than `seconds`, or it has more than
            `max_bytes`.
    """
    at = url if url.endswith(".json") else f"{url.rstrip('/')}{AGENT_CARD_WELL_KNOWN_PATH}"
    try:
        async with asyncio.timeout(seconds):
            return parse_card((await _download(at, max_bytes)).decode("utf-8-sig"))
    except TimeoutError as error:
        raise _refused(url, f"it did not come whole within {seconds:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL, zlib.error, ValueError) as error:
        raise _refused(url, str(error) or type(error).__name__) from error


async def _download(url: str, most: int) -> bytes:
    """The body of an answer, which is decompressed here, since httpx would set no limit to it."""
    headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
    async with (
        httpx.AsyncClient(timeout=None, headers=headers) as client,
        client.stream("GET", url) as answer,
    ):
        if answer.is_redirect:
            raise ValidationError(
                f"it redirects to {answer.headers.get('location')}, which is not followed; give "
                "that address if you trust it"
            )
        answer.raise_for_status()
        coding = answer.headers.get("content-encoding", "identity").lower()
        if coding not in ("identity", "gzip", "deflate"):
            raise ValidationError(f"it is encoded as {coding!r}, which was not asked for")
        unzip = None if coding == "identity" else zlib.decompressobj(_ZLIB_OR_GZIP)
        found = bytearray()
        async for raw in answer.aiter_raw():
            left = most + 1 - len(found)
            found += raw[:left] if unzip is None else unzip.decompress(raw, left)
            if len(found) > most:
                raise ValidationError(f"it holds more than {most:,} bytes")
        return bytes(found)


def _refused(url: str, why: str) -> ValidationError:
    message = f"no A2A agent card at {url}: {why}"
    return ValidationError(re.sub(r"(?<=://)[^/\s]*@", "", message))  # without a user and password
