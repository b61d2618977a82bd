"""A bundle in another format: the command `graphnet export` as a script."""

from _command import run

if __name__ == "__main__":
    run("export")
