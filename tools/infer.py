"""Classify pictures with a bundle: the command `graphnet infer` as a script."""

from _command import run

if __name__ == "__main__":
    run("infer")
