"""The sources `npz` and `npy`: arrays by name, and files that are broken or hostile."""

import io
import json
import zipfile
import zlib

import numpy as np
import pytest

import graphnet as gn
from graphnet.errors import DatasetError, GraphnetError
from graphnet.prepare.arrays import read_npy, read_npz

SPEC = {
    "format": 1,
    "name": "arrays",
    "dtype": "float32",
    "inputs": {"x": {"shape": [3]}, "y": {"shape": [2]}},
    "nodes": [
        {"id": "a", "type": "Affine", "units": 3},
        {"id": "b", "type": "Affine", "units": 3},
        {"id": "scores", "type": "Add"},
    ],
    "edges": [["x", "a", "scores"], ["y", "b", "scores"]],
    "loss": {"type": "SoftmaxWithLoss"},
    "train": {"epochs": 1, "batch_size": 2},
}


def spec_of(data=None, **changes):
    data = data or {"source": "npz", "train": "train.npz"}
    return gn.parse_spec(json.dumps({**SPEC, "data": data, **changes}))


@pytest.fixture
def arrays(rng):
    return {
        "x": rng.normal(size=(20, 3)),
        "y": rng.normal(size=(20, 2)).astype(np.float16),
        "t": np.arange(20, dtype=np.uint8) % 3,
    }


def loaded(folder, arrays, data=None, **changes):
    np.savez_compressed(folder / "train.npz", **arrays)
    return gn.load_data(spec_of(data, **changes), folder)


def refused(folder, arrays, data=None, **changes) -> str:
    with pytest.raises(DatasetError) as e:
        loaded(folder, arrays, data, **changes)
    return str(e.value).replace(f"{folder}/", "").replace(f"{folder}\\", "")


def test_arrays_by_name(tmp_path, arrays):
    data = loaded(tmp_path, arrays)
    for name in ("x", "y"):
        np.testing.assert_array_equal(data.train.inputs[name], arrays[name])
    assert data.train.targets.tolist() == arrays["t"].tolist()
    net = gn.build(spec_of())
    assert len(list(gn.fit(net, data))) == 1


def test_npy_files_by_name(tmp_path, arrays):
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}_.npy", array)
    files = {name: f"{name}_.npy" for name in arrays}
    source = {"source": "npy", "train": files, "test": files}
    data = gn.load_data(spec_of(source), tmp_path)
    np.testing.assert_array_equal(data.test.inputs["x"], arrays["x"])
    for wrong, said in (
        ({"x": "x_.npy", "t": "t_.npy"}, "data: no file is named for 'y'; x, y, t are needed"),
        ({**files, "z": "x_.npy"}, "data: 'z' is neither an input nor a target: leave it out"),
        ({**files, "x": "no.npy"}, f"{tmp_path / 'no.npy'}: no such file: name a .npy file"),
        ({**files, "x": "x.npy"}, f"{tmp_path / 'x.npy'}: no such file; did you mean 'x_.npy'?"),
    ):
        with pytest.raises(DatasetError) as e:
            gn.load_data(spec_of({"source": "npy", "train": wrong}), tmp_path)
        assert str(e.value) == said


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<f2", ">i4", "<u8", "|i1", "|b1", "<U7"])
def test_every_order_of_bytes_and_axes(tmp_path, dtype, order):
    array = np.asarray((np.arange(24).reshape(2, 3, 4) % 2).astype(dtype), order=order)
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", a=array)
    found = read_npy(tmp_path / "a.npy")
    assert found.dtype == array.dtype.newbyteorder("=")
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, array)
    with open(tmp_path / "a.npz", "rb") as file:
        np.testing.assert_array_equal(read_npz(file, "a.npz", ["a"])["a"], array)


def test_labels_as_texts(tmp_path, arrays):
    arrays["t"] = np.array(["no", "yes", "maybe"])[arrays["t"]]
    data = loaded(tmp_path, arrays)
    assert data.prepare.labels == {"scores": ("maybe", "no", "yes")}
    assert data.train.targets.tolist()[:3] == [1, 2, 0]
    said = refused(tmp_path, arrays, labels=["maybe", "yes", "never"])
    assert said.splitlines()[0] == (
        "train.npz: array 't', sample 0: 'no' is no label; they are 'maybe', 'yes', 'never'"
    )


def test_a_share_is_held_out(tmp_path, arrays):
    source = {"source": "npz", "train": "train.npz", "test_share": 0.3}
    data = loaded(tmp_path, arrays, source)
    assert np.bincount(data.test.targets).tolist() == [2, 2, 2]
    rows = {tuple(row) for row in arrays["x"]}
    both = [*data.train.inputs["x"], *data.test.inputs["x"]]
    assert {tuple(row) for row in both} == rows


