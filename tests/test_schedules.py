"""Schedules: the factor of each step, against PyTorch's and by their properties."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphnet.schedules import SCHEDULES, Schedule
from graphnet.schedules.rates import Constant, Cosine, OneCycle, Step

durations = st.floats(0, 1000, allow_nan=False)
parts = st.floats(0, 1, allow_nan=False)
moments = st.floats(0.01, 1000)
schedules = st.one_of(
    st.builds(Constant, type=st.just("Constant"), warmup=durations),
    st.builds(
        Step, type=st.just("Step"), warmup=durations, every=moments, gamma=st.floats(0.01, 1)
    ),
    st.builds(
        Step,
        type=st.just("Step"),
        warmup=durations,
        at=st.lists(moments, min_size=1, max_size=5).map(tuple),
    ),
    st.builds(Cosine, type=st.just("Cosine"), warmup=durations, final=parts),
    st.builds(
        OneCycle,
        type=st.just("OneCycle"),
        warmup=st.none() | durations,
        start=parts,
        final=parts,
        linear=st.booleans(),
    ),
)
lengths = st.tuples(st.integers(1, 30), st.integers(1, 30))


def factors(schedule: Schedule, epochs: int, batches: int) -> list[float]:
    return [schedule.factor(step, epochs, batches) for step in range(epochs * batches)]


@given(schedules, lengths)
def test_a_factor_is_from_0_to_1_and_a_function_of_its_step_alone(schedule, length):
    found = factors(schedule, *length)
    assert all(0 <= factor <= 1 for factor in found)
    steps = reversed(range(len(found)))
    assert [schedule.factor(step, *length) for step in steps] == found[::-1]


@given(schedules.filter(lambda one: one.type != "Step"), lengths)
def test_a_rate_rises_through_the_warm_up_and_falls_behind_it(schedule, length):
    found = factors(schedule, *length)
    rise = schedule.rise(*length)
    rising, falling = found[: math.floor(rise)], found[math.ceil(rise) :]
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)


@given(schedules.filter(lambda one: one.type == "Step"), lengths)
def test_drops_count_from_the_first_step_on(schedule, length):
    drops = factors(schedule.model_copy(update={"warmup": None}), *length)
    assert drops[0] == 1 or schedule.every is not None
    assert drops == sorted(drops, reverse=True)
    warm = factors(Constant(type="Constant", warmup=schedule.warmup), *length)
    assert factors(schedule, *length) == [a * b for a, b in zip(warm, drops, strict=True)]


@given(st.integers(1, 20), lengths, parts)
def test_the_first_step_behind_a_whole_warm_up_has_the_whole_rate(warmup, length, final):
    epochs, batches = length
    for schedule in (
        Constant(type="Constant", warmup=warmup),
        Cosine(type="Cosine", warmup=warmup, final=final),
        OneCycle(type="OneCycle", warmup=warmup, final=final),
    ):
        # The peak of a cycle is the last step of its rise, as PyTorch has it.
        step = warmup * batches - (schedule.type == "OneCycle")
        assert schedule.factor(step, warmup + epochs, batches) == 1


def test_no_step_of_a_warm_up_is_lost_on_a_rate_of_0():
    assert factors(Constant(type="Constant", warmup=2), 3, 2) == [0.25, 0.5, 0.75, 1, 1, 1]


def test_a_step_drops_where_its_epochs_begin():
    step = Step(type="Step", every=2, gamma=0.5)
    assert factors(step, 5, 2) == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]
    step = Step(type="Step", at=(1, 4), gamma=0.5)
    assert factors(step, 5, 2) == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_cosine_is_half_way_down_in_the_middle():
    cosine = Cosine(type="Cosine", final=0.2)
    assert cosine.factor(0, 10, 10) == 1
    assert cosine.factor(50, 10, 10) == pytest.approx(0.6)
    assert cosine.factor(99, 10, 10) == pytest.approx(0.2, abs=1e-3)


def test_one_cycle_has_its_peak_after_three_tenths():
    found = factors(OneCycle(type="OneCycle"), 10, 10)
    assert found[0] == pytest.approx(0.04)
    assert found.index(max(found)) == 29
    assert found[29] == 1
    assert found[-1] == pytest.approx(4e-6)


EPOCHS, BATCHES = 12, 7
STEPS = EPOCHS * BATCHES


PEERS = {
    "constant, warm-up": (
        Constant(type="Constant", warmup=3),
        lambda s, o, warm: warm(3 * BATCHES),
    ),
    "step": (
        Step(type="Step", every=2.0, gamma=0.7),
        lambda s, o, warm: s.StepLR(o, 2 * BATCHES, 0.7),
    ),
    "steps named": (
        Step(type="Step", at=(2, 5, 9.0)),
        lambda s, o, warm: s.MultiStepLR(o, [2 * BATCHES, 5 * BATCHES, 9 * BATCHES], 0.1),
    ),
    "step, warm-up": (
        Step(type="Step", every=4, warmup=2),
        lambda s, o, warm: s.ChainedScheduler([warm(2 * BATCHES), s.StepLR(o, 4 * BATCHES)]),
    ),
    "cosine": (
        Cosine(type="Cosine", final=0.2),
        lambda s, o, warm: s.CosineAnnealingLR(o, STEPS, eta_min=0.2),
    ),
    "cosine, warm-up": (
        Cosine(type="Cosine", warmup=2),
        lambda s, o, warm: s.SequentialLR(
            o,
            [warm(2 * BATCHES), s.CosineAnnealingLR(o, STEPS - 2 * BATCHES)],
            milestones=[2 * BATCHES],
        ),
    ),
    "one cycle": (
        OneCycle(type="OneCycle"),
        lambda s, o, warm: s.OneCycleLR(o, 1.0, STEPS, cycle_momentum=False),
    ),
    "one cycle, linear, warm-up": (
        OneCycle(type="OneCycle", warmup=3, start=0.1, final=0.002, linear=True),
        lambda s, o, warm: s.OneCycleLR(
            o,
            1.0,
            STEPS,
            pct_start=3 / EPOCHS,
            anneal_strategy="linear",
            cycle_momentum=False,
            div_factor=10,
            final_div_factor=50,
        ),
    ),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", PEERS)
def test_the_factors_are_pytorchs(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
    schedule, peer = PEERS[name]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    module = torch.optim.lr_scheduler

    def warm(steps):
        return module.LinearLR(optimizer, 1 / steps, total_iters=steps - 1)

    scheduler = peer(module, optimizer, warm)
    expected = []
    for _ in range(STEPS):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(expected) < STEPS:
            scheduler.step()
    assert factors(schedule, EPOCHS, BATCHES) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_every_schedule_has_a_peer():
    assert {schedule.type for schedule, _ in PEERS.values()} == set(SCHEDULES)
