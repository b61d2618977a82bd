"""What a server says is what `infer` says, of pictures, pixels, rows, texts and numbers."""

import base64
import json

import numpy as np
import pytest
from asking import EXAMPLES, JPEG, JSON, PNG, ROOT, Ask, ask, digits, get, png, said_by, service_of

import graphnet as gn
from graphnet.cli.infer import main as infer
from graphnet.serving.fields import NO_INK

FILES = ["nine.png", "seven_on_paper.png", "zero_transparent.png", "four_in_blue.jpg"]


def posted(name: str) -> Ask:
    media = JPEG if name.endswith("jpg") else PNG
    return Ask("/predict", (EXAMPLES / name).read_bytes(), media)


@pytest.fixture
def infer_says(tmp_path, capsys):
    """What `infer --json` prints, without the place of each sample."""

    def say(net, *files):
        gn.save(tmp_path / "m.msgpack", net)
        assert infer([str(tmp_path / "m.msgpack"), *map(str, files), "--json"]) == 0
        lines = map(json.loads, capsys.readouterr().out.splitlines())
        return [
            {k: v for k, v in one.items() if k not in ("image", "file", "row")} for one in lines
        ]

    return say


def trained(name):
    """A network whose columns or vocabulary are those of its data."""
    spec = gn.read_spec(ROOT / "models" / f"{name}.json")
    net = gn.build(spec, seed=0)
    net.prepare = gn.load_data(spec, ROOT / "models").prepare
    return net


def test_pictures_have_the_very_scores_of_infer_alone_and_together(infer_says):
    net = digits()
    expected = [infer_says(net, EXAMPLES / name)[0] for name in FILES]
    for count in (1, 9):
        answers = ask(service_of(net, batch=64), *[posted(name) for name in FILES] * count)
        assert [answer.json() for answer in answers] == expected * count


def test_small_pictures_of_the_right_size_are_those_of_infer_too(infer_says, tmp_path, rng):
    net = digits()
    pictures = [png(rng.integers(0, 256, (8, 8))) for _ in range(5)]
    pictures += [png(rng.integers(0, 256, (8, 8, 3))), png(rng.integers(0, 256, (9, 8)))]
    expected = []
    for i, data in enumerate(pictures):
        (tmp_path / f"{i}.png").write_bytes(data)
        expected += infer_says(net, tmp_path / f"{i}.png")
    answers = ask(service_of(net), *(Ask("/predict", data, PNG) for data in pictures))
    assert [answer.json() for answer in answers] == expected


