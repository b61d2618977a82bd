"""Layers in which each position of a sequence takes from the others."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from graphnet.attending import attend, attend_back, samples_at_once
from graphnet.declaration import Dim, Shape
from graphnet.errors import ShapeError
from graphnet.initializers import InitializerField, Xavier, Zeros
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, Parameter, register
from graphnet.products import product


class _Projection(NamedTuple):
    """One product that gives some of q, k and v: of x, or of the source.

    letters: which, "qkv" where all come from x. W, b: theirs side by side. out: (N, T, columns).
    """

    port: str
    letters: str
    W: Array
    b: Array
    out: Array


@register
class MultiHeadAttention(Layer):
    """out = (o of all heads side by side) @ Wo + bo, where o = softmax(q @ k.T / sqrt(d)) @ v

    with q = x @ Wq + bq, and k and v alike from `source`; without an edge there, from x. Of these
    M numbers each head has d = M / heads. A position takes from those alone that the mask shows,
    and where `causal` from none behind it; one that may take from none has an o of 0.

    Shapes: x (N, T, D), source (N, S, C), mask (N, S) or (N, T, S) -> out (N, T, M); Wq (D, M);
    Wk, Wv (C, M); Wo (M, M); bq, bk, bv, bo (M,). A mask of whole numbers hides where it is 0, as
    False does in ONNX's Attention and PyTorch's scaled_dot_product_attention; the key_padding_mask
    of PyTorch's MultiheadAttention says the opposite, and its in_proj_weight is Wq, Wk and Wv, each
    transposed, one below the other.
    Errors: ShapeError unless x and source are (T, D), the mask fits them and heads divide M.
    Source: Vaswani et al., Attention Is All You Need, 2017, 3.2. With a the softmax and s what it
    takes: dv = a.T @ do, ds = a * (do @ v.T - sum(do * o)), dq = ds @ k / sqrt(d),
    dk = ds.T @ q / sqrt(d). And as in Affine dx = dq @ Wq.T, dsource = dk @ Wk.T + dv @ Wv.T,
    dWq = x.T @ dq, dWk = source.T @ dk, dWv = source.T @ dv, dWo = o.T @ dout, where do = dout @
    Wo.T, and dbq, dbk, dbv, dbo the sums of dq, dk, dv, dout.
    """

    class Spec(NodeSpec):
        optional: ClassVar[tuple[str, ...]] = ("source", "mask")
        integers: ClassVar[tuple[str, ...]] = ("mask",)
        skips_unwanted: ClassVar[bool] = True
        keeps: ClassVar[tuple[str, ...]] = ("x", "source", "qkv", "q", "kv", "weights", "mixed")
        undivided: ClassVar[bool] = True
        prepares: ClassVar[bool] = True
        type: Literal["MultiHeadAttention"]
        heads: Dim
        """How many heads share the units."""
        units: Dim
        """M, how many numbers a position has in all heads together, and how many come out."""
        causal: bool = False
        """Whether position t takes from positions 0 to t alone."""
        bias: bool = True
        """Whether there are bq, bk, bv and bo."""
        init: InitializerField = Xavier(type="Xavier")
        """How Wq, Wk, Wv and Wo start."""

        def infer_shape(self, x: Shape, source: Shape | None = None, mask: Shape = ()) -> Shape:
            if self.units % self.heads:
                raise ShapeError(f"{self.heads} heads cannot share {self.units} units evenly")
            source = x if source is None else source
            if len(x) != 2 or len(source) != 2:
                raise ShapeError("a sample must be (T, D), D numbers at each of T positions")
            if mask not in ((), (source[0],), (x[0], source[0])):
                raise ShapeError(f"a mask must be {(source[0],)} or {(x[0], source[0])}")
            return (x[0], self.units)

        def parameters(
            self, x: Shape, source: Shape | None = None, mask: Shape = ()
        ) -> dict[str, Parameter]:
            inner = (source or x)[1]
            sizes = {"q": x[1], "k": inner, "v": inner, "o": self.units}
            found = {f"W{n}": Parameter((size, self.units), self.init) for n, size in sizes.items()}
            if self.bias:
                found |= {f"b{n}": Parameter((self.units,), Zeros(type="Zeros")) for n in sizes}
            return found

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            units, (rows, _), columns = self.units, shapes[0], shapes[:2][-1][0]
            found = {
                **super().buffers(out, *shapes),
                "weights": Buffer((self.heads, columns, rows), trains=True),
                "mixed": Buffer((rows, units)),
                "dmixed": Buffer((rows, units), back=True),
                "shares": Buffer((rows, units), back=True),
            }
            at_once = samples_at_once(self.heads, rows, columns)
            for name in ("work", "spare"):
                found[name] = Buffer((at_once, self.heads, columns, rows), scratch=True)
            for letters, shape in self.letters(*shapes):
                width = len(letters) * units
                found[letters] = Buffer((shape[0], width))
                found[f"d{letters}"] = Buffer((shape[0], width), back=True)
                found[f"W{letters}"] = Buffer((shape[1], width), kept=True)
                found[f"b{letters}"] = Buffer((width,), kept=True)
                found[f"dW{letters}"] = Buffer((shape[1], width), scratch=True)
                found[f"db{letters}"] = Buffer((width,), scratch=True)
            if self.causal:
                found["behind"] = Buffer((columns, rows), kept=True)
            if len(shapes) == 3:
                found["hidden"] = Buffer(shapes[2])
            return found

        def letters(self, *shapes: Shape) -> list[tuple[str, Shape]]:
            """What each product gives, and the shape of a sample that it takes."""
            x, *more = shapes
            return [("q", x), ("kv", more[0])] if more else [("qkv", x)]

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            (rows, size), (columns, inner) = shapes[0], shapes[:2][-1]
            into = 2 * self.units * (rows * size + 2 * columns * inner)
            products = into + 2 * rows * self.units**2 + 4 * rows * columns * self.units
            elements = 6 * self.heads * rows * columns
            return Flops(products + elements, 2 * products + elements, dx=into)

    spec: Spec

    def __init__(self, spec: NodeSpec | None = None, **given: Any) -> None:
        super().__init__(spec, **given)
        names = ["Wq", "Wk", "Wv", "Wo"]
        self._require(*names, *["bq", "bk", "bv", "bo"] * self.spec.bias)

    def bind(self) -> None:
        assert self.shapes is not None
        ports = self.spec.ports_for(len(self.shapes))
        self.projections = [
            _Projection(port, letters, *(self.room(f"{of}{letters}") for of in ("W", "b", "")))
            for port, (letters, _) in zip(ports, self.spec.letters(*self.shapes), strict=False)
        ]
        self.q, self.k, self.v = self._by_head("")
        self.mixed = self._heads(self.room("mixed"))
        if self.spec.causal:
            behind = self.room("behind")
            behind[...] = np.tril(np.full(behind.shape, -np.inf), -1)
        if self.backs:
            self.dq, self.dk, self.dv = self._by_head("d")
            self.dmixed = self._heads(self.room("dmixed"))

    def prepare(self) -> None:
        units = self.spec.units
        for projection in self.projections:
            for i, letter in enumerate(projection.letters):
                columns = slice(i * units, (i + 1) * units)
                factor = self._scale if letter == "q" else 1.0
                np.multiply(self.params[f"W{letter}"], factor, out=projection.W[:, columns])
                if self.spec.bias:
                    np.multiply(self.params[f"b{letter}"], factor, out=projection.b[columns])

    def forward(self, x: Array, source: Array | None = None, mask: Array | None = None) -> Array:
        self.compute_alone(*(a for a in (x, source, mask) if a is not None))
        self.given = {"x": x, "source": source}
        for port, _, W, b, out in self.projections:
            given = self.given[port]
            assert given is not None
            self._add_bias(product(_rows(given), W, _rows(out)), b)
        weights = self.room("weights") if self.backs else None
        work, hiding = (self.room("work"), self.room("spare")), self._hiding(mask)
        attend(self.q, self.k, self.v, weights, self.mixed, work, hiding)
        out = self.room("out")
        product(_rows(self.room("mixed")), self.params["Wo"], _rows(out))
        self._add_bias(_rows(out), self.params.get("bo"))
        return out

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        mixed, dmixed, shares = self.room("mixed"), self.room("dmixed"), self.room("shares")
        rows, grads = _rows(dout), self.grads
        product(_rows(mixed).T, rows, grads["Wo"])
        if self.spec.bias:
            np.add.reduce(rows, axis=0, out=grads["bo"])
        product(rows, self.params["Wo"].T, _rows(dmixed))
        np.multiply(mixed, dmixed, out=shares)
        attend_back(
            self.q,
            self.k,
            self.v,
            self.room("weights"),
            self.dmixed,
            self._sums(shares),
            self.room("work"),
            self.dq,
            self.dk,
            self.dv,
        )
        return self._gradients()

    def _gradients(self) -> tuple[Array | None, ...]:
        """Those of the ports, and into `grads` those of what gave q, k and v."""
        assert self.shapes is not None
        units, found = self.spec.units, dict[str, Array]()
        ports = self.spec.ports_for(len(self.shapes))
        needs = dict(zip(ports, self.needs, strict=False))
        for port, letters, W, _, _ in self.projections:
            given, dout = self.given[port], _rows(self.room(f"d{letters}"))
            assert given is not None
            dW = product(_rows(given).T, dout, self.room(f"dW{letters}"))
            db = np.add.reduce(dout, axis=0, out=self.room(f"db{letters}"))
            for i, letter in enumerate(letters):
                columns = slice(i * units, (i + 1) * units)
                factor = self._scale if letter == "q" else 1.0
                np.multiply(dW[:, columns], factor, out=self.grads[f"W{letter}"])
                if self.spec.bias:
                    np.multiply(db[columns], factor, out=self.grads[f"b{letter}"])
            if needs[port]:
                found[port] = self.room(f"d{port}")
                product(dout, W.T, _rows(found[port]))
        return tuple(found.get(port) for port in ports)

    @property
    def weights(self) -> Array:
        """What each position took from each other one, (N, heads, T, S), after a `forward` that a
        `backward` may follow."""
        return self.room("weights").swapaxes(-1, -2)

    @property
    def _scale(self) -> float:
        """q comes out of its product divided already."""
        return 1 / math.sqrt(self.spec.units // self.spec.heads)

    def _hiding(self, mask: Array | None) -> list[Array]:
        """What is added to q @ k.T: -inf where nothing is to be seen."""
        found = [self.room("behind")[np.newaxis, np.newaxis]] if self.spec.causal else []
        if mask is not None:
            hidden = self.room("hidden")
            hidden.fill(0)
            np.copyto(hidden, -np.inf, where=mask == 0)
            by_row = hidden[:, :, np.newaxis] if mask.ndim == 2 else hidden.swapaxes(1, 2)
            found.append(by_row[:, np.newaxis])
        return found

    def _by_head(self, of: str) -> list[Array]:
        """q, k and v, or their gradients, as heads see them."""
        units = self.spec.units
        return [
            self._heads(self.room(f"{of}{letters}")[:, :, i * units : (i + 1) * units])
            for _, letters, *_ in self.projections
            for i in range(len(letters))
        ]

    def _heads(self, array: Array) -> Array:
        """(N, T, M) as (N, heads, T, d), a view."""
        samples, rows, units = array.shape
        heads = self.spec.heads
        return array.reshape(samples, rows, heads, units // heads).swapaxes(1, 2)

    def _sums(self, array: Array) -> Array:
        """(N, T, M) added up within each head, (N, heads, 1, T)."""
        by_head = self._heads(array)
        sums: Array = np.matmul(by_head, np.ones((by_head.shape[-1], 1), array.dtype))
        return sums.swapaxes(-1, -2)

    def _add_bias(self, rows: Array, b: Array | None) -> None:
        if self.spec.bias:
            assert b is not None
            np.add(rows, b, out=rows)


def _rows(x: Array) -> Array:
    """(N, T, D) with one row a position."""
    return x.reshape(-1, x.shape[-1])
