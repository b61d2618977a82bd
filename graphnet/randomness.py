"""Everything random derives from a seed and from what it is for; there is no global state."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, purpose: str, *parts: str | int) -> np.random.Generator:
    """A generator of its own for each (seed, purpose, parts): the same on every machine.

    purpose and parts name the use: `generator(0, "init", "affine1", "W")`,
    `generator(0, "order", epoch)`.
    """
    key = "\x1f".join([str(seed), purpose, *map(str, parts)]).encode()
    words = np.frombuffer(hashlib.sha256(key).digest(), dtype="<u4")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words.tolist())))