def test_pixels_and_base64_say_the_same_as_the_picture(rng):
    pixels = rng.integers(0, 256, (8, 8))
    encoded = base64.b64encode(png(pixels)).decode()
    ways = [pixels.tolist(), pixels[:, :, np.newaxis].tolist(), (pixels * 1.0).tolist(), encoded]
    asks = [Ask(body=json.dumps({"x": way}).encode()) for way in ways]
    answers = ask(service_of(digits()), Ask("/predict", png(pixels), PNG), *asks)
    assert len({answer.text for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {200}


def test_several_samples_are_answered_in_their_order(rng):
    net = digits()
    pixels = rng.integers(0, 256, (3, 8, 8))
    code, found = said_by(net, {"x": pixels.tolist()})
    image = net.spec.inputs["x"]
    prepare = gn.ImagePreparation(image.image, image.shape)
    expected = net.predict(prepare.numbers(prepare.orient(pixels.astype(np.uint8))))
    assert code == 200
    scores = [np.array(one["scores"], np.float32) for one in found["answers"]]
    np.testing.assert_array_equal(scores, expected)
    assert [one["index"] for one in found["answers"]] == expected.argmax(1).tolist()


def test_a_row_of_a_table_is_answered_as_its_line_in_a_file(infer_says):
    net = trained("iris")
    path = ROOT / "models" / "data" / "iris.csv"
    header, *lines = path.read_text().splitlines()
    expected = infer_says(net, path)
    names = header.split(",")
    rows = [dict(zip(names, line.split(","), strict=True)) for line in lines]
    bodies = [{k: v if k == "species" else float(v) for k, v in row.items()} for row in rows[:20]]
    columns = {name: [row[name] for row in bodies] for name in names}
    assert said_by(net, bodies[3])[0] == 200
    code, found = said_by(net, columns)
    assert code == 200
    # Twenty rows are another batch than all: the last digits may differ.
    assert [one["label"] for one in found["answers"]] == [one["label"] for one in expected[:20]]


def test_texts_are_answered_with_the_next_character(infer_says, tmp_path):
    net = trained("char_lstm")
    (tmp_path / "lines.txt").write_text("3 march\n12 may 1999\n")
    expected = infer_says(net, tmp_path / "lines.txt")
    code, found = said_by(net, {"x": ["3 march", "12 may 1999"]})
    assert (code, found) == (200, {"answers": expected})
    code, found = said_by(net, {"x": "3 march"}, "/predict?top=9999&probabilities=true")
    assert code == 200
    assert "<padding>" not in {one["label"] for one in found["top"]}


def test_two_pictures_of_one_sample_come_as_json(rng):
    net = gn.build(gn.read_spec(ROOT / "models" / "two_inputs.json"), seed=0)
    first, second = net.spec.inputs
    size = net.spec.inputs[first].image.size
    pixels = rng.integers(0, 256, size)
    encoded = base64.b64encode(png(pixels)).decode()
    one = said_by(net, {first: pixels.tolist(), second: encoded})
    assert one[0] == 200
    assert one == said_by(net, {first: encoded, second: pixels.tolist()})
    code, found = said_by(net, {first: [encoded, encoded], second: pixels.tolist()})
    assert (code, found["error"]) == (
        422,
        f"inputs must have equally many samples: '{first}' 2, '{second}' one",
    )


def test_numbers_several_outputs_and_inputs_with_values(network):
    nodes = [
        {"id": "kind", "type": "Affine", "units": 3},
        {"id": "price", "type": "Affine", "units": 1},
    ]
    inputs = {"x": {"shape": [2]}, "y": {"shape": [], "value": 2.0}}
    edges = [["x", "kind"], ["x", "price", "scaled"], ["y", "spread", "scaled"]]
    nodes += [{"id": "spread", "type": "Reshape", "to": [1]}, {"id": "scaled", "type": "Mul"}]
    losses = [
        {"type": "SoftmaxWithLoss", "on": "kind", "target": "k"},
        {"type": "MeanSquaredError", "on": "scaled", "target": "p"},
    ]
    net = network(
        [{**n} for n in nodes], edges, inputs=inputs, outputs=["kind", "scaled"], losses=losses
    )
    code, found = said_by(net, {"x": [1.5, -2]})
    assert code == 200
    scores = net.predict({"x": np.array([[1.5, -2.0]])})
    assert found["outputs"]["scaled"] == {"values": scores["scaled"][0].tolist()}
    assert found["outputs"]["kind"]["scores"] == scores["kind"][0].tolist()
    assert said_by(net, {"x": [1.5, -2], "y": 2}) == (code, found)
    assert said_by(net, {"x": [1.5, -2], "y": 3}) != (code, found)
    code, found = said_by(net, {"x": [1.5, -2]}, "/predict?top=1")
    assert (code, found["error"]) == (
        400,
        "top and probabilities are for a model with one output, of classes",
    )


def test_a_graph_whose_inputs_have_values_is_asked_for_nothing():
    net = gn.build(gn.read_spec(ROOT / "models" / "apple.json"))
    assert said_by(net, {})[0] == 200
    assert said_by(net, {"apple": 50})[0] == 200


def test_the_best_and_their_probabilities(rng):
    net = digits()
    body = {"x": rng.integers(0, 256, (8, 8)).tolist()}
    _, all_of_them = said_by(net, body)
    code, found = said_by(net, body, "/predict?top=2")
    order = np.argsort(all_of_them["scores"])[::-1][:2]
    assert code == 200
    assert [one["index"] for one in found["top"]] == order.tolist()
    assert found["top"][0] == {
        "label": found["label"],
        "index": found["index"],
        "score": max(all_of_them["scores"]),
    }
    _, shares = said_by(net, body, "/predict?probabilities=true")
    assert sum(shares["scores"]) == pytest.approx(1)
    assert said_by(net, body, "/predict?probabilities=false")[1] == all_of_them


def test_requests_that_are_merged_agree_but_for_rounding(rng):
    net = digits()
    asks = [Ask(body=json.dumps({"x": rng.integers(0, 256, (8, 8)).tolist()}).encode())] * 2
    asks += [Ask(body=json.dumps({"x": rng.integers(0, 256, (2, 8, 8)).tolist()}).encode())]
    apart = [answer.json() for answer in ask(service_of(net), *asks)]
    merged = [answer.json() for answer in ask(service_of(net, merge=True), *asks)]
    np.testing.assert_allclose(merged[0]["scores"], apart[0]["scores"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        [one["scores"] for one in merged[2]["answers"]],
        [one["scores"] for one in apart[2]["answers"]],
        rtol=1e-5,
        atol=1e-6,
    )


def test_a_picture_without_ink_says_so():
    answers = ask(
        service_of(digits()),
        Ask("/predict", png(np.zeros((8, 8))), PNG),
        Ask("/predict", png(np.full((30, 30), 255)), PNG),
    )
    assert [answer.json()["note"] for answer in answers] == [NO_INK, NO_INK]


def test_what_the_model_is_stands_at_the_root():
    page, health = ask(service_of(digits()), get("/"), get("/healthz"))
    assert page.json()["model"] == "digits"
    assert page.json()["outputs"]["affine2"]["labels"][:2] == ["0", "1"]
    assert health.json() == {"status": "ok", "model": "digits"}
    assert page.headers["content-type"] == JSON
