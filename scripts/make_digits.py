"""Write the digits that lie in the package, and the sample pictures made from them.

    python scripts/make_digits.py           writes the files
    python scripts/make_digits.py --check   exits 1 where they differ from what it would write

Needs scikit-learn, whose copy of the digits is the test part of the UCI data set.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.datasets import load_digits

Array = npt.NDArray[np.uint8]

ROOT = Path(__file__).resolve().parents[1]
DIGITS = "graphnet/data/digits"
SAMPLES = "examples/digits"
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEST_EACH = 36
SALT = "graphnet digits"

README = """\
# Handwritten digits, 8x8

1,797 handwritten digits by 13 people, grey, 8 x 8 pixels, in the IDX files of MNIST's names:

| file | shape | type |
| --- | --- | --- |
| `train-images-idx3-ubyte.gz` | 1437 x 8 x 8 | uint8, pixels |
| `train-labels-idx1-ubyte.gz` | 1437 | uint8, the digit 0-9 |
| `t10k-images-idx3-ubyte.gz` | 360 x 8 x 8 | uint8, pixels |
| `t10k-labels-idx1-ubyte.gz` | 360 | uint8, the digit 0-9 |

## Source and licence

E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning
Repository, 1998, <https://doi.org/10.24432/C50P49>, licensed under the Creative Commons
Attribution 4.0 International licence (CC BY 4.0,
<https://creativecommons.org/licenses/by/4.0/>). These are the 1,797 digits of its test part, as
scikit-learn carries them.

Changed here: the pixel scale, the division into two parts and the file format. The pictures in
`examples/digits/` of the source tree show digits of the test part (enlarged, some of them
inverted or coloured) and are under the same licence.

## Pixels

The originals are bitmaps of 32 x 32, cut to the digit and scaled to fill the square; each
pixel v of 0-16 counts the ink in a block of 4 x 4. The files hold round(v * 255 / 16): 17
levels from 0 (paper) to 255 (ink), light on dark as in MNIST.

## The split

It is fixed: 36 of each digit are the test part (360), the other 1,437 the training part. The 36
are those whose SHA-256 of `graphnet digits N` is smallest, N being the place in scikit-learn's
order; both parts keep that order. Drawn at random, because the order goes writer by writer: the
last 360 would be other hands than the first 1,437, and unevenly many of each digit. So the same
13 people wrote both parts, and the test accuracy says how well a network reads new digits by
hands that it knows; it says less about strangers.

## How it was made

`python scripts/make_digits.py` wrote every file here, this one included, and the pictures;
`--check` compares them with what it would write.
"""


def idx_gz(array: Array) -> bytes:
    """One gzip stream of an IDX file of bytes; neither name, time nor system in its header."""
    content = idx(array)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(content) + deflate.flush()
    end = struct.pack("<II", zlib.crc32(content), len(content))
    return b"\x1f\x8b\x08\0\0\0\0\0\x02\xff" + body + end


def idx(array: Array) -> bytes:
    """0 0 8 RANK, the dimensions, the bytes."""
    dims = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes((0, 0, 8, array.ndim)) + dims + array.tobytes()


def parts() -> dict[str, tuple[Array, Array]]:
    """Images and labels of the two parts."""
    source = load_digits()
    images = np.rint(source.images * 255 / 16).astype(np.uint8)
    labels = source.target.astype(np.uint8)
    # SHA-256, because a random generator's stream may change with its library's version.
    drawn = sorted(
        range(len(labels)), key=lambda n: hashlib.sha256(f"{SALT} {n}".encode()).digest()
    )
    test = np.zeros(len(labels), bool)
    for digit in range(10):
        test[[n for n in drawn if labels[n] == digit][:TEST_EACH]] = True
    return {"train": (images[~test], labels[~test]), "t10k": (images[test], labels[test])}


def enlarged(digit: Array, side: int) -> npt.NDArray[np.float64]:
    """The digit's ink, 0 to 1, on side x side pixels, an empty rim around it."""
    rimmed = Image.fromarray(np.pad(digit, 1))
    ink = np.asarray(rimmed.resize((side, side), Image.Resampling.BICUBIC), np.float64) / 255
    # Steeper around one half, as a pen is: an enlarged pixel is a blur.
    return np.clip((ink - 0.5) * 3 + 0.5, 0, 1)


def drawn_on(
    digit: Array, side: int, corner: tuple[int, int], ink: tuple[int, ...], paper: tuple[int, ...]
) -> Array:
    """A picture of 200 x 160 with the digit's upper left corner at (x, y)."""
    cover = np.zeros((160, 200, 1))
    x, y = corner
    cover[y : y + side, x : x + side, 0] = enlarged(digit, side)
    picture = cover * np.array(ink, float) + (1 - cover) * np.array(paper, float)
    return np.rint(picture).astype(np.uint8)


def saved(picture: Array, kind: str) -> bytes:
    """The picture as a file: PNG, or JPEG of quality 85."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **({"quality": 85} if kind == "JPEG" else {}))
    return file.getvalue()


def samples(images: Array, labels: Array) -> dict[str, bytes]:
    """Pictures of test digits, named by what they show: the n-th of a digit, n from 0."""

    def test_digit(digit: int, n: int) -> Array:
        return images[np.flatnonzero(labels == digit)[n]]

    files = {f"{NAMES[d]}.png": saved(test_digit(d, 0), "PNG") for d in (0, 2, 3, 5, 6, 9)}
    # Chosen by eye, as ones that still look like writing when they are twelve times as large.
    grey = drawn_on(test_digit(7, 6), 116, (74, 14), (40,), (235,))[..., 0]
    files["seven_on_paper.png"] = saved(grey, "PNG")
    blue = drawn_on(test_digit(4, 5), 108, (18, 40), (30, 50, 140), (250, 246, 232))
    files["four_in_blue.jpg"] = saved(blue, "JPEG")
    chalk = drawn_on(test_digit(3, 9), 124, (60, 24), (245, 245, 240), (38, 60, 48))
    files["three_in_chalk.png"] = saved(chalk, "PNG")
    # One colour everywhere: the digit is in the alpha channel alone.
    amber = drawn_on(test_digit(0, 5), 112, (80, 36), (255, 200, 40, 255), (255, 200, 40, 0))
    files["zero_transparent.png"] = saved(amber, "PNG")
    return files


def made() -> dict[str, bytes]:
    """Every file by its path in the repository."""
    split = parts()
    files = {f"{DIGITS}/README.md": README.encode()}
    for part, (images, labels) in split.items():
        files[f"{DIGITS}/{part}-images-idx3-ubyte.gz"] = idx_gz(images)
        files[f"{DIGITS}/{part}-labels-idx1-ubyte.gz"] = idx_gz(labels)
    for name, content in samples(*split["t10k"]).items():
        files[f"{SAMPLES}/{name}"] = content
    return files


def same(name: str, found: bytes, expected: bytes) -> bool:
    """Equal in what they hold: versions of zlib and Pillow pack the same content otherwise."""
    if name.endswith(".gz"):
        inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            content = inflate.decompress(found)
        except zlib.error:
            return False
        whole = inflate.eof and not inflate.unused_data and found[:10] == expected[:10]
        return whole and content == zlib.decompress(expected, 16 + zlib.MAX_WBITS)
    if name.endswith((".png", ".jpg")):
        try:
            pixels = [np.asarray(Image.open(io.BytesIO(f))) for f in (found, expected)]
        except (OSError, ValueError, SyntaxError):
            return False
        a, b = (p.astype(int) for p in pixels)
        # Decoders of JPEG round differently, and so may enlarging; the small pictures are exact.
        allowed = 8 if a.shape[:2] == (160, 200) else 0
        return a.shape == b.shape and int(abs(a - b).max()) <= allowed
    return found.replace(b"\r\n", b"\n") == expected


def main() -> int:
    """Write or check the files; 0 where all is well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    checking = parser.parse_args().check
    wrong = 0
    for name, content in made().items():
        path = ROOT / name
        if not checking:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            print(f"{name}: {len(content)} bytes")
        elif not path.is_file():
            print(f"{name}: missing; run scripts/make_digits.py", file=sys.stderr)
            wrong += 1
        elif not same(name, path.read_bytes(), content):
            print(f"{name}: differs; run scripts/make_digits.py", file=sys.stderr)
            wrong += 1
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
