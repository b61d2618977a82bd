"""A small bundle, and the means to forge it."""

import zlib
from pathlib import Path

import msgpack
import numpy as np
import pytest
from hypothesis import strategies as st

from graphnet.bundle import format as fmt
from graphnet.bundle import reader, writer
from graphnet.bundle.format import Contents, Preamble, Tensor

ROOT = Path(__file__).parents[2]


SMALL = Contents(
    spec='{"name": "\u00e4"}',
    train="[]",
    meta={"a": "1", "b": "2"},
    tensors={
        "a/W": Tensor("param", np.arange(6, dtype=np.float32).reshape(2, 3)),
        "a/mean": Tensor("state", np.array(7, np.int64)),
    },
)


DATA = writer.encode(SMALL)


HEADER = DATA[64 : 64 + int.from_bytes(DATA[20:24], "big")]


REST = DATA[64 + len(HEADER) :]


def header_of(data):
    return msgpack.unpackb(data)[3]


def forge(header, n_elements=4, rest=REST):
    """A bundle of this header (packed, or bytes as they are) with all checksums made right."""
    packed = header if isinstance(header, bytes) else msgpack.packb(header)
    length = 64 + len(packed) + len(rest)
    preamble = Preamble(len(packed), zlib.crc32(packed), length, n_elements)
    return fmt.encode_preamble(preamble) + packed + rest


def refused(data, error, says=""):
    with pytest.raises(error) as caught:
        reader.decode(data)
    assert type(caught.value) is error
    assert str(caught.value).startswith("bundle: ")
    assert says in str(caught.value)


def same(one, other):
    assert (one.spec, one.prepare, one.train) == (other.spec, other.prepare, other.train)
    assert one.meta == other.meta
    assert sorted(one.tensors) == list(other.tensors)
    for name, tensor in other.tensors.items():
        assert tensor.role == one.tensors[name].role
        assert tensor.array.dtype == one.tensors[name].array.dtype
        assert tensor.array.shape == one.tensors[name].array.shape
        assert tensor.array.tobytes() == one.tensors[name].array.tobytes()


words = st.text(max_size=50)


def changed(**changes):
    header = header_of(DATA)
    header.update(changes)
    return forge(header)


def changed_row(**changes):
    header = header_of(DATA)
    header["tensors"][0].update(changes)
    return forge(header)
