"""Numerical against analytical gradients: the command `graphnet gradcheck` as a script."""

from _command import run

if __name__ == "__main__":
    run("gradcheck")
