"""One training, or one prediction in bulk, by several processes on one or more machines: MPI."""
