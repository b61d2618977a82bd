"""models/autoencoder.json: the target is the input."""

import numpy as np

import graphnet as gn
from graphnet.training.feed import feeds

CODE = 8


def test_a_code_of_8_numbers_keeps_more_than_the_best_linear_one(model):
    spec = model("autoencoder")
    assert spec.nodes[5].id == "code"
    assert spec.nodes[5].units == CODE
    net, data = gn.build(spec), gn.load_data(spec)
    for _ in gn.fit(net, data):
        pass
    train, test = (feed.batch(slice(None))[0]["x"] for feed in feeds(net, data))
    out = net.predict(test)
    assert out.shape == test.shape
    error = np.mean((out - test) ** 2)

    flat, mean = train.reshape(len(train), -1), train.mean(axis=0).ravel()
    axes = np.linalg.svd(flat - mean, full_matrices=False)[2][:CODE]
    apart = test.reshape(len(test), -1) - mean
    linear = np.mean((apart - apart @ axes.T @ axes) ** 2)
    assert error < 0.6 * linear
