"""What every script here does: run one command of the package, or say how to install it."""

import sys


def run(name: str) -> None:
    """Run the command and exit with its code."""
    try:
        from graphnet.cli.main import command

        code = command(name)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    except ModuleNotFoundError as e:
        print(
            f"{e.name} is not installed: run `make demo` once and use .venv/bin/python, "
            "or `python -m pip install -e .` in the checkout",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    raise SystemExit(code)
