"""The loop: the order of samples, shards and the threads that compute them, checkpoints."""
