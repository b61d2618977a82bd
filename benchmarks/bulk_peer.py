"""Pictures to labels by Pillow and onnxruntime, as a person who knows both would write it.

`python -m benchmarks.bulk_peer MODEL.onnx FOLDER OUT.csv --workers N --size H W --mode L|RGB`:
processes (or `--threads`) that each take blocks of 256 paths, decode and prepare them, and run one
session with one thread on the whole block; the first process writes what comes, in order.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import local
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image

BLOCK = 256
_own = local()


def main() -> None:
    """Answer all pictures of a folder."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("model")
    arguments.add_argument("folder")
    arguments.add_argument("out")
    arguments.add_argument("--workers", type=int, default=1)
    arguments.add_argument("--size", type=int, nargs=2)
    arguments.add_argument("--mode", choices=("L", "RGB"))
    arguments.add_argument("--threads", action="store_true")
    options = arguments.parse_args()
    given = (options.model, tuple(options.size), options.mode)
    with open(options.out, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image", "label", "index", "score"])
        jobs = ((given, block) for block in blocks(options.folder))
        if options.threads:
            with ThreadPoolExecutor(options.workers) as pool:
                for rows in pool.map(answer, list(jobs)):
                    writer.writerows(rows)
        else:
            with multiprocessing.get_context("fork").Pool(options.workers) as pool:
                for rows in pool.imap(answer, jobs):
                    writer.writerows(rows)


def blocks(folder: str) -> Iterator[list[str]]:
    """The pictures' paths, 256 at a time."""
    paths = pictures(folder)
    while block := list(islice(paths, BLOCK)):
        yield block


def pictures(folder: str) -> Iterator[str]:
    """Sorted, at any depth."""
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            yield os.path.join(place, name)


def answer(job: tuple[Any, list[str]]) -> list[tuple[str, str, int, str]]:
    """Path, label, index and score of each picture of a block."""
    (model, size, mode), paths = job
    if not hasattr(_own, "session"):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        _own.session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        _own.name = _own.session.get_inputs()[0].name
    height, width = size
    pixels = np.empty((len(paths), height, width, 1 if mode == "L" else 3), np.uint8)
    for i, path in enumerate(paths):
        with Image.open(path) as picture:
            shown = picture if picture.mode == mode else picture.convert(mode)
            if shown.size != (width, height):
                shown = shown.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
            pixels[i] = np.asarray(shown).reshape(pixels.shape[1:])
    if mode == "L":  # digits are light on dark
        border = [pixels[:, 0], pixels[:, -1], pixels[:, 1:-1, 0], pixels[:, 1:-1, -1]]
        light = np.concatenate(border, axis=1).mean(axis=(1, 2)) > 127.5
        pixels[light] ^= 255
    numbers = np.multiply(pixels, np.float32(1 / 255), dtype=np.float32)
    (scores,) = _own.session.run(None, {_own.name: numbers})
    best = scores.argmax(axis=1)
    found = zip(paths, best.tolist(), scores.max(axis=1), strict=True)
    return [(path, str(index), index, str(score)) for path, index, score in found]


if __name__ == "__main__":
    main()
