"""The spec that the tests of ranks train."""

import json

import pytest

from tests.distributed.jobs import need_ranks
from tests.distributed.small import SPEC


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    """SPEC as a file; the test is skipped where there are no ranks."""
    need_ranks()
    path = tmp_path_factory.mktemp("spec") / "small.json"
    path.write_text(json.dumps(SPEC))
    return path
