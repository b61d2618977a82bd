"""Commands run in the test's own folder, a trained model, and files for them to read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import DIGITS, Commands, Done


@pytest.fixture
def tool(tmp_path: Path) -> Commands:
    """Runs a command in tmp_path: tool("train", "digits.json", "--json")."""
    return Commands(tmp_path)


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """models/digits.json trained as it lies there: the bundle, and what the command said."""
    folder = tmp_path_factory.mktemp("digits")
    done = Commands(folder)("train", DIGITS)
    return folder / "digits.msgpack", done


@pytest.fixture(scope="session")
def digits_bundle(digits_run: tuple[Path, Done]) -> Path:
    """A fully trained digits model."""
    return digits_run[0]


@pytest.fixture
def write_spec(tmp_path: Path) -> Callable[..., Path]:
    """Write models/digits.json with `changes` to its top level as a file of tmp_path."""

    def write(file: str = "mine.json", **changes: Any) -> Path:
        values = {**json.loads(DIGITS.read_text()), "name": "mine", **changes}
        kept = {key: value for key, value in values.items() if value is not None}
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(kept))
        return path

    return write


@pytest.fixture
def write_idx() -> Callable[[Path, np.ndarray], None]:
    """Write an array of bytes as an IDX file."""

    def write(path: Path, array: np.ndarray) -> None:
        head = bytes([0, 0, 8, array.ndim])
        sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
        path.write_bytes(head + sizes + array.astype(np.uint8).tobytes())

    return write
