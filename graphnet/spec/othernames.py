"""What other frameworks call what is here. Imported for wrong specs alone."""

OTHER_NAMES: dict[str, str] = {
    **dict.fromkeys(("dense", "linear", "fullyconnected", "gemm"), "Affine"),
    **dict.fromkeys(("embed", "lookup", "lookuptable"), "Embedding"),
    **dict.fromkeys(("dot",), "MatMul"),
    **dict.fromkeys(("conv", "convolution", "convolution2d"), "Conv2D"),
    **dict.fromkeys(("convolution1d", "temporalconvolution"), "Conv1D"),
    **dict.fromkeys(("convtranspose", "conv2dtranspose", "deconvolution"), "ConvTranspose2D"),
    **dict.fromkeys(("deconv", "deconv2d", "transposedconvolution"), "ConvTranspose2D"),
    **dict.fromkeys(("maxpool", "maxpooling", "maxpooling2d", "pooling"), "MaxPool2D"),
    **dict.fromkeys(("avgpool", "averagepool", "averagepooling2d"), "AvgPool2D"),
    **dict.fromkeys(("globalaveragepool", "globalaveragepooling2d"), "GlobalAvgPool2D"),
    **dict.fromkeys(("view",), "Reshape"),
    **dict.fromkeys(("permute",), "Transpose"),
    **dict.fromkeys(("concatenate", "cat"), "Concat"),
    **dict.fromkeys(("expand",), "Broadcast"),
    **dict.fromkeys(("resize", "upsample2d", "upsampling2d"), "Upsample"),
    **dict.fromkeys(("swish",), "Silu"),
    **dict.fromkeys(("multiheadedattention", "selfattention", "attention"), "MultiHeadAttention"),
    **dict.fromkeys(("simplernn", "recurrent"), "Rnn"),
    **dict.fromkeys(("batchnormalization", "batchnorm1d", "batchnorm2d"), "BatchNorm"),
    **dict.fromkeys(("layernormalization",), "LayerNorm"),
    **dict.fromkeys(("rmsnormalization", "simplifiedlayernormalization"), "RMSNorm"),
    **dict.fromkeys(("groupnormalization",), "GroupNorm"),
    **dict.fromkeys(("instancenormalization", "instancenorm1d", "instancenorm2d"), "InstanceNorm"),
}
"""Layer types, in small letters."""

NO_LAYERS: dict[str, str] = {
    **dict.fromkeys(
        ("input", "inputlayer"),
        'an input is no node; leave this one out, write the input into "inputs", and start a path '
        "with its name",
    ),
    "activation": "each activation is a layer by its own name: Relu, Sigmoid, Tanh, ...",
    "output": 'an output is no node; leave this one out, and name the last node in "outputs"',
    "sequential": 'layers follow each other by a path in "edges"',
}
"""Words that stand for no layer here, in small letters, and what to do."""

_SOFTMAX = ("crossentropy", "crossentropyloss", "categoricalcrossentropy", "softmaxcrossentropy")
_LOGS = ("sparsecategoricalcrossentropy", "softmax", "nll", "nllloss", "logloss")
_SIGMOID = ("bce", "bceloss", "bcewithlogitsloss", "binarycrossentropy", "sigmoid")
OTHER_TYPES: dict[str, str] = {
    **dict.fromkeys((*_SOFTMAX, *_LOGS), "SoftmaxWithLoss"),
    **dict.fromkeys(_SIGMOID, "SigmoidWithLoss"),
    **dict.fromkeys(("mse", "mseloss", "l2", "l2loss", "squarederror"), "MeanSquaredError"),
    **dict.fromkeys(("mae", "maeloss", "l1", "l1loss", "absoluteerror"), "MeanAbsoluteError"),
    **dict.fromkeys(("huberloss", "smoothl1", "smoothl1loss"), "Huber"),
    **dict.fromkeys(("momentum", "nesterov", "gd", "gradientdescent"), "SGD"),
    **dict.fromkeys(("glorot", "glorotuniform", "glorotnormal", "xavieruniform"), "Xavier"),
    **dict.fromkeys(("henormal", "heuniform", "kaiming", "kaimingnormal"), "He"),
    **dict.fromkeys(("gaussian", "randomnormal"), "Normal"),
    **dict.fromkeys(("cosineannealing", "cosinedecay"), "Cosine"),
    **dict.fromkeys(("steplr", "exponential", "multistep"), "Step"),
    **dict.fromkeys(("acc",), "Accuracy"),
    **dict.fromkeys(("numeric", "float", "integer", "int"), "number"),
    **dict.fromkeys(("categorical", "text", "string", "class"), "category"),
    **dict.fromkeys(("image", "images", "pictures", "directory", "imagefolder"), "folder"),
    **dict.fromkeys(("table", "tsv"), "csv"),
}
"""Members of the other families, in small letters and without marks."""

