"""A child is bounded and measured, and says how it ended."""

import os
import signal
import sys
import time

import pytest

from campaigns.children import FOREIGN, in_child, verdict
from graphnet.errors import SpecError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="this system bounds no process")
MIB = 2**20


def double(value):
    return 2 * value


def fill(size):
    return len(bytearray(size))


def kill(_):
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(seconds):
    time.sleep(seconds)


def test_a_child_hands_back_what_its_function_returns():
    found = in_child("tests.campaigns.test_children:double", [1, "a"])
    assert (found.value, found.code) == ([1, "a", 1, "a"], 0)
    assert 10 * MIB < found.peak < 1024 * MIB


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux holds it to a limit")
def test_a_child_has_no_more_memory_than_it_is_given():
    small = in_child("tests.campaigns.test_children:fill", 20 * MIB, memory=64 * MIB)
    assert small.value == 20 * MIB
    large = in_child("tests.campaigns.test_children:fill", 100 * MIB, memory=64 * MIB)
    assert large.value is None
    assert "MemoryError" in large.said


def test_a_signal_and_a_time_that_ran_out_are_seen():
    assert in_child("tests.campaigns.test_children:kill").code == -signal.SIGKILL
    slow = in_child("tests.campaigns.test_children:sleep", 60, seconds=1)
    assert (slow.value, slow.code) == (None, -signal.SIGKILL)


def test_a_verdict_knows_our_errors_from_foreign_ones():
    def refuse(error):
        raise error

    assert verdict(lambda: None).kind == "accepted"
    assert verdict(lambda: refuse(SpecError("m: no")))[:] == ("SpecError", "m: no")
    assert verdict(lambda: refuse(ValueError("no")))[:] == (FOREIGN, "ValueError('no')")
    assert verdict(lambda: refuse(SpecError("\x1b[2J")))[:] == ("SpecError", r"\x1b[2J")
    assert verdict(lambda: refuse(SpecError("x" * 501))).kind == FOREIGN
