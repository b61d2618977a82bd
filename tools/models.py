"""The specs that ship: the command `graphnet models` as a script."""

from _command import run

if __name__ == "__main__":
    run("models")
