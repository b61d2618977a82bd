"""Layers that read sequences, as PyTorch's modules compute them."""

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
F = torch.nn.functional
Tensor = Any

ORDERS = {"Rnn": (0,), "Lstm": (0, 2, 3, 1), "Gru": (1, 0, 2)}
"""Where PyTorch's gates stand among graphnet's."""


def recurrent(kind: str, attributes: dict[str, Any]) -> Callable[..., Tensor]:
    """The module of that kind; of both directions, where x is read backwards: packed sequences are
    turned by their own length there alone."""

    def compute(
        x: Tensor,
        lengths: Tensor | None = None,
        *starts: Tensor,
        W: Tensor,
        U: Tensor,
        b: Tensor,
        bu: Tensor | None = None,
    ) -> Tensor:
        units, reverse = attributes["units"], attributes.get("reverse", False)
        made = {"Rnn": torch.nn.RNN, "Lstm": torch.nn.LSTM, "Gru": torch.nn.GRU}[kind]
        more = {"nonlinearity": attributes.get("activation", "tanh")} if kind == "Rnn" else {}
        module = made(x.shape[2], units, batch_first=True, bidirectional=reverse, **more).double()
        W, U, b = (torch.cat([a.split(units, -1)[i] for i in ORDERS[kind]], -1) for a in (W, U, b))
        arrays = {"weight_ih_l0": W.T, "weight_hh_l0": U.T, "bias_ih_l0": b}
        arrays["bias_hh_l0"] = torch.zeros_like(b)
        if bu is not None:
            arrays["bias_hh_l0"] = torch.cat([torch.zeros_like(b[units:]), bu])
        if reverse:
            arrays |= {f"{name}_reverse": array for name, array in arrays.items()}
        sides = 2 if reverse else 1
        begin = [s.expand(sides, *s.shape) for s in starts]
        if kind == "Lstm" and len(begin) == 1:
            begin.append(torch.zeros_like(begin[0]))
        given = None
        if begin:
            given = tuple(begin) if kind == "Lstm" else begin[0]
        packed = x
        if lengths is not None:
            packed = torch.nn.utils.rnn.pack_padded_sequence(
                x, lengths.clamp(min=1), batch_first=True, enforce_sorted=False
            )
        out, last = torch.func.functional_call(module, arrays, (packed, given))
        if lengths is not None:
            out, _ = torch.nn.utils.rnn.pad_packed_sequence(
                out, batch_first=True, total_length=x.shape[1]
            )
            out = out * (lengths > 0)[:, None, None]  # PyTorch packs no sequence of 0 steps
        if attributes.get("outputs") == "all":
            return out[..., -units:]
        last = (last[0] if kind == "Lstm" else last)[-1]
        if lengths is not None:
            start = starts[0] if starts else torch.zeros_like(last)
            last = torch.where((lengths > 0)[:, None], last, start)
        return last

    return compute


