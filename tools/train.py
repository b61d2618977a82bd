"""Train a spec and write one bundle: the command `graphnet train` as a script."""

from _command import run

if __name__ == "__main__":
    run("train")
