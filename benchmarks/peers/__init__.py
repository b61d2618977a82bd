"""The frameworks that graphnet is compared with, each at its best; one module each."""
