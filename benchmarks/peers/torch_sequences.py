"""PyTorch's modules for sequences, with graphnet's weights put into them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.sequences import waves


class Lstm(nn.LSTM):
    """The last h; of its two biases one is trained, as everybody else's."""

    def __init__(self, size: int, units: int) -> None:
        super().__init__(size, units, batch_first=True)
        self.bias_hh_l0.requires_grad_(False)

    def fill(self, tensor: str, array: np.ndarray) -> None:
        """Gates i, o, f, g become i, f, g, o."""
        place = {"W": self.weight_ih_l0, "U": self.weight_hh_l0, "b": self.bias_ih_l0}[tensor]
        place.copy_(turned(array))
        self.bias_hh_l0.zero_()

    def forward(self, x: Tensor) -> Tensor:
        out, _ = super().forward(x)
        return out[:, -1]


class LstmSteps(nn.Module):
    """The same step by step, for `torch.compile`: it refuses nn.LSTM."""

    def __init__(self, size: int, units: int) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.empty(size, 4 * units))
        self.U = nn.Parameter(torch.empty(units, 4 * units))
        self.b = nn.Parameter(torch.empty(4 * units))

    def fill(self, tensor: str, array: np.ndarray) -> None:
        """Gates as graphnet has them."""
        getattr(self, tensor).copy_(torch.from_numpy(array))

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(len(x), len(self.U))
        for of_x in (x @ self.W + self.b).unbind(1):
            i, o, f, g = (of_x + h @ self.U).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return h


def turned(array: np.ndarray) -> Tensor:
    """Columns for i, o, f, g as rows for i, f, g, o."""
    i, o, f, g = np.split(array, 4, -1)
    return torch.from_numpy(np.concatenate([i, f, g, o], -1).T.copy())


class Attention(nn.Module):
    """What nn.MultiheadAttention computes, batch first and without its checks."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.into = nn.Linear(size, 3 * size)
        self.out = nn.Linear(size, size)

    def fill(self, tensor: str, array: np.ndarray) -> None:
        """Wq, Wk and Wv lie one below the other."""
        step, size = (self.out, 0) if tensor[1] == "o" else (self.into, len(self.out.bias))
        start = "qkvo".index(tensor[1]) * size
        place = step.weight if tensor[0] == "W" else step.bias
        place[start : start + array.shape[-1]].copy_(torch.from_numpy(array.T.copy()))

    def forward(self, x: Tensor) -> Tensor:
        samples, positions, _ = x.shape
        parts = self.into(x).view(samples, positions, 3, self.heads, -1)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).reshape(x.shape))


class Encoding(nn.Module):
    """Sines and cosines, made once."""

    def __init__(self, positions: int, size: int) -> None:
        super().__init__()
        self.waves = torch.from_numpy(waves(positions, size))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.waves
