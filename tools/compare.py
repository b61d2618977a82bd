"""Put several trained bundles side by side: the command `graphnet compare` as a script."""

from _command import run

if __name__ == "__main__":
    run("compare")
