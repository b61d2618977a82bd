"""models/mnist_two_layer.json in PyTorch: a JSON line with both accuracies after each epoch.

    python train_torch.py FOLDER EPOCHS SEED

Eager and on all threads, the fastest way in so short a process: the whole set becomes float32
once, and the update is the leanest that PyTorch has.
"""

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def read(folder: Path, name: str, header: int) -> np.ndarray:
    """The bytes of an IDX file, plain or compressed, after its header."""
    path = folder / name
    if path.exists():
        data = path.read_bytes()
    else:
        data = gzip.decompress(path.with_name(f"{name}.gz").read_bytes())
    return np.frombuffer(data, np.uint8, offset=header).copy()


def part(folder: Path, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures as numbers from 0 to 1, (N, 784), and classes (N,)."""
    x = torch.from_numpy(read(folder, f"{name}-images-idx3-ubyte", 16)).reshape(-1, 784)
    t = torch.from_numpy(read(folder, f"{name}-labels-idx1-ubyte", 8))
    return x.float().mul_(1 / 255), t.long()


def accuracy(net: nn.Module, x: torch.Tensor, t: torch.Tensor) -> float:
    with torch.inference_mode():
        return (net(x).argmax(1) == t).float().mean().item()


def main() -> None:
    folder, epochs, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    torch.manual_seed(seed)
    x, t = part(folder, "train")
    x_test, t_test = part(folder, "t10k")
    net = nn.Sequential(nn.Linear(784, 50), nn.ReLU(), nn.Linear(50, 10))
    for layer in (net[0], net[2]):
        nn.init.normal_(layer.weight, 0, 0.01)
        nn.init.zeros_(layer.bias)
    params = list(net.parameters())
    for epoch in range(1, epochs + 1):
        for rows in torch.randperm(len(t)).split(100):
            loss = functional.cross_entropy(net(x.index_select(0, rows)), t.index_select(0, rows))
            grads = torch.autograd.grad(loss, params)
            with torch.no_grad():
                torch._foreach_add_(params, grads, alpha=-0.1)
        found = {
            "epoch": epoch,
            "train_accuracy": accuracy(net, x, t),
            "test_accuracy": accuracy(net, x_test, t_test),
        }
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
