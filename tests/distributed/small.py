"""A small network with everything that ranks must agree on."""

SPEC = {
    "format": 1,
    "name": "small",
    "inputs": {
        "x": {"shape": [8, 8, 1], "image": {"size": [8, 8], "mode": "grey", "range": [0, 1]}}
    },
    "nodes": [
        {"id": "conv1", "type": "Conv2D", "channels": 4, "kernel": 3, "padding": "same"},
        {"id": "bn1", "type": "BatchNorm"},
        {"id": "relu1", "type": "Relu"},
        {"id": "conv2", "type": "Conv2D", "channels": 4, "kernel": 3, "padding": "same"},
        {"id": "bn2", "type": "BatchNorm"},
        {"id": "add", "type": "Add"},
        {"id": "pool", "type": "MaxPool2D", "size": 2},
        {"id": "flat", "type": "Flatten"},
        {"id": "drop", "type": "Dropout", "ratio": 0.3},
        {"id": "affine", "type": "Affine", "units": 10},
    ],
    "edges": [
        ["x", "conv1", "bn1", "relu1", "conv2", "bn2", "add", "pool", "flat", "drop", "affine"],
        ["relu1", "add"],
    ],
    "loss": {"type": "SoftmaxWithLoss", "class_weights": "balanced"},
    "data": {"source": "digits"},
    "train": {
        # 1,437 samples in batches of 359 leave one of a single sample: fewer than ranks.
        "epochs": 3,
        "batch_size": 359,
        "shards": 7,
        "clip": {"norm": 1.0},
        "optimizer": {"type": "Adam"},
        "augment": [{"type": "Shift", "pixels": 1}],
        "early_stopping": {"monitor": "test_accuracy", "patience": 2},
        "metrics": [{"type": "Accuracy"}, {"type": "F1"}],
    },
}
