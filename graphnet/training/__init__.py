"""The loop: samples in order, shards, the threads that compute them, checkpoints, and going on."""
