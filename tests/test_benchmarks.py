"""What is ours in `benchmarks/`: turns, medians, ratios, agreement, and the report's words."""

import io
import json
from contextlib import redirect_stderr

import numpy as np
import pytest

from benchmarks import floor, nets, report, runner, samples, sequences
from benchmarks.__main__ import main
from benchmarks.cases import CASES, FLOOR, JAX, OURS, TORCH, Case, Family, Target, Training
from benchmarks.floor import Gemm
from benchmarks.runner import Outcome
from benchmarks.worker import SideError
from graphnet.spec.reader import parse_spec

NETS = [
    *(nets.perceptron(50, 10), nets.mnist_cnn(), nets.lenet(), nets.vgg(), nets.residual()),
    *(sequences.lstm(), sequences.encoder()),
]


def case(*targets: Target, families: tuple[Family, ...] = (OURS, TORCH, JAX)) -> Case:
    return Case("some-case", "some case", families, targets, "ms a step", 1e3)


def refuse(name: str, error: SideError) -> None:
    raise AssertionError(f"{name}: {error}")


def test_every_side_comes_once_in_each_round_and_the_order_turns():
    asked = []

    def measure(name):
        asked.append(name)
        return float(len(asked))

    times = runner.interleave("abc", measure, 3, refuse, pause=0)
    assert "".join(asked) == "abc bca cab abc".replace(" ", "")
    # The first round warms up and is not kept.
    assert times == {"a": [6.0, 8.0, 10.0], "b": [4.0, 9.0, 11.0], "c": [5.0, 7.0, 12.0]}


def test_a_side_that_fails_leaves_the_others_alone():
    said = {}

    def measure(name):
        if name == "b":
            raise SideError("its process ended")
        return 1.0

    times = runner.interleave(
        "abc", measure, 2, lambda name, e: said.update({name: str(e)}), pause=0
    )
    assert times == {"a": [1.0, 1.0], "c": [1.0, 1.0]}
    assert said == {"b": "its process ended"}


def test_medians_are_of_each_side():
    assert runner.medians({"a": [3.0, 1.0, 2.0], "b": [1.0, 2.0], "c": []}) == {"a": 2.0, "b": 1.5}


def test_the_ratio_is_to_the_fastest_side_of_the_peers_named():
    target = Target("the best peer", ("PyTorch", "JAX"), 0.5)
    found = Outcome(case(target))
    found.times = {
        "graphnet": [1.0, 2.0, 9.0],
        "PyTorch: eager": [5.0],
        "PyTorch: compiled": [4.0],
        "JAX: one scan": [8.0],
        "GEMM floor: 1 thread": [0.5],
    }
    (ratio,) = report.ratios(found)
    assert (ratio.best, ratio.value, ratio.verdict) == ("PyTorch: compiled", 0.5, "met")


def test_a_target_may_name_single_sides():
    target = Target("floor", ("GEMM floor: 1 thread",), 1.6)
    found = Outcome(case(target))
    found.times = {
        "graphnet": [2.0],
        "GEMM floor: 1 thread": [1.0],
        "GEMM floor: 2 threads": [0.5],
    }
    (ratio,) = report.ratios(found)
    assert (ratio.best, ratio.value, ratio.verdict) == ("GEMM floor: 1 thread", 2.0, "missed")


def test_a_ratio_without_a_side_is_not_measured():
    (ratio,) = report.ratios(Outcome(case(Target("the best peer", ("PyTorch",), 0.5))))
    assert (ratio.value, ratio.verdict) == (None, "not measured")


def test_a_difference_is_relative_above_one_and_absolute_below():
    assert runner.difference(np.array([0.5, 0.25]), np.array([0.5, 0.0])) == 0.25
    assert runner.difference(np.array([8.0, 2.0]), np.array([10.0, 1.0])) == 0.2
    assert runner.difference(np.zeros(3), np.zeros(2)) == float("inf")


@pytest.mark.parametrize("value", [0.002, float("nan"), float("inf")])
def test_a_disagreement_is_a_problem_and_stands_in_the_table(value):
    found = Outcome(case(Target("the best peer", ("PyTorch",), 0.5)))
    found.times = {"graphnet": [1.0], "PyTorch: eager": [2.0]}
    found.differences = {"graphnet": 0.0, "PyTorch: eager": value}
    assert found.disagreeing == ["PyTorch: eager"]
    (problem,) = report.problems([found])
    assert problem == f"some-case: PyTorch: eager: disagrees by {value:.2g}"
    assert f"| {value:.1e} | DISAGREES |" in report.text([found], 3, "a processor", {}, "0.0")


def test_the_report_says_everything():
    found = Outcome(case(Target("the best peer", ("PyTorch", "JAX"), 0.5)))
    found.times = {"graphnet": [0.000123456], "PyTorch: eager": [0.25]}
    found.differences = {"graphnet": 0.0, "PyTorch: eager": 1e-6}
    found.missing = {"JAX": "jax: not installed"}
    found.failed = {"PyTorch: compiled": "no compiler"}
    found.notes = {"graphnet": "9 epochs"}
    found.versions = {"torch": "2.13.0"}
    text = report.text([found], 15, "a processor, 2 cores", {"numpy": "2.4"}, "0.1")
    assert "the median of 15 rounds" in text
    assert "Processor: a processor, 2 cores. Load of the machine before the run: 0.1.\n" in text
    assert "Versions: numpy 2.4, torch 2.13.0.\n" in text
    assert "Missing:\n\n- JAX: jax: not installed (some-case)\n" in text
    assert "**Errors**:\n\n- some-case: PyTorch: compiled: failed: no compiler\n" in text
    assert "| some case | the best peer | 0.123 | 250 | ms a step | PyTorch: eager |" in text
    assert "| PyTorch: eager | 0.00 | 0.50 | met |" in text
    assert "| graphnet | 0.123 | 0.123 to 0.123 | 0.0e+00 | 9 epochs |" in text
    assert "| PyTorch: compiled | - | - | - | FAILED: no compiler |" in text


