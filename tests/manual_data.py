"""What a reader of the manual has, and the tests make: pictures, a table, texts of their own."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def pictures(folder: Path) -> None:
    """40 pictures each of a circle, a cross and a square, of several sizes and colours."""
    rng = np.random.default_rng(0)
    for kind in ("circle", "cross", "square"):
        place = folder / "pictures" / kind
        place.mkdir(parents=True)
        for i in range(40):
            _shape(kind, rng).save(place / f"{i:02}.png")
    _shape("cross", rng).save(folder / "unknown.png")


def _shape(kind: str, rng: np.random.Generator) -> Image.Image:
    width, height = (int(n) for n in rng.integers(34, 46, 2))
    im = Image.new("RGB", (width, height), tuple(int(n) for n in rng.integers(200, 256, 3)))
    pen = ImageDraw.Draw(im)
    colour = tuple(int(n) for n in rng.integers(0, 100, 3))
    half = int(rng.integers(9, 13))
    x, y = (side // 2 + int(rng.integers(-3, 4)) for side in (width, height))
    box = (x - half, y - half, x + half, y + half)
    if kind == "circle":
        pen.ellipse(box, outline=colour, width=3)
    elif kind == "square":
        pen.rectangle(box, outline=colour, width=3)
    else:
        pen.line((box[0], y, box[2], y), fill=colour, width=3)
        pen.line((x, box[1], x, box[3]), fill=colour, width=3)
    return im


def flats(folder: Path) -> None:
    """300 flats: rooms, area, town and a price that follows from them."""
    rng = np.random.default_rng(0)
    with open(folder / "flats.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["rooms", "area", "town", "price"])
        for _ in range(300):
            rooms = int(rng.integers(1, 6))
            area = round(18 * rooms + float(rng.uniform(0, 20)), 1)
            town = str(rng.choice(["Busan", "Daegu", "Seoul"]))
            factor = {"Busan": 1.0, "Daegu": 0.8, "Seoul": 1.9}[town]
            rows.writerow([rooms, area, town, round(area * factor * 4 + 30 * rooms)])
    (folder / "new_flats.csv").write_text("rooms,area,town\n2,44.5,Seoul\n4,88,Busan\n")


def reviews(folder: Path) -> None:
    """400 short reviews, each with the word good or bad in front of it."""
    rng = np.random.default_rng(0)
    said = {
        "good": ("lovely", "tasty", "fresh", "friendly", "warm"),
        "bad": ("cold", "late", "stale", "rude", "salty"),
    }
    things = ("soup", "bread", "waiter", "coffee", "noodles")
    with open(folder / "reviews.txt", "w", encoding="utf-8") as file:
        for _ in range(400):
            label = str(rng.choice(list(said)))
            thing, word = rng.choice(things), rng.choice(said[label])
            file.write(f"{label}\tthe {thing} was {word}\n")


MAKERS: dict[str, Callable[[Path], None]] = {
    "use/pictures": pictures,
    "use/tables": flats,
    "use/texts": reviews,
}
"""By page: what is put into the folder before its commands run."""
