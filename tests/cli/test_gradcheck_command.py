"""`gradcheck` as a process: the book's table, and exit 1 for a gradient that is wrong."""

import subprocess
import sys

import pytest
from processes import DIGITS, ROOT

PARAMETERS = ["affine1/W", "affine1/b", "affine2/W", "affine2/b"]
WRONG_SIGN = """
import sys
import numpy as np
from graphnet.cli.gradcheck import main
from graphnet.layers.linear import Affine

right = Affine.backward

def wrong(self, dout):
    dx = right(self, dout)
    if self.spec.id == "affine2":
        np.negative(self.db, out=self.db)
    return dx

Affine.backward = wrong
sys.exit(main())
"""


def rows(out: str) -> dict[str, tuple[float, float]]:
    """parameter -> (mean absolute difference, relative error)"""
    head, *lines = out.splitlines()
    assert head.split("  ")[0] == "parameter"
    assert head.endswith("mean |difference|  relative error")
    table = [line.split() for line in lines]
    return {name: (float(difference), float(error)) for name, difference, error in table}


def test_digits_gives_a_row_for_each_parameter(tool):
    done = tool("gradcheck", DIGITS)
    assert (done.code, done.err) == (0, [])
    found = rows(done.out)
    assert list(found) == PARAMETERS
    for difference, error in found.values():
        assert 0 < difference < 1e-9
        assert error < 1e-6


def test_a_spec_without_data_is_checked_on_seeded_random_samples(tool, write_spec):
    write_spec(data=None, train=None)
    first = tool("gradcheck", "mine.json", "--samples", "2")
    assert (first.code, list(rows(first.out))) == (0, PARAMETERS)
    assert tool("gradcheck", "mine.json", "--samples", "2") == first
    assert tool("gradcheck", "mine.json", "--samples", "4").out != first.out


def test_random_samples_on_demand_need_no_data_set(tool, write_spec):
    spec = write_spec(data={"source": "idx", "train_images": "no", "train_labels": "no"})
    assert tool("gradcheck", spec).code == 3
    done = tool("gradcheck", spec, "--random")
    assert (done.code, list(rows(done.out))) == (0, PARAMETERS)


def test_a_wrong_sign_is_caught_and_named(tmp_path, tool):
    runner = tmp_path / "runner.py"
    runner.write_text(WRONG_SIGN)
    done = subprocess.run(
        [sys.executable, runner, DIGITS], capture_output=True, text=True, env=tool.environment()
    )
    assert done.returncode == 1
    found = rows(done.stdout)
    assert found["affine2/b"][1] == pytest.approx(1)
    assert all(found[name][1] < 1e-6 for name in PARAMETERS[:3])
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{DIGITS}: the gradient of 'affine2/b' is wrong: ")


def test_mnist_two_layer_on_three_images(tool, mnist_dir):
    spec = ROOT / "models" / "mnist_two_layer.json"
    done = tool("gradcheck", spec, "--data-dir", mnist_dir)
    assert (done.code, done.err) == (0, [])
    found = rows(done.out)
    assert list(found) == PARAMETERS
    assert max(difference for difference, _ in found.values()) < 1e-9


@pytest.mark.parametrize(
    ("spec", "code", "said"),
    [
        (ROOT / "models" / "apple.json", 2, "there is no 'loss' or no parameter"),
        ("no.json", 2, "no.json: cannot be read: No such file or directory"),
    ],
)
def test_a_spec_that_has_no_gradients(tool, spec, code, said):
    done = tool("gradcheck", spec)
    assert (done.code, done.out, len(done.err)) == (code, "", 1)
    assert said in done.err[0]


def test_a_bundle_in_place_of_the_spec(tool, digits_bundle):
    said = [f"{digits_bundle}: is a bundle; gradcheck takes a spec (.json)"]
    assert tool("gradcheck", digits_bundle) == (2, "", said)


def test_no_samples(tool):
    done = tool("gradcheck", DIGITS, "--samples", "0")
    assert (done.code, done.out) == (2, "")
    assert done.err[-1].endswith(
        "argument --samples: '0' is no number from 1 to 1000 (--help says more)"
    )


def test_balanced_class_weights_follow_from_the_samples_that_are_checked(tool, write_spec):
    loss = {"type": "SoftmaxWithLoss", "class_weights": "balanced"}
    for options in ([], ["--random"]):
        done = tool("gradcheck", write_spec(loss=loss), *options)
        assert (done.code, done.err) == (0, [])
