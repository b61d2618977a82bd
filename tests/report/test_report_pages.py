"""Whole reports: sound HTML, numbers as `evaluate` has them, the same bytes, strangers' text."""

import json
import re

import numpy as np
import pytest
from page_checks import checked

import graphnet as gn
from graphnet.errors import DatasetError, GraphnetError, SpecError

CASES = [("digits", 3), ("iris", 3), ("char_lstm", 1), ("autoencoder", 1), ("two_inputs", 1)]
HOSTILE = [
    '<script>alert("1")</script>',
    "$x^2$ & 'b'",
    "\x1b[31m\u202e\u2028",
    "김치 ]]> --> </svg>",
]


@pytest.mark.parametrize(("name", "epochs"), CASES)
def test_a_report_is_one_sound_page_that_needs_nothing_else(trained, name, epochs):
    page = checked(trained(name, epochs).page)
    wanted = {"figures", "graph", "curves", "rate", "weights", "dead", "norms", "data", "spec"}
    assert wanted <= set(page.ids)
    assert f'aria-label="Graph of {name}"' in trained(name, epochs).page
    assert page.text.isprintable() or page.text.replace("\n", "").isprintable()


@pytest.mark.parametrize(("name", "epochs"), CASES)
def test_the_figures_are_those_of_evaluate(trained, name, epochs):
    net, data, text = trained(name, epochs)
    page, found = checked(text), gn.evaluate(net, data.test)
    assert f"{found.loss:.4f}" in page.text
    for value in found.figures.values():
        assert f"{value:.4f}" in page.text
    for report in found.reports.values():
        rows = page.table("Each class")[1:-1]
        for k, row in enumerate(rows):
            figures = [report.precision[k], report.recall[k], report.f1[k]]
            assert row[1:] == [*(f"{f:.4f}" for f in figures), f"{int(report.samples[k]):,}"]


def test_the_curves_and_the_norms_are_those_of_the_history(trained):
    net, _, text = trained("digits", 3)
    page = checked(text)
    assert page.table("Loss")[1:] == [[str(e["epoch"]), f"{e['loss']:.4f}"] for e in net.history]
    accuracies = [[e["train_accuracy"], e["test_accuracy"]] for e in net.history]
    rows = [[float(c) for c in row[1:]] for row in page.table("Accuracy")[1:]]
    assert np.allclose(rows, accuracies, atol=5e-5)
    weights = [[float(c) for c in row[1:]] for row in page.table("Norms of weights")[1:]]
    assert weights == [[pair[0] for pair in e["norms"].values()] for e in net.history]


def test_the_confusion_is_counted_in_its_table_and_drawn(trained):
    net, data, text = trained("digits", 3)
    page = checked(text)
    report = gn.evaluate(net, data.test).report
    rows = page.table("Rows: what it is; columns: what was found")[1:]
    assert [[int(c) for c in row[1:]] for row in rows] == report.confusion.tolist()
    assert 'aria-label="Confusion matrix:' in text


def test_the_same_network_and_data_give_the_same_bytes_whatever_matplotlib_was_told(trained):
    import matplotlib

    net, data, text = trained("digits", 3)
    with matplotlib.rc_context({"axes.grid": False, "font.size": 30, "svg.fonttype": "path"}):
        assert gn.html_report(net, data, threads=1) == text


def test_mistakes_are_pictures_rows_and_texts(trained):
    digits, iris = (trained(name, 3).page for name in ("digits", "iris"))
    assert 'src="data:image/png;base64,' in digits[digits.index('id="mistakes"') :]
    assert "petal_length: " in iris[iris.index('id="mistakes"') :]
    lstm = trained("char_lstm").page
    part = lstm[lstm.index('id="mistakes"') : lstm.index('id="calibration"')]
    assert "so far" in part
    assert re.search(r"<code>\d+ \w+ ", part)
    assert len(re.findall("<li>", part)) == 12


def test_what_learns_numbers_is_told_so_and_shows_its_errors(trained):
    page = checked(trained("autoencoder").page)
    assert {"numbers", "misses", "classes"} <= set(page.ids)
    assert "do not apply: what is learnt here are numbers" in page.text
    assert "calibration" not in page.ids
    assert page.table("How the numbers are spread")[0][1:] == ["right", "found", "found - right"]


def test_what_has_no_norms_or_history_says_how_to_get_them(trained, model):
    net, data, _ = trained("digits", 3)
    plain = gn.build(net.spec)
    text = checked(gn.html_report(plain, data)).text
    assert "There are no curves" in text
    assert "gn.fit(net, data, norms=True)" in text
    assert "`train --report FILE`" in text


def spec(**more):
    """Three classes of points in a plane, and numbers beside them."""
    values = {
        "format": 1,
        "name": "own",
        "doc": HOSTILE[0],
        "inputs": {"x": {"shape": [2], "doc": HOSTILE[2]}},
        "nodes": [
            {"id": "affine1", "type": "Affine", "units": 8, "doc": HOSTILE[0]},
            {"id": "relu1", "type": "Relu"},
            {"id": "kind", "type": "Affine", "units": 4},
        ],
        "edges": [["x", "affine1", "relu1", "kind"]],
        "labels": HOSTILE,
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {"epochs": 2, "batch_size": 20},
        **more,
    }
    return gn.parse_spec(json.dumps(values))


def points(rng, targets):
    x = rng.standard_normal((60, 2)).astype(np.float32)
    return gn.Dataset(HOSTILE[0], gn.Split({"x": x}, targets), gn.Split({"x": x}, targets))


