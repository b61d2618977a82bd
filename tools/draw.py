"""The graph of a spec or bundle as a picture: the command `graphnet draw` as a script."""

from _command import run

if __name__ == "__main__":
    run("draw")
