"""A spec to start from: the command `graphnet new` as a script."""

from _command import run

if __name__ == "__main__":
    run("new")
