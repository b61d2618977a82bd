"""What a spec or bundle holds, or what is wrong: the command `graphnet check` as a script."""

from _command import run

if __name__ == "__main__":
    run("check")
