"""Random numbers that depend on what they are for, and on nothing else.

So two simulations that differ in their agents see the same luck (common random numbers: Law,
Simulation Modeling and Analysis, 5th ed., section 11.2), and their difference is not noise.
"""

from __future__ import annotations

from hashlib import blake2b


def draw(seed: int, purpose: str, *of: object) -> float:
    """A number uniform in [0, 1): always the same one for the same seed, purpose and names."""
    text = "\x1f".join(map(str, (seed, purpose, *of)))
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) * 2.0**-53
