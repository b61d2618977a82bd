"""Write a trained bundle as a page about it: the command `graphnet report` as a script."""

from _command import run

if __name__ == "__main__":
    run("report")