def gru(x: Tensor, lengths: Tensor, h0: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    """The form that PyTorch's module lacks: r multiplies h before U does."""
    h, units = h0, h0.shape[1]
    for t in range(x.shape[1]):
        of_x, gates = x[:, t] @ W + b, h @ U[:, : 2 * units]
        z, r = torch.sigmoid(of_x[:, : 2 * units] + gates).chunk(2, -1)
        n = torch.tanh(of_x[:, 2 * units :] + (r * h) @ U[:, 2 * units :])
        h = torch.where((lengths > t)[:, None], (1 - z) * n + z * h, h)
    return h


def attention(heads: int, *, causal: bool = False) -> Callable[..., Tensor]:
    """PyTorch's MultiheadAttention; of a position that sees nothing it makes NaN, where
    scaled_dot_product_attention gives 0, and so out is bo."""

    def compute(
        x: Tensor, source: Tensor | None = None, mask: Tensor | None = None, **params: Tensor
    ) -> Tensor:
        source = x if source is None else source
        units = params["Wo"].shape[0]
        b = [params.get(f"b{n}", torch.zeros(units, dtype=x.dtype)) for n in "qkvo"]
        hidden = torch.zeros(len(x), x.shape[1], source.shape[1], dtype=torch.bool)
        if causal:
            hidden |= torch.ones_like(hidden).triu(1)
        if mask is not None:
            hidden |= (mask == 0) if mask.ndim == 3 else (mask == 0)[:, None]
        every = hidden.all(-1, keepdim=True)
        out, _ = F.multi_head_attention_forward(
            *(a.swapaxes(0, 1) for a in (x, source, source)),
            units,
            heads,
            None,
            torch.cat(b[:3]),
            None,
            None,
            add_zero_attn=False,
            dropout_p=0.0,
            out_proj_weight=params["Wo"].T,
            out_proj_bias=b[3],
            attn_mask=(hidden & ~every).repeat_interleave(heads, 0),
            use_separate_proj_weight=True,
            **{f"{n}_proj_weight": params[f"W{n}"].T for n in "qkv"},
        )
        return torch.where(every, b[3], out.swapaxes(0, 1))

    return compute


def encoding(x: Tensor) -> Tensor:
    """Position by position, as the paper writes it."""
    P = torch.zeros(x.shape[1:], dtype=x.dtype)
    for t in range(P.shape[0]):
        for i in range(P.shape[1]):
            angle = torch.tensor(t / 10000 ** (i // 2 * 2 / P.shape[1]), dtype=x.dtype)
            P[t, i] = torch.cos(angle) if i % 2 else torch.sin(angle)
    return x + P


def row(kind: str, attributes: dict[str, Any], *shapes: tuple[int, ...]) -> tuple[Any, ...]:
    """A row of the table of test_pytorch: lengths up to the steps of x."""
    return kind, attributes, shapes, recurrent(kind, attributes), -2.0, False, shapes[0][0]


SEQUENCES = [
    *(
        row(kind, {"units": units, **attributes, **more}, (steps, size), *ports(units))
        for kind, more in (("Rnn", {}), ("Lstm", {}), ("Gru", {"linear_before_reset": True}))
        for units, steps, size, attributes, ports in (
            (5, 1, 3, {}, lambda units: ()),
            (32, 9, 4, {"outputs": "all"}, lambda units: ()),
            (4, 20, 2, {"reverse": True}, lambda units: ((),)),
            (3, 6, 4, {"reverse": True, "outputs": "all"}, lambda units: ((), (units,))),
            (6, 7, 1, {"outputs": "all"}, lambda units: ((), (units,))),
        )
    ),
    *(
        ("Gru", {"units": units}, shapes, gru, -2.0, False, shapes[0][0])
        for units, shapes in ((1, ((4, 2), (), (1,))), (32, ((9, 3), (), (32,))))
    ),
    row("Rnn", {"units": 4, "activation": "relu"}, (5, 3)),
    row("Rnn", {"units": 4, "activation": "relu", "outputs": "all"}, (17, 3), ()),
    row("Lstm", {"units": 4}, (5, 3), (), (4,), (4,)),
    row("Lstm", {"units": 4, "outputs": "all", "reverse": True}, (9, 3), (), (4,), (4,)),
    *(
        (
            "MultiHeadAttention",
            {"heads": heads, "units": 8, "causal": causal, "bias": bias},
            shapes,
            attention(heads, causal=causal),
        )
        for heads, causal, bias, shapes in (
            (2, False, True, ((5, 8),)),
            (8, True, True, ((66, 8),)),
            (1, False, False, ((5, 8), (7, 8))),
            (4, False, True, ((5, 8), (7, 8), (7,))),
            (2, True, True, ((6, 8), (6, 8), (6, 6))),
        )
    ),
    *(("PositionalEncoding", {}, (shape,), encoding) for shape in ((5, 8), (1, 3), (40, 7))),
    ("PositionalEncoding", {"learned": True}, ((5, 8),), lambda x, P: x + P),
]
