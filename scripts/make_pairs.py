"""Write the pairs of digits that models/two_inputs.json is trained on.

    python scripts/make_pairs.py           writes models/data/pairs.npz and pairs_test.npz
    python scripts/make_pairs.py --check   exits 1 where they differ from what it would write

Each pair is two of the digits inside the package, from the same part of them, and whether they show
the same digit: half of the pairs do. Source and licence: graphnet/data/digits/README.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

FOLDER = Path(__file__).resolve().parents[1] / "models" / "data"
sys.path.insert(0, str(FOLDER.parents[1]))

from graphnet.data.dataset import IMAGE, Split  # noqa: E402
from graphnet.data.digits import load_digits  # noqa: E402

Array = npt.NDArray[np.generic]
COUNTS = {"pairs.npz": 4000, "pairs_test.npz": 500}


def pairs(split: Split, count: int, rng: np.random.Generator) -> dict[str, Array]:
    """first and second: pictures (N, 8, 8) uint8; same: 1 where they show the same digit."""
    pictures, digits = split.inputs[IMAGE], np.asarray(split.targets)
    # Each picture comes first about as often as any other.
    first = rng.permutation(np.resize(rng.permutation(len(digits)), count))
    same = rng.permutation(np.arange(count) % 2)
    second = [
        rng.choice(
            np.flatnonzero(((digits == digits[i]) == wanted) & (np.arange(len(digits)) != i))
        )
        for i, wanted in zip(first, same.astype(bool), strict=True)
    ]
    return {
        "first": pictures[first],
        "second": pictures[second],
        "same": same.astype(np.uint8),
    }


def made() -> dict[str, dict[str, Array]]:
    """The arrays of each file."""
    data, rng = load_digits(), np.random.default_rng(0)
    assert data.test is not None
    parts = zip(COUNTS.items(), (data.train, data.test), strict=True)
    return {name: pairs(split, count, rng) for (name, count), split in parts}


def differs(path: Path, arrays: dict[str, Array]) -> bool:
    """Whether a file is not there or holds other arrays; its compression may differ."""
    if not path.is_file():
        return True
    with np.load(path, allow_pickle=False) as found:
        if sorted(found) != sorted(arrays):
            return True
        return any(
            found[n].dtype != a.dtype or not np.array_equal(found[n], a) for n, a in arrays.items()
        )


def main() -> int:
    """Write or check the files; 0 where all is well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    if not parser.parse_args().check:
        for name, arrays in made().items():
            np.savez_compressed(FOLDER / name, **arrays)
            print(f"{name}: {(FOLDER / name).stat().st_size} bytes")
        return 0
    wrong = [name for name, arrays in made().items() if differs(FOLDER / name, arrays)]
    for name in wrong:
        print(f"{name}: differs or is missing; run scripts/make_pairs.py", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