def test_text_of_a_stranger_is_text_and_nothing_else(rng):
    net, data = gn.build(spec()), points(rng, np.arange(60) % 4)
    list(gn.fit(net, data))
    text = gn.html_report(net, data)
    page = checked(text)
    assert "<script" not in text
    assert "\x1b" not in text
    assert HOSTILE[0] in page.text
    assert HOSTILE[1] in page.text
    assert "김치 ]]> --> </svg>" in page.text


def test_several_outputs_have_sections_of_their_own(rng):
    nodes = [
        {"id": "affine1", "type": "Affine", "units": 8},
        {"id": "kind", "type": "Affine", "units": 4},
        {"id": "size", "type": "Affine", "units": 1},
        {"id": "is", "type": "Affine", "units": 3},
    ]
    losses = [
        {"type": "SoftmaxWithLoss", "on": "kind", "target": "kinds", "smoothing": 0.1},
        {"type": "Huber", "on": "size", "target": "sizes"},
        {"type": "SigmoidWithLoss", "on": "is", "target": "answers"},
    ]
    text = {
        "format": 1,
        "name": "several",
        "inputs": {"x": {"shape": [2]}},
        "nodes": nodes,
        "edges": [["x", "affine1", "kind"], ["affine1", "size"], ["affine1", "is"]],
        "outputs": ["kind", "size", "is"],
        "losses": losses,
        "train": {"epochs": 2, "validation": 0.2, "early_stopping": {"patience": 9}},
    }
    net = gn.build(gn.parse_spec(json.dumps(text)))
    t = {
        "kinds": np.arange(60) % 4,
        "sizes": rng.standard_normal(60),
        "answers": rng.integers(0, 2, (60, 3)),
    }
    x = rng.standard_normal((60, 2)).astype(np.float32)
    data = gn.Dataset("own", gn.Split({"x": x}, t))
    list(gn.fit(net, data))
    page = checked(gn.html_report(net, data))
    assert "12 samples: the validation part" in page.text
    assert {"confusion", "numbers-1", "misses-1", "confusion-2", "calibration-2"} <= set(page.ids)
    assert "several answers of yes or no" in page.text
    assert "the network is that of this epoch" in page.text
    assert "no layer of the graph is one of Relu" in page.text


def test_a_class_that_is_never_wrong_and_one_that_has_no_sample(rng):
    net = gn.build(spec())
    data = points(rng, np.zeros(60, int))
    for name in ("affine1/W", "kind/W"):
        net.params[name][...] = 0
    net.params["kind/b"][...] = [9, 0, 0, 0]
    page = checked(gn.html_report(net, data))
    assert "There is none: all 60 answers are right." in page.text
    assert "Nothing is taken for anything else." in page.text
    assert "8 of 8 units are 0 for all 60 samples" in page.text


@pytest.mark.parametrize(("classes", "drawn"), [(50, "<svg"), (70, "<img"), (501, None)])
def test_many_classes_are_a_matrix_as_long_as_they_can_be(rng, classes, drawn):
    nodes = [{"id": "kind", "type": "Affine", "units": classes}]
    net = gn.build(
        spec(nodes=nodes, edges=[["x", "kind"]], labels=[f"c{k}" for k in range(classes)])
    )
    text = gn.html_report(net, points(rng, np.arange(60) % classes))
    page = checked(text)
    part = text[text.index('id="confusion"') : text.index('id="classes"')]
    assert ("too many classes for one" in part) == (drawn is None)
    if drawn is not None:
        assert f"<figure>{drawn}" in part
        assert "order of the table of precision and recall" in part
    assert len(page.table("Each class")) == classes + 2


def test_a_schedule_is_drawn_from_the_number_of_steps(rng):
    recipe = {"epochs": 4, "batch_size": 20, "schedule": {"type": "Cosine", "warmup": 1}}
    net, data = gn.build(spec(train=recipe)), points(rng, np.arange(60) % 4)
    page = checked(gn.html_report(net, data))
    schedule = net.spec.train.schedule
    rows = page.table("The rate by epochs")[1:]
    wanted = [0.01 * schedule.factor(step, 4, 3) for step in (0, 3, 6, 9, 11)]
    assert [float(rate) for _, rate in rows] == pytest.approx(wanted, rel=1e-5)


def test_numbers_and_names_that_no_training_leaves_do_no_harm(rng):
    net, data = gn.build(spec()), points(rng, np.arange(60) % 4)
    names = {f"train_{HOSTILE[0]}": 1.0, "": 2.0, "test_\x01$x": 5e-324}
    norms = {"affine1": [1e308, -1e308], "kind": [1e-320, 0.0], HOSTILE[0]: [0.0, 0.0]}
    net.history = [
        {"epoch": epoch, "loss": loss, "train_accuracy": None, "test_accuracy": 0.5, **more}
        for epoch, loss, more in (
            (10**40, 1e308, {"metrics": names, "norms": norms}),
            (-5, -1e308, {"best": True}),
        )
    ]
    text = gn.html_report(net, data)
    assert "1e+308" in checked(text).text
    assert "<script" not in text


def test_what_cannot_be_reported_is_refused(rng, model):
    net = gn.build(model("apple"))
    with pytest.raises(DatasetError, match="a report takes a Dataset"):
        gn.html_report(net, None)
    net = gn.build(model("square_of_sum"))
    with pytest.raises(GraphnetError):
        gn.html_report(net, points(rng, np.zeros(60)))
    with pytest.raises(SpecError, match="threads must be 1 or more"):
        gn.html_report(gn.build(spec()), points(rng, np.zeros(60, int)), threads=0)
