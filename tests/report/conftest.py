"""Shipped models, trained for a moment, and the data that they were trained on."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import graphnet as gn

MODELS = Path(__file__).parent.parent.parent / "models"


class Trained(NamedTuple):
    net: gn.Network
    data: gn.Dataset
    page: str


@pytest.fixture(scope="session")
def trained() -> Callable[..., Trained]:
    """A model of models/ after so many epochs, with its report; each is trained once."""

    @cache
    def train(name: str, epochs: int = 1) -> Trained:
        spec = gn.read_spec(MODELS / f"{name}.json")
        recipe = spec.train.model_copy(update={"epochs": epochs})
        net = gn.build(spec.model_copy(update={"train": recipe}))
        data = gn.load_data(spec, MODELS)
        list(gn.fit(net, data, norms=True))
        return Trained(net, data, gn.html_report(net, data))

    return train
