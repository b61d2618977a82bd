"""What a person is told about a recipe that cannot be meant."""

import json

import pytest

from graphnet.errors import SpecError
from graphnet.spec.canonical import canonical_text
from graphnet.spec.reader import parse_spec


def spec(**train):
    values = {
        "format": 1,
        "name": "small",
        "inputs": {"x": {"shape": [4]}},
        "nodes": [{"id": "a", "type": "Affine", "units": 3}],
        "edges": [["x", "a"]],
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {"epochs": 20, **train},
    }
    return parse_spec(json.dumps(values), "small.json")


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        (
            {"optimizer": {"type": "Adamw"}},
            "train.optimizer.type: unknown optimizer 'Adamw'; did you mean 'AdamW'?",
        ),
        (
            {"optimizer": {"type": "SGD", "nesterov": True}},
            "train.optimizer.nesterov: needs a 'momentum' above 0",
        ),
        (
            {"optimizer": {"type": "Lion", "beta2": 1.0}},
            "train.optimizer.beta2: must be less than 1, found 1.0",
        ),
        (
            {"optimizer": {"type": "RMSprop", "weight_decay": -1}},
            "train.optimizer.weight_decay: must be at least 0, found -1",
        ),
        (
            {"optimizer": {"type": "Adam", "betas": 0.9}},
            "train.optimizer.betas: unknown attribute 'betas'; did you mean 'beta2'?",
        ),
        (
            {"schedule": {"type": "Cosin"}},
            "train.schedule.type: unknown schedule 'Cosin'; did you mean 'Cosine'?",
        ),
        (
            {"schedule": "Cosine"},
            'train.schedule: an object is expected, found \'Cosine\'; write {"type": "Cosine"}',
        ),
        (
            {"schedule": {"type": "Cosine", "warmup": 100}},
            "train.schedule.warmup: it counts epochs: it must be less than 'epochs', 20, found 100",
        ),
        (
            {"schedule": {"type": "Step"}},
            "train.schedule: give either 'every' or 'at', the epochs where the rate drops",
        ),
        (
            {"schedule": {"type": "Step", "every": 2, "at": [3]}},
            "train.schedule: give either 'every' or 'at', the epochs where the rate drops",
        ),
        (
            {"schedule": {"type": "Step", "every": 2, "gama": 0.5}},
            "train.schedule.gama: unknown attribute 'gama'; did you mean 'gamma'?",
        ),
        ({"warmup": 3}, "train.warmup: unknown attribute 'warmup'; it belongs into 'schedule'"),
        ({"clip": {}}, "train.clip: give either 'norm' or 'value'"),
        ({"clip": {"norm": 1, "value": 1}}, "train.clip: give either 'norm' or 'value'"),
        ({"clip": {"norm": 0}}, "train.clip.norm: must be more than 0, found 0"),
        (
            {"clip": {"nrm": 1}},
            "train.clip.nrm: unknown attribute 'nrm'; did you mean 'norm'?",
        ),
    ],
)
def test_one_line_says_what_is_wrong(train, expected):
    with pytest.raises(SpecError) as caught:
        spec(**train)
    first = str(caught.value).splitlines()[0]
    assert first.split(": ", 1)[1] == expected


def test_a_recipe_is_the_same_after_it_was_written():
    train = {
        "optimizer": {"type": "AdamW", "lr": 0.01, "weight_decay": 0.1},
        "schedule": {"type": "Step", "at": [5, 10.5], "warmup": 1},
        "clip": {"norm": 1.0},
    }
    text = canonical_text(spec(**train))
    assert canonical_text(parse_spec(text)) == text
    written = json.loads(text)["train"]
    assert written["schedule"] == {"type": "Step", "warmup": 1.0, "at": [5.0, 10.5]}
    assert written["clip"] == {"norm": 1.0}
