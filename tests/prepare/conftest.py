"""Pictures that several files read."""

import numpy as np
import pytest


@pytest.fixture
def grey():
    return np.arange(6 * 5, dtype=np.uint8).reshape(6, 5) * 8


@pytest.fixture
def colours(rng):
    return rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)