OTHER_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("filters", "out_channels", "num_filters", "features"), ("channels",)),
    **dict.fromkeys(("kernel_size", "kernel_shape", "filter_size"), ("kernel",)),
    **dict.fromkeys(("strides",), ("stride",)),
    **dict.fromkeys(("pool_size", "window", "pool"), ("size",)),
    **dict.fromkeys(("out_features", "neurons", "num_units", "output_dim"), ("units",)),
    **dict.fromkeys(("hidden_size", "hidden", "embedding_dim", "embed_dim"), ("units",)),
    **dict.fromkeys(("num_embeddings", "vocab_size", "input_dim"), ("vocabulary",)),
    **dict.fromkeys(("num_heads", "n_heads"), ("heads",)),
    **dict.fromkeys(("rate", "p", "prob", "drop_rate"), ("ratio",)),
    **dict.fromkeys(("use_bias",), ("bias",)),
    **dict.fromkeys(("target_shape", "new_shape", "dims", "dim"), ("to", "axes", "axis")),
    **dict.fromkeys(("kernel_initializer", "weight_init", "initializer"), ("init",)),
    **dict.fromkeys(("negative_slope", "slope"), ("alpha",)),
    **dict.fromkeys(("epsilon",), ("eps",)),
    **dict.fromkeys(("learning_rate", "eta", "rate"), ("lr", "ratio")),
    **dict.fromkeys(("decay", "l2", "weight_penalty"), ("weight_decay",)),
    **dict.fromkeys(("batch", "batchsize", "minibatch"), ("batch_size",)),
    **dict.fromkeys(("num_epochs", "n_epochs", "iterations"), ("epochs",)),
    **dict.fromkeys(("validation_split", "val_split", "val"), ("validation",)),
    **dict.fromkeys(("test_split", "test_size"), ("test_share",)),
    **dict.fromkeys(("random_state", "random_seed"), ("seed",)),
    **dict.fromkeys(("scheduler", "lr_schedule"), ("schedule",)),
    **dict.fromkeys(("layers",), ("nodes",)),
    **dict.fromkeys(("classes", "class_names"), ("labels",)),
    **dict.fromkeys(("color", "colour", "color_mode"), ("mode",)),
    **dict.fromkeys(("path", "folder", "file", "dir", "directory"), ("train",)),
}
"""Attributes, and what they may be called here: the first that the object has."""

_ARRIVING = ("in_channels", "in_features", "input_shape", "input_size", "num_features")
NO_ATTRIBUTES: dict[str, str] = {
    **dict.fromkeys(_ARRIVING, "it follows from what arrives in the node: leave it out"),
    "activation": 'an activation is a node of its own: add {"id": "relu1", "type": "Relu"} and '
    "put its name behind this one's in the path",
    "return_sequences": '"outputs": "all" gives every step, "last" the last one',
    "batch_first": "it always is so: leave it out",
    "bidirectional": 'write two nodes, one of them with "reverse": true, and a Concat',
    "num_layers": "write a node for each of them",
    "dropout": "a Dropout is a node of its own",
    "data_format": "channels are always last: leave it out",
    "shuffle": "samples come in a new order in each epoch: leave it out",
    "verbose": "leave it out",
}
"""Attributes that nothing here is called, and what to do."""
