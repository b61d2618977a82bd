"""Names, labels, docs and cells of a stranger reach no terminal as they are: every command."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from processes import ROOT

LABELS = [
    "\x1b[31mred\x1b[0m\x07",
    "a\tb\nc\rd",
    "\u202eleft\u2066\u200b[bold][link=http://x]y[/]",
    "\x9b2J\x7f\x85\u2028",
]
COLUMN = "wide\x1b[2J\u202e"
ESCAPING = {"printable", "clipped", "quoted", "table", "dumps"}
PLAIN = {
    # What is printed as it stands, and why nothing of a stranger is in it.
    ("check.py", "_expanded(options.file)"): "readable_text escapes",
    ("check.py", "report(graph, plan)"): "names of the grammar, and table",
    ("common.py", "line"): "emit itself: what calls it is looked at",
    (
        "infer.py",
        "f'{printable(place.start)}\\t' * bool(place.start) + printable(line)",
    ): "all of it is escaped",
    ("infer.py", "line"): "Answers.lines escapes",
    ("main.py", "usage()"): "our own text",
    ("main.py", "'interrupted'"): "our own text",
    ("main.py", "f'graphnet {__version__}'"): "our own text",
    ("models.py", "text"): "a spec that ships",
    ("progress.py", "line"): "columns escape the names of figures",
    ("main.py", "f'graphnet: unknown command {quoted(words[0])}{hint}'"): "a hint names a command",
    (
        "ending.py",
        "f\"{said}{(chr(10) if narrow else ' ')}{rest}\"",
    ): "outcome escapes the names of figures",
    ("new.py", "text"): "a spec's JSON, whose texts are escaped as JSON escapes",
    ("ending.py", "text"): "the tables of classes: table, and escaped names",
}


def is_escaped(node):
    """Whether an argument is a text of ours, a number, or goes through what escapes."""
    if isinstance(node, ast.Constant):
        return False
    if isinstance(node, ast.JoinedStr):
        return all(is_escaped(v) for v in node.values if not isinstance(v, ast.Constant))
    if isinstance(node, ast.FormattedValue):
        # A format of digits takes numbers alone.
        return node.format_spec is not None or is_escaped(node.value)
    if isinstance(node, ast.BinOp):
        return is_escaped(node.left) and is_escaped(node.right)
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        return name in ESCAPING
    return isinstance(node, ast.Compare) or ast.unparse(node) == "bool(place.start)"


def prints():
    """Every call that prints, in the commands; their scripts print our own text alone."""
    for path in sorted((ROOT / "graphnet" / "cli").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = isinstance(node, ast.Call) and getattr(
                node.func, "id", getattr(node.func, "attr", "")
            )
            if name in ("print", "emit", "write") and node.args:
                yield path.name, node.args[0]


def test_every_place_that_prints_escapes_or_is_known():
    open_ones = set()
    for file, argument in prints():
        text = ast.unparse(argument)
        if not (is_escaped(argument) or (file, text) in PLAIN):
            open_ones.add((file, text))
    assert not open_ones


def harmless(data: bytes) -> None:
    """Nothing but printable characters, line breaks and the tabs between fields."""
    text = data.decode("utf-8")
    assert text.replace("\n", "").replace("\t", "").isprintable(), ascii(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A spec and a table with hostile text in all that the grammar lets a stranger write."""
    values = {
        "format": 1,
        "name": "hostile",
        "doc": "\x1b[31m doc \u202e\x9b",
        "inputs": {"x": {"shape": [1], "columns": {COLUMN: "number"}, "doc": "\x07"}},
        "nodes": [{"id": "score", "type": "Affine", "units": 4, "doc": "\u2028\x1b]0;t\x07"}],
        "edges": [["x", "score"]],
        "labels": LABELS,
        "loss": {"type": "SoftmaxWithLoss"},
        "data": {"source": "csv", "train": "rows.csv", "target": "class\x1b[1m"},
        "train": {
            "epochs": 2,
            "metrics": [{"type": "Recall", "label": label} for label in LABELS],
        },
    }
    (tmp_path / "s.json").write_text(json.dumps(values))
    rows = [f'{COLUMN},"class\x1b[1m"']
    rows += [f'{i},"{label}"' for i, label in enumerate(LABELS * 5)]
    with open(tmp_path / "rows.csv", "w", encoding="utf-8", newline="") as file:
        file.write("\n".join(rows))
    with open(tmp_path / "ask.csv", "w", encoding="utf-8", newline="") as file:
        file.write(f"{COLUMN}\n1\n2\n3\nx\x1b[2J\n")
    return tmp_path


