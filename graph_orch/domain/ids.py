"""New ids in the order of time, so that an index of them grows at its end, which is cached.

A task and its four events each have one. Random ids would each touch another page of the index.
"""

from __future__ import annotations

import os
import time


def new_uuid() -> str:
    """A UUID of version 7: milliseconds since 1970, a fraction of one, and 62 random bits.

    Source: RFC 9562, section 5.7, and method 3 of section 6.2.
    """
    text = new_hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_hex() -> str:
    """The same as 32 hexadecimal digits without hyphens, which take the least room in the store."""
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = nanoseconds * 4096 // 1_000_000
    unique = int.from_bytes(os.urandom(8)) & 0x3FFF_FFFF_FFFF_FFFF
    return f"{milliseconds << 16 | 0x7000 | fraction:016x}{unique | 0x8000_0000_0000_0000:016x}"
