"""What a reader of the manual has, and the tests make: pictures, tables, texts of their own."""

from collections.abc import Callable
from pathlib import Path

MAKERS: dict[str, Callable[[Path], None]] = {}
"""By page: what is put into the folder before its commands run."""
