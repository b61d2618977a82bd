"""How sliding windows are computed: what Conv2D and the pooling layers stand on."""
