"""Another format as a bundle: the command `graphnet import` as a script."""

from _command import run

if __name__ == "__main__":
    run("import")