def run(folder: Path, name: str, *words: str) -> tuple[int, bytes]:
    line = [sys.executable, str(ROOT / "tools" / f"{name}.py"), *words]
    env = {**os.environ, "PYTHONUTF8": "1"}
    done = subprocess.run(line, cwd=folder, capture_output=True, timeout=120, env=env)
    harmless(done.stdout)
    harmless(done.stderr)
    assert b"Traceback" not in done.stderr
    return done.returncode, done.stdout


def test_every_command_escapes_what_a_stranger_wrote(folder):
    for words in (["--classes"], ["--json", "--classes", "--out", "b.msgpack"]):
        code, out = run(folder, "train", "s.json", *words)
        assert code == 0, out
    for words in ([], ["--top", "2"], ["--json"]):
        code, out = run(folder, "infer", "hostile.msgpack", "ask.csv", *words)
        assert code == 3  # the last row is no number
        assert len(out.splitlines()) == 3 * (2 if "--top" in words else 1)
    for line in out.splitlines():
        assert json.loads(line)["label"] in LABELS
    assert run(folder, "check", "s.json")[0] == 0
    for file in ("s.json", "hostile.msgpack"):
        code, out = run(folder, "check", "--expand", file)
        assert code == 0
        assert json.loads(out)["labels"] == LABELS
    assert run(folder, "gradcheck", "s.json")[0] == 0
    assert run(folder, "export", "hostile.msgpack", "e\x1b[2J\n.json")[0] == 0
    assert run(folder, "import", "e\x1b[2J\n.json", "--out", "i\u202e.msgpack")[0] == 0
    assert run(folder, "models", "no\x1b[2J")[0] == 2


@pytest.mark.parametrize(
    "words",
    [
        ["train", "no\x1b[2J\nsuch.json"],
        ["train", "s.json", "--set", "train.\x1b[2J=1"],
        ["train", "s.json", "--set", "train.epochs=\x1b[2J\u202e"],
        ["train", "s.json", "--out", "no\x1b\n/x.msgpack"],
        ["train", "s.json", "--\x1b[2J"],
        ["infer", "no\x1b\n.msgpack", "ask.csv"],
        ["infer", "s.json", "ask.csv"],
        ["check", "no\x1b[2J\n.json"],
        ["gradcheck", "no\x1b[2J\n.json"],
        ["export", "no\x1b[2J\n.msgpack", "x.onnx"],
        ["export", "no.msgpack", "x.\x1b[2J\n"],
        ["import", "no\x1b[2J\n.onnx"],
    ],
    ids=ascii,
)
def test_what_is_refused_is_refused_in_one_line(folder, words):
    line = [sys.executable, str(ROOT / "tools" / f"{words[0]}.py"), *words[1:]]
    done = subprocess.run(line, cwd=folder, capture_output=True, timeout=60)
    harmless(done.stderr)
    assert done.returncode in (2, 3)
    assert len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pty")
def test_on_a_terminal_the_bar_shows_nothing_of_it(folder):
    import pty

    master, slave = pty.openpty()
    line = [sys.executable, str(ROOT / "tools" / "train.py"), "s.json"]
    process = subprocess.Popen(line, cwd=folder, stdout=slave, stderr=slave, stdin=slave)
    os.close(slave)
    found = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # Linux says so where the other end is closed
            break
        if not piece:
            break
        found += piece
    os.close(master)
    assert process.wait(60) == 0
    text = found.decode("utf-8")
    assert "recall[" in text.replace("\r", "").replace("\n", "")
    assert "\x07" not in text
    assert "\x9b" not in text
    assert "\u202e" not in text
    assert "\x1b[31mred" not in text
    assert re.search(r"recall\[.{11}\.\.", text)  # a long name is cut
    assert "\x1b]8" not in text
