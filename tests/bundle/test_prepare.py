"""What was fitted to the training data, in a bundle: the same bytes again, and nothing unknown."""

import json
from dataclasses import replace

import pytest
from tables import ROWS, put

import graphnet as gn
from graphnet.bundle.model import contents_of, network_of
from graphnet.errors import BundleLimitError, InvalidBundleError

PREPARE = {
    "columns": {
        "x": {
            "colour": {"values": ["green", "red", "yellow"]},
            "weight": {"mean": 160.0, "std": 50.99019513592785},
        }
    },
    "labels": {"scores": ["apple", "melon"]},
    "table": {"unused": ["id", "kind"]},
}


@pytest.fixture
def trained(tmp_path):
    spec = gn.read_spec(put(tmp_path))
    net = gn.build(spec)
    list(gn.fit(net, gn.load_data(spec, tmp_path)))
    return net


def text(values) -> str:
    return json.dumps(values, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def test_saved_loaded_saved_gives_the_same_bytes(tmp_path, trained):
    gn.save(tmp_path / "one", trained)
    again = gn.load(tmp_path / "one")
    gn.save(tmp_path / "two", again)
    assert (tmp_path / "two").read_bytes() == (tmp_path / "one").read_bytes()
    assert again.prepare == trained.prepare
    assert again.labels("scores") == ("apple", "melon")
    assert contents_of(trained).prepare == text(PREPARE)


def test_copies_keep_it(trained):
    assert trained.astype("float32").prepare is trained.prepare
    assert trained.replica().labels("scores") == ("apple", "melon")


def test_texts_of_other_scripts(tmp_path):
    spec = gn.read_spec(put(tmp_path, ROWS.replace("red", "빨강 \U0001f34e")))
    net = gn.build(spec)
    net.prepare = gn.load_data(spec, tmp_path).prepare
    gn.save(tmp_path / "one", net)
    assert gn.load(tmp_path / "one").prepare == net.prepare


def test_a_network_that_was_never_trained_has_none(tmp_path):
    net = gn.build(gn.read_spec(put(tmp_path)))
    assert contents_of(net).prepare is None
    gn.save(tmp_path / "one", net)
    assert gn.load(tmp_path / "one").prepare is None


def changed(**changes):
    values = json.loads(json.dumps(PREPARE))
    for key, value in changes.items():
        holder = values
        *steps, last = key.split("__")
        for step in steps:
            holder = holder[step]
        if value is None:
            del holder[last]
        else:
            holder[last] = value
    return values


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (changed(more=1), "more: Extra inputs are not permitted"),
        (changed(columns=None), "columns: inputs ['x'] leave theirs open, found []"),
        (changed(columns__y={}), "columns: inputs ['x'] leave theirs open, found ['x', 'y']"),
        (changed(columns__x__weight=None), "columns.x: not the columns that the spec leaves open"),
        (changed(columns__x__more={"mean": 1.0}), "columns.x: not the columns that the spec"),
        (changed(columns__x__weight__mean=None), "columns.x.'weight': not what its type needs"),
        (changed(columns__x__weight__values=["a"]), "columns.x.'weight': not what its type needs"),
        (changed(columns__x__weight__std=0.0), "columns.x.weight.std: Input should be greater"),
        (changed(columns__x__weight__std="1"), "columns.x.weight.std: Input should be a valid"),
        (changed(columns__x__colour__values=["a", "a", "b"]), "columns.x.'colour': a value is"),
        (changed(columns__x__colour__values=["a", "b"]), "columns.x: [4] does not hold the"),
        (changed(columns__x__colour__values=[]), "columns.x.colour.values: Tuple should have at"),
        (changed(columns__x__colour__values=[1]), "columns.x.colour.values: Input should be"),
        (changed(labels__scores=["a"]), "labels.scores: not a name for each class of an output"),
        (changed(labels__scores=["a", "a"]), "labels.scores: not a name for each class"),
        (changed(labels={"x": ["a", "b"]}), "labels.x: not a name for each class of an output"),
        (changed(table=None), "table: it stands where an input has columns, and there alone"),
        (changed(table__delimiter="ab"), "table.delimiter: String should have at most 1"),
        (changed(table__delimiter=","), "'prepare' is not in its canonical form"),
        (changed(vocabulary={"x": ["a"]}), "vocabulary: inputs [] leave theirs open, found ['x']"),
        (changed(labels={}), "'prepare' is not in its canonical form"),
        (changed(columns__x__weight__mean=160), "'prepare' is not in its canonical form"),
    ],
)
def test_what_does_not_belong_to_the_spec_is_refused(trained, values, said):
    contents = replace(contents_of(trained), prepare=text(values))
    with pytest.raises(InvalidBundleError) as e:
        network_of(contents)
    assert str(e.value).removeprefix("'prepare': ").startswith(said)


@pytest.mark.parametrize(
    "prepare",
    [
        "",
        "[]",
        "{}",
        "{",
        "null",
        '{"labels": {}}',
        '{"columns":{"x":{"weight":{"mean":NaN,"std":1.0}}}}',
        "[" * 100_000,
        '{"a":1,"a":1}',
    ],
)
def test_texts_that_are_no_object_in_its_one_form(trained, prepare):
    with pytest.raises(InvalidBundleError):
        network_of(replace(contents_of(trained), prepare=prepare))


def test_labels_of_the_spec_leave_no_room_for_others(tmp_path):
    spec = gn.read_spec(put(tmp_path, labels=["apple", "melon"]))
    with pytest.raises(InvalidBundleError, match=r"labels\.scores: the spec has labels of its own"):
        network_of(replace(contents_of(gn.build(spec)), prepare=text(PREPARE)))


def test_more_than_a_bundle_holds_is_refused_before_training(tmp_path):
    rows = "".join(f"{i},{i},{'c' * 190}{i % 9999},{i % 2}\n" for i in range(30_000))
    columns = {f"colour{k}": "category" for k in range(3)}
    rows = "".join(
        f"{','.join(f'{k}{chr(99) * 180}{i % 9999:04}' for k in range(3))},{i % 2}\n"
        for i in range(9_999)
    )
    shape = [3 * 9_999]
    put(
        tmp_path,
        f"{','.join(columns)},kind\n{rows}",
        inputs__x={"shape": shape, "columns": columns},
        data__unused=None,
    )
    spec = gn.read_spec(tmp_path / "fruit.json")
    net = gn.build(spec)
    net.prepare = gn.load_data(spec, tmp_path).prepare
    with pytest.raises(BundleLimitError, match="prepare"):
        gn.save(tmp_path / "m", net)
