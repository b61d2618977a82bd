"""`--memory LIMIT` on every command that computes."""

import pytest
from processes import DIGITS, EXAMPLES

SEVEN = EXAMPLES / "seven_on_paper.png"


@pytest.mark.parametrize("command", ["train", "infer", "gradcheck", "check"])
def test_what_needs_more_is_refused(tool, tmp_path, digits_bundle, command):
    words = {"infer": (digits_bundle, SEVEN), "train": (DIGITS,)}.get(command, (DIGITS,))
    done = tool(command, *words, "--memory", "10kB")
    assert done.code == 4
    assert len(done.err) == 1
    assert "bytes of memory, more than the 10,000 that are allowed" in done.err[0]
    assert "--memory" in done.err[0]
    assert list(tmp_path.iterdir()) == []
    assert ("affine1" in done.out) == (command == "check")


def test_enough_is_enough(tool, digits_bundle):
    done = tool("infer", digits_bundle, SEVEN, "--memory", "1MB")
    assert (done.code, done.out) == (0, "7\n")


@pytest.mark.parametrize("command", ["train", "infer", "gradcheck", "check"])
def test_what_is_no_amount_is_a_wrong_option(tool, digits_bundle, command):
    done = tool(command, digits_bundle, "--memory", "much")
    assert done.code == 2
    assert "argument --memory: 'much' is no amount of memory: 2GB, 512MiB" in done.err[0]


def test_a_spec_whose_activations_no_machine_has(tool, write_spec, tmp_path):
    nodes = [{"id": "conv", "type": "Conv2D", "channels": 1000, "kernel": 1}]
    nodes += [{"id": "wide", "type": "Broadcast", "to": [500, 500, 1000]}]
    nodes += [{"id": f"n{i}", "type": "Sigmoid"} for i in range(1000)]
    nodes += [{"id": "mean", "type": "GlobalAvgPool2D"}, {"id": "a", "type": "Affine", "units": 10}]
    path = write_spec(
        inputs={"x": {"shape": [1, 1, 1]}},
        nodes=nodes,
        edges=[["x", *(node["id"] for node in nodes)]],
        outputs=None,
        labels=None,
        data={"source": "npz", "train": "none.npz"},
    )
    for command in ("train", "gradcheck"):
        done = tool(command, path, *["--random"] * (command == "gradcheck"))
        assert done.code == 4
        assert "more than the" in done.err[0]
    assert [p.name for p in tmp_path.iterdir()] == ["mine.json"]