def test_the_share_of_the_floor_stands_beside_each_training():
    training = next(one for one in CASES if isinstance(one, Training))
    found = Outcome(training)
    found.times = {"graphnet": [0.002], "GEMM floor: 1 thread": [0.001]}
    text = report.text([found], 3, "a processor", {}, "0.0")
    assert f"| {training.title} | 2 | 1 thread: 1 ms | 50% |" in text


def test_a_peer_that_is_not_installed_is_named_and_not_started():
    absent = Family("Nobody", "benchmarks.peers.nobody_side", ("no_such_package",))
    found = runner.run(case(families=(absent,)), 1, lambda line: None)
    assert found.missing == {"Nobody": "no_such_package: not installed"}
    assert report.missing([found]) == ["Nobody: no_such_package: not installed (some-case)"]
    assert report.problems([found]) == []


def test_a_family_that_breaks_is_an_error():
    broken = Family("Broken", "benchmarks.no_such_module")
    found = runner.run(case(families=(broken,)), 1, lambda line: None)
    what = "ModuleNotFoundError: No module named 'benchmarks.no_such_module'"
    assert found.failed == {"Broken": what}


def test_an_unknown_case_is_a_usage_error():
    with redirect_stderr(io.StringIO()) as said, pytest.raises(SystemExit) as stop:
        main(["--only", "no-such-case"])
    assert stop.value.code == 2
    assert "train-784-50-10" in said.getvalue()


def test_names_are_unique_and_targets_name_sides_that_exist():
    assert len({one.name for one in CASES}) == len(CASES)
    for one in CASES:
        families = {family.name for family in one.families}
        for target in one.targets:
            named = {name.partition(":")[0] for name in (*target.against, target.ours)}
            assert named <= families


def test_the_specs_of_perceptrons_are_graphnets():
    spec = parse_spec(nets.perceptron(50, 10).text(100, 0.1))
    assert [node.type for node in spec.nodes] == ["Affine", "Relu", "Affine"]


@pytest.mark.parametrize("net", NETS, ids=lambda net: net.name)
def test_every_node_has_a_shape_and_what_arrives_comes_before_it(net):
    shapes, sources = net.shapes(), net.sources()
    assert shapes[net.output] == (10,)
    seen = {"x"}
    for node in net.nodes:
        assert sources[node["id"]], node
        assert seen.issuperset(sources[node["id"]])
        seen.add(node["id"])
        assert len({shapes[source] for source in sources[node["id"]]}) == 1
    assert json.loads(net.text(64, 0.1))["train"]["batch_size"] == 64


def test_shapes_and_weights_are_those_of_the_book():
    net = nets.mnist_cnn()
    assert net.shapes()["conv1"] == (24, 24, 30)
    assert net.shapes()["flat"] == (12 * 12 * 30,)
    found = {name: array.shape for name, array in nets.weights(net).items()}
    assert found["conv1/W"] == (5, 5, 1, 30)
    assert found["affine1/W"] == (4320, 100)


def test_the_residual_net_halves_its_pictures_twice():
    shapes = nets.residual().shapes()
    assert [shapes[f"add{i}"] for i in (1, 2, 3)] == [(32, 32, 16), (16, 16, 32), (8, 8, 64)]
    assert not [name for name in nets.weights(nets.residual()) if name == "stem/b"]


def test_the_floor_has_every_product_and_none_for_the_pictures_gradient():
    assert floor.gemms(nets.perceptron(50, 10), 100) == [
        Gemm(100, 784, 50),
        Gemm(784, 100, 50),
        Gemm(100, 50, 10),
        Gemm(50, 100, 10),
        Gemm(100, 10, 50),
    ]


def test_tiles_add_up_to_the_convolution():
    forward = 2 * 100 * 24 * 24 * 25 * 30  # of the one convolution, whose pictures need no gradient
    affine = 3 * 2 * 100 * (4320 * 100 + 100 * 10)
    assert sum(gemm.flops for gemm in floor.gemms(nets.mnist_cnn(), 100)) == 2 * forward + affine


def test_pictures_are_the_same_for_everyone():
    net = nets.perceptron(10)
    pixels, t = samples.pictures(net, 20)
    again, _ = samples.pictures(net, 20)
    assert pixels.shape == (20, 28, 28, 1)
    assert pixels.dtype == np.uint8
    assert (pixels == again).all()
    assert set(t) <= set(range(10))
    numbers = samples.numbers(net, pixels)
    assert numbers.shape == (20, 784)
    assert numbers.dtype == np.float32
    assert 0 <= numbers.min() < numbers.max() <= 1


def test_batches_take_each_sample_at_most_once():
    order = samples.batches(100, 4, 20)
    assert order.shape == (4, 20)
    assert len(set(order.ravel())) == 80


def test_the_floor_is_a_family_that_nothing_is_compared_with_by_accident():
    for one in CASES:
        for target in one.targets:
            assert FLOOR.name not in target.against
