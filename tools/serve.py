"""Answer over HTTP with a bundle: the command `graphnet serve` as a script."""

from _command import run

if __name__ == "__main__":
    run("serve")
