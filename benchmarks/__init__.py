"""The speed tables: graphnet beside its peers, in one run."""