def test_several_targets(tmp_path, arrays, rng):
    arrays["price"] = rng.normal(size=(20, 3))
    losses = [
        {"type": "SoftmaxWithLoss", "on": "scores", "target": "t"},
        {"type": "MeanSquaredError", "on": "a", "target": "price"},
    ]
    data = loaded(tmp_path, arrays, loss=None, losses=losses)
    assert set(data.train.targets) == {"t", "price"}


def test_pictures_as_bytes(tmp_path, rng):
    pixels = rng.integers(0, 256, (5, 2, 2), np.uint8)
    image = {"shape": [4], "image": {"size": [2, 2]}}
    simple = {
        "inputs": {"x": image},
        "nodes": [{"id": "scores", "type": "Affine", "units": 3}],
        "edges": [["x", "scores"]],
    }
    data = loaded(tmp_path, {"x": pixels, "t": np.arange(5) % 3}, **simple)
    assert data.train.inputs["x"].dtype == np.uint8
    # Beside another input they become numbers at once.
    both = {"x": image, "y": {"shape": [2]}}
    arrays = {"x": pixels, "y": np.zeros((5, 2)), "t": np.arange(5) % 3}
    data = loaded(tmp_path, arrays, inputs=both)
    np.testing.assert_array_equal(
        data.train.inputs["x"], pixels.reshape(5, 4).astype(np.float32) * np.float32(1 / 255)
    )
    list(gn.fit(gn.build(spec_of(inputs=both)), data))
    said = refused(tmp_path, {"x": pixels[:, :1], "t": np.arange(5) % 3}, **simple)
    assert said == (
        "train.npz: array 'x': pictures of shape (N, 2, 2, 1) or (N, 2, 2) are expected, found "
        "(5, 1, 2)"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y": None}, "train.npz: no array 'y' is in it; there are 'x', 't'"),
        ({"y": None, "Y": np.zeros(3)}, "train.npz: no array 'y' is in it; did you mean 'Y'?"),
        ({"z": np.zeros(3)}, "train.npz: array 'z' is neither an input nor a target: leave it out"),
        (
            {"x": np.zeros((19, 3))},
            "train.npz: array 'y' has 20 samples, but 'x' has 19",
        ),
        ({"x": np.float64(1)}, "train.npz: array 'x' is a single number: samples are expected"),
        (
            {"x": np.zeros((20, 4))},
            "train.npz: array 'x': shape (N, 3) is expected, found (20, 4)",
        ),
        (
            {"x": np.full((20, 3), "a")},
            "train.npz: array 'x': numbers are expected, found <U1",
        ),
        (
            {"x": np.full((20, 3), None)},
            "train.npz: array 'x' is of Python objects, which only a pickle holds: save numbers",
        ),
        ({"x": np.full((20, 3), 1j)}, "train.npz: array 'x' is of '<c16': save numbers"),
        (
            {"x": np.zeros(20, [("a", "<f4"), ("b", "<f4")])},
            "train.npz: array 'x' is of \"[('a', '<f4'), ('b', '<f4')]\": save numbers",
        ),
        ({"x": np.zeros((0, 3))}, "train.npz: array 'x' has shape (0, 3): one without a 0"),
        (
            {"x": np.where(np.arange(60).reshape(20, 3) == 37, np.nan, 1)},
            "train.npz: array 'x', sample 12: nan is no finite float32",
        ),
        (
            {"x": np.full((20, 3), 1e39)},
            "train.npz: array 'x', sample 0: 1e+39 is no finite float32",
        ),
        (
            {"t": np.arange(20) - 1},
            "train.npz: array 't', sample 0: -1 is no class: they go from 0 to 2",
        ),
        (
            {"t": np.arange(20)},
            "train.npz: array 't', sample 3: 3 is no class: they go from 0 to 2",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path, arrays, change, said):
    arrays = {name: array for name, array in {**arrays, **change}.items() if array is not None}
    found = refused(tmp_path, arrays)
    assert found.startswith(said)
    assert len(found) <= 500


def test_unused_arrays(tmp_path, arrays):
    source = {"source": "npz", "train": "train.npz", "unused": ["z"]}
    loaded(tmp_path, {**arrays, "z": np.zeros(3)}, source)


def test_whole_numbers_take_no_others(tmp_path):
    inputs = {"x": {"shape": [2], "dtype": "int64"}}
    nodes = [
        {"id": "rows", "type": "Embedding", "vocabulary": 5, "units": 2},
        {"id": "flat", "type": "Flatten"},
        {"id": "scores", "type": "Affine", "units": 3},
    ]
    graph = {"inputs": inputs, "nodes": nodes, "edges": [["x", "rows", "flat", "scores"]]}
    said = refused(tmp_path, {"x": np.zeros((3, 2)), "t": np.arange(3)}, **graph)
    assert said == "train.npz: array 'x': whole numbers are expected, found float64"


def npy(array) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array))
    return file.getvalue()


