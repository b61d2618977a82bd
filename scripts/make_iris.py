"""Write the table of iris flowers that models/iris.json is trained on.

    python scripts/make_iris.py           writes models/data/iris.csv
    python scripts/make_iris.py --check   exits 1 where it differs from what it would write

Needs scikit-learn, which carries the table. Source: R. A. Fisher, The use of multiple measurements
in taxonomic problems, Annals of Eugenics 7, 1936; UCI Machine Learning Repository, Iris,
https://doi.org/10.24432/C56C76, licensed under the Creative Commons Attribution 4.0 International
licence (CC BY 4.0).
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from pathlib import Path

from sklearn.datasets import load_iris

PATH = Path(__file__).resolve().parents[1] / "models" / "data" / "iris.csv"
COLUMNS = ("sepal_length", "sepal_width", "petal_length", "petal_width", "species")


def made() -> str:
    """A header and 150 rows: four lengths in centimetres, and the species."""
    source = load_iris()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for lengths, species in zip(source.data, source.target, strict=True):
        writer.writerow([*(f"{x:.1f}" for x in lengths), source.target_names[species]])
    return text.getvalue()


def main() -> int:
    """Write or check the file; 0 where all is well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    if not parser.parse_args().check:
        PATH.parent.mkdir(parents=True, exist_ok=True)
        PATH.write_text(made(), encoding="utf-8", newline="\n")
        print(f"{PATH.name}: {PATH.stat().st_size} bytes")
        return 0
    if not PATH.is_file() or PATH.read_text(encoding="utf-8") != made():
        print(f"{PATH.name}: differs or is missing; run scripts/make_iris.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
