"""Where training samples come from: one source a file; `load` picks the one that a spec names."""