def header(text: str, version: bytes = b"\1\0") -> bytes:
    data = text.encode() + b"\n"
    size = 2 if version == b"\1\0" else 4
    return b"\x93NUMPY" + version + len(data).to_bytes(size, "little") + data


GOOD = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is no .npy file (it starts with b'')"),
        (b"PK\3\4 something", "is no .npy file (it starts with b'PK"),
        (b"\x93NUMPY\3\0\0\0\0\0", "is of .npy version [3, 0]: 1.0 and 2.0 are read"),
        (b"\x93NUMPY\2\0\xff\xff\xff\xff", "has a header of 4,294,967,295 bytes"),
        (header(GOOD) + b"1234567", "holds 2 float32, 8 bytes, but 7 are there: save it again"),
        (header(GOOD) + b"123456789", "holds 2 float32, 8 bytes, but 9 are there"),
        (
            header(GOOD.replace("(2,)", f"({'9' * 18}, {'9' * 18})")) + b"12345678",
            "holds 999999999999999999x999999999999999999 float32",
        ),
        (header(GOOD.replace("<f4", "|O")) + b"\x80\4.", "is of Python objects, which only a pick"),
        (header(GOOD.replace("<f4", "V8")) + b"12345678", "is of 'V8': save numbers"),
        (header(GOOD.replace("'<f4'", "[('a', '<f4')]")), 'is of "[('),
        (header(GOOD.replace("False", "0")), "has a header that cannot be read"),
        (header("__import__('os').system('true')"), "has a header that cannot be read"),
        (header("(" * 9000), "has a header that cannot be read"),
        (header(GOOD.replace("}", "'more': 1}")), "has a header that cannot be read"),
        (header(GOOD.replace("(2,)", "(-2,)")), "has a header that cannot be read"),
        (header(GOOD.replace("(2,)", "True")), "has a header that cannot be read"),
    ],
)
def test_npy_files_that_are_none(tmp_path, data, said):
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(DatasetError) as e:
        read_npy(tmp_path / "a.npy")
    assert str(e.value).removeprefix(f"{tmp_path / 'a.npy'} ").startswith(said)


def archive(**members) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in members.items():
            out.writestr(name.replace("_npy", ".npy"), data)
    return file.getvalue()


def test_an_archive_that_unpacks_to_far_more(tmp_path):
    huge = header(GOOD.replace("(2,)", f"({2**27},)")) + bytes(2**29)
    data = archive(a_npy=huge)
    assert len(data) < 2**20
    with pytest.raises(DatasetError, match=r"takes 536,870,9\d\d bytes, but 268,9"):
        read_npz(io.BytesIO(data), "a.npz", ["a"])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is no whole .npz file: File is not a zip file"),
        (npy(np.zeros(3)), "is no whole .npz file: File is not a zip file"),
        (archive(a_txt="x"), "'a_txt' in it is no array (NAME.npy)"),
        (archive(a_npy=b"\x93NUMPY"), "a.npz: array 'a' is of .npy version []"),
        (archive(a_npy=npy([1.0])[:-1]), "array 'a' holds 1 float64, 8 bytes, but 7 are there"),
    ],
)
def test_archives_that_are_none(data, said):
    with pytest.raises(DatasetError) as e:
        read_npz(io.BytesIO(data), "a.npz", ["a"])
    assert said in str(e.value)


def test_any_changed_byte_is_an_error_or_changes_nothing(rng):
    data = archive(a_npy=npy(np.arange(50.0)), b_npy=npy(np.arange(7)))
    expected = read_npz(io.BytesIO(data), "a.npz", ["a", "b"])
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= int(rng.integers(1, 256))
        try:
            found = read_npz(io.BytesIO(bytes(broken)), "a.npz", ["a", "b"])
        except GraphnetError:
            continue
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name], array)


def test_a_member_that_lies_about_its_checksum():
    data = bytearray(archive(a_npy=npy(np.arange(3.0))))
    crc = zlib.crc32(npy(np.arange(3.0))).to_bytes(4, "little")
    for at in (data.find(crc), data.rfind(crc)):
        data[at] ^= 1
    with pytest.raises(DatasetError, match="Bad CRC-32"):
        read_npz(io.BytesIO(bytes(data)), "a.npz", ["a"])
