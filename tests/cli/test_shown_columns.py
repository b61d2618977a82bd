"""The table of a training: which columns it has, how wide it is, what a row says."""

import pytest

from graphnet.cli.columns import EpochTable, Row, number, seconds
from graphnet.training.result import EpochResult


def result(epoch=1, **more):
    given = {"loss": 2.25, "train_accuracy": 0.5, "test_accuracy": 0.25, "seconds": 0.5, **more}
    return EpochResult(epoch, **given)


VALIDATED = {"validation_loss": 1.5, "validation_accuracy": 0.75, "best_epoch": 1}


def shown(first, width, *, scheduled=False, epochs=100):
    table = EpochTable(first, epochs, width, scheduled=scheduled)
    return [*table.header(), table.row(Row(first, 0.1, 12345.6))]


def test_everything_that_was_measured_under_its_part():
    assert shown(result(**VALIDATED), 200, scheduled=True) == [
        "                      train  validation              test",
        "  epoch      loss  accuracy  accuracy      loss  accuracy        lr  samples/s     time",
        "  1/100    2.2500    0.5000    0.7500    1.5000    0.2500       0.1     12,346   0.50 s"
        "  best",
    ]


def test_at_80_columns_speed_goes_first_then_the_rate():
    assert shown(result(**VALIDATED), 80, scheduled=True)[1] == (
        "  epoch      loss  accuracy  accuracy      loss  accuracy        lr"
    )
    assert shown(result(), 80)[1] == "  epoch      loss  accuracy  accuracy  samples/s     time"


@pytest.mark.parametrize("width", [200, 120, 80, 60, 40, 30])
@pytest.mark.parametrize("epochs", [1, 99, 20_000])
def test_no_line_is_wider_than_the_terminal(width, epochs):
    metrics = {f"{part}_recall[a long name]": 0.5 for part in ("train", "validation", "test")}
    first = result(**VALIDATED, metrics=metrics)
    lines = shown(first, width, scheduled=True, epochs=epochs)
    assert max(map(len, lines)) <= max(width, 27)
    assert lines[1].split()[:2] == ["epoch", "loss"]


def test_of_each_part_one_figure_is_left_and_the_test_stays_longest():
    metrics = {"train_r2": 0.5, "train_mae": 2.0, "test_r2": 0.25, "test_mae": 3.0}
    first = result(train_accuracy=None, test_accuracy=None, metrics=metrics)
    assert shown(first, 200)[1].split() == [
        *("epoch", "loss", "r2", "mae", "r2", "mae", "samples/s", "time")
    ]
    assert shown(first, 44)[0].split() == ["train", "test"]
    assert shown(first, 44)[1].split() == ["epoch", "loss", "r2", "r2"]
    assert shown(first, 30)[0].split() == ["test"]


def test_several_outputs_and_long_names():
    metrics = {"train_accuracy/kind": 0.5, "test_accuracy/kind": 0.25}
    metrics["test_accuracy/a_very_long_output_name"] = 0.125
    heads, titles, row = shown(result(metrics=metrics), 200)
    assert titles.split() == [
        *("epoch", "loss", "accuracy/kind", "accuracy/kind", "accuracy/a_very_lo..", "samples/s"),
        "time",
    ]
    assert heads.split() == ["train", "test"]
    assert len(row) == len(titles)


def test_a_name_that_drives_a_terminal_is_escaped():
    lines = shown(result(metrics={"test_recall[\x1b[31m]": 0.5}), 200)
    assert all(line.isprintable() for line in lines)


def test_what_a_later_epoch_did_not_measure_stays_empty():
    table = EpochTable(result(**VALIDATED), 9, 200, scheduled=False)
    assert table.row(Row(result(2), 0.1, 1.0)).split() == [
        *("2/9", "2.2500", "0.5000", "0.2500", "1", "0.50", "s")
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.0000"),
        (999.99999, "1000.0000"),
        (-0.5, "-0.5000"),
        (1e9, "1.00e+09"),
        (3.32e-4, "3.32e-04"),
    ],
)
def test_numbers_keep_their_column(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0123, "12 ms"), (0.5, "0.50 s"), (12.34, "12.3 s"), (125, "2:05"), (3725, "1:02:05")],
)
def test_times(value, text):
    assert seconds(value) == text
