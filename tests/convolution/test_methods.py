"""All ways to compute a convolution give the sum over windows that is written down here."""

import numpy as np
import pytest

from graphnet.convolution.choice import method_for
from graphnet.convolution.columns import Columns, Point
from graphnet.convolution.lying import LyingColumns
from graphnet.convolution.method import Method, Size
from graphnet.convolution.window import inside, window, windows
from graphnet.convolution.winograd import Winograd

ONE = (1, 1)


def method(kind: type[Method], size: Size, dtype: str) -> Method:
    rooms = kind.rooms(size)
    memory = {name: np.zeros(shape, dtype) for name, shape in rooms.kept.items()}
    # What lay in scratch memory before must not matter.
    memory |= {name: np.full(shape, np.nan, dtype) for name, shape in rooms.scratch.items()}
    return kind(size, np.dtype(dtype), memory.__getitem__)


def written_down(size: Size, x, W, b):
    """out[n, i, j, m] = sum over the window of x * W + b, channels of the filter's group alone"""
    w, per = size.window, size.filters // size.groups
    padded = np.zeros((len(x), *w.padded, size.channels))
    inside(w, padded)[...] = x
    seen = windows(w, padded).reshape(len(x), *w.out, *w.kernel, size.groups, -1)
    out = np.empty((len(x), *w.out, size.filters))
    for m in range(size.filters):
        out[..., m] = np.einsum("nabijc,ijc->nab", seen[..., m // per, :], W[..., m]) + b[m]
    return out


CASES = [
    (Columns, (9, 7), 6, 4, (3, 2), (2, 1), (1, 2), (1, 1), 2),
    (Columns, (40, 40), 32, 3, (3, 3), ONE, ONE, "same", 1),  # more than a block: rows of a sample
    (LyingColumns, (9, 8), 2, 3, (3, 3), (1, 2), (2, 1), "same", 1),
    (LyingColumns, (90, 90), 1, 3, (5, 5), ONE, ONE, "valid", 1),
    (Point, (4, 3), 5, 2, ONE, ONE, ONE, "valid", 1),
    (Winograd, (8, 8), 3, 2, (3, 3), ONE, ONE, "same", 1),
    (Winograd, (7, 10), 3, 2, (3, 3), ONE, ONE, (2, 0, 1, 1), 1),
    (Winograd, (11, 9), 2, 3, (5, 5), ONE, ONE, 1, 1),
    (Winograd, (66, 66), 40, 24, (3, 3), ONE, ONE, "same", 1),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0].__name__}-{c[1]}-{c[4]}")
def test_forward_and_its_transpose(case, rng):
    kind, image, channels, filters, kernel, stride, dilation, padding, groups = case
    w = window(image, kernel, stride, dilation, padding)
    size = Size(w, channels, filters, groups)
    me = method(kind, size, "float64")
    for samples in (3, 1):  # a second, smaller batch finds what the first one left
        x, W = (
            rng.normal(size=(samples, *image, channels)),
            rng.normal(size=(*kernel, channels // groups, filters)),
        )
        b, dout = rng.normal(size=filters), rng.normal(size=(samples, *w.out, filters))
        out, dx, dW, db = np.empty_like(dout), np.empty_like(x), np.empty_like(W), np.empty_like(b)
        me.prepare(W, b)
        me.forward(x, W, b, out)
        np.testing.assert_allclose(out, written_down(size, x, W, b), rtol=1e-10, atol=1e-10)
        me.backward(x, W, dout, dW, db, dx)
        # The map is linear in x, W and b: the gradients are those of <dout, out>.
        zero = np.zeros_like(b)
        total = np.sum(dout * written_down(size, x, W, zero))
        assert np.sum(dW * W) == pytest.approx(total, rel=1e-9)
        assert np.sum(dx * x) == pytest.approx(total, rel=1e-9)
        other_x, other_W = rng.normal(size=x.shape), rng.normal(size=W.shape)
        assert np.sum(dx * other_x) == pytest.approx(
            np.sum(dout * written_down(size, other_x, W, zero)), rel=1e-8
        )
        assert np.sum(dW * other_W) == pytest.approx(
            np.sum(dout * written_down(size, x, other_W, zero)), rel=1e-8
        )
        np.testing.assert_allclose(db, dout.sum((0, 1, 2)), rtol=1e-10)
        again = np.empty_like(dx)
        me.spread(W, dout, again)
        np.testing.assert_allclose(again, dx, rtol=1e-12, atol=1e-12)
        again = np.empty_like(dW)
        me.spread_back(x, W, dout, again, None)
        np.testing.assert_allclose(again, dW, rtol=1e-12, atol=1e-12)
        without_bias = method(kind, size, "float64")
        without_bias.prepare(W, None)
        without_bias.spread_back(x, W, dout, again, out)
        np.testing.assert_allclose(out, written_down(size, x, W, zero), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("kernel", "channels"), [(3, 16), (3, 64), (3, 128), (5, 20), (5, 64)])
def test_winograds_error_in_float32_is_below_a_ten_thousandth(kernel, channels, rng):
    w = window((16, 16), (kernel, kernel), ONE, ONE, "same")
    size = Size(w, channels, channels, 1)
    x = rng.normal(size=(2, 16, 16, channels))
    W = rng.normal(size=(kernel, kernel, channels, channels))
    b, dout = np.zeros(channels), rng.normal(size=(2, 16, 16, channels))
    found = {}
    for dtype in ("float32", "float64"):
        me = method(Winograd, size, dtype)
        arrays = [a.astype(dtype) for a in (x, W, b, dout)]
        out, dx, dW, db = (np.empty_like(a) for a in (arrays[3], *arrays[:3]))
        me.prepare(arrays[1], arrays[2])
        me.forward(*arrays[:3], out)
        me.backward(arrays[0], arrays[1], arrays[3], dW, db, dx)
        found[dtype] = out, dW, dx
    for short, long in zip(found["float32"], found["float64"], strict=True):
        assert np.abs(short - long).max() < 1e-4 * np.abs(long).max()


def test_the_choice_is_by_shape():
    def chosen(image, channels, filters, kernel, stride=ONE, groups=1):
        w = window((image, image), (kernel, kernel), stride, ONE, "same")
        return method_for(Size(w, channels, filters, groups))

    assert chosen(32, 32, 32, 3) is Winograd
    assert chosen(12, 20, 50, 5) is Winograd
    assert chosen(32, 32, 32, 3, stride=(2, 2)) is Columns
    assert chosen(32, 32, 32, 3, groups=2) is Columns
    assert chosen(28, 1, 30, 5) is LyingColumns
    assert chosen(32, 3, 32, 3) is LyingColumns
    assert chosen(8, 64, 64, 1) is Point
    assert chosen(8, 64, 64, 7) is Columns
