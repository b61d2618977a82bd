"""What the library's own code never does: run a text, import by a name from data, reach out."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MODULES = {
    **dict.fromkeys(("pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"), "runs code"),
    **dict.fromkeys(("ctypes", "cffi", "code", "codeop", "runpy", "pty"), "runs code"),
    **dict.fromkeys(("yaml", "tarfile"), "makes objects, or writes files, as data say"),
    **dict.fromkeys(("subprocess", "multiprocessing"), "begins processes"),
    **dict.fromkeys(("socket", "ssl", "http", "urllib", "requests", "ftplib"), "reaches out"),
    **dict.fromkeys(("webbrowser", "smtplib", "xmlrpc", "telnetlib"), "reaches out"),
    "importlib": "imports by name",
}
CALLS = {
    **dict.fromkeys(("eval", "exec", "compile", "__import__"), "runs a text"),
    **dict.fromkeys(("globals", "vars", "locals"), "reaches names by text"),
    **dict.fromkeys(("system", "popen", "execv", "execve", "spawnv", "fork"), "begins processes"),
}
BY_NAME = ("getattr", "setattr", "delattr")

ALLOWED = {
    ("graphnet/__init__.py", "importlib"): "the root's names, from a table in that file",
    ("graphnet/declaration.py", "importlib"): "a family's modules, from a table in the code",
    ("graphnet/cli/main.py", "importlib"): "a command's module, from a table in that file",
    ("graphnet/cli/main.py", "vars"): "a stand-in for a module of Pydantic's",
    ("graphnet/cli/common.py", "subprocess"): "only quotes a line for a person: list2cmdline",
    ("graphnet/distributed/watch.py", "fork"): "a process that watches the rank it begins",
    ("graphnet/bulk/parquet.py", "importlib"): "whether pyarrow is installed",
    ("graphnet/bulk/processes.py", "subprocess"): "this Python with a module named there",
    ("graphnet/bulk/processes.py", "fork"): "processes that answer beside the one that forks",
    ("graphnet/exchange/files.py", "importlib"): "whether onnx and safetensors are installed",
    ("graphnet/data/mnist.py", "urllib"): "downloads data sets whose sums are published",
    ("graphnet/serving/server.py", "socket"): "listens, on this machine alone by default",
    ("graphnet/serving/connection.py", "http"): "the names of status codes",
    ("graphnet/serving/app.py", "urllib"): "takes a query apart",
    ("graphnet/data/mnist.py", "http"): "the errors of that download",
}
NAMES_OF_CODE = {
    "graphnet/__init__.py": "a name of the table above it",
    "graphnet/spec/prepared.py": "a name of a tuple in the line",
    "graphnet/draw/words.py": "fields that a declaration has",
    "graphnet/spec/sources.py": "names of a tuple above it",
    "graphnet/spec/graph.py": "a name of a tuple in the line",
    "graphnet/layers/shaping.py": "names of a tuple above it",
    "graphnet/training/keeping.py": "flags of os, from a tuple",
    "graphnet/training/result.py": "names of a tuple above it",
    "graphnet/bundle/reader.py": "flags of os, from a tuple",
    "graphnet/bundle/writer.py": "flags of os, from a tuple",
    "graphnet/prepare/picture.py": "flags of os, from a tuple",
    "graphnet/prepare/files.py": "flags of os, from a tuple",
    "graphnet/cli/common.py": "streams of sys, from a tuple",
    "graphnet/exchange/tensors.py": "names of a tuple above it",
    "graphnet/exchange/exporter/elementwise.py": "names of a table in that file",
    "graphnet/exchange/importer/protobuf.py": "fields of a table in that file",
}
"""Files with getattr or setattr whose name is no constant, and whence it comes."""


def findings(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(what, why) of all that is on the lists."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [n.name for n in node.names] if isinstance(node, ast.Import) else [node.module]
            for name in names:
                root = (name or "").partition(".")[0]
                if root in MODULES:
                    yield root, MODULES[root]
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
        if name in CALLS and not (name == "compile" and _is_of(called, "re")):
            yield name, CALLS[name]
        fixed = len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
        if isinstance(called, ast.Name) and name in BY_NAME and not fixed:
            yield "by name", "reaches an attribute by a name that is no constant"
        if name == "load" and _is_of(called, "np"):
            pickles = [k.value for k in node.keywords if k.arg == "allow_pickle"]
            if not pickles or getattr(pickles[0], "value", True) is not False:
                yield "np.load", "may unpickle"
        if any(k.arg == "allow_pickle" and getattr(k.value, "value", True) for k in node.keywords):
            yield "allow_pickle", "unpickles"
        if name == "dtype" and _is_of(called, "np") and node.args and _may_be_text(node.args[0]):
            yield "np.dtype", "takes objects and records from a text"


def _is_of(called: ast.expr, module: str) -> bool:
    return isinstance(called, ast.Attribute) and getattr(called.value, "id", "") == module


def _may_be_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr)


def files() -> list[Path]:
    return sorted([*(ROOT / "graphnet").rglob("*.py"), *(ROOT / "tools").glob("*.py")])


def test_nothing_is_run_imported_by_name_or_fetched():
    found = set()
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        for what, why in findings(ast.parse(path.read_text(encoding="utf-8"))):
            if what == "by name" and name in NAMES_OF_CODE:
                found.add(name)
                continue
            assert (name, what) in ALLOWED, f"{name}: {what} {why}"
            found.add((name, what))
    # What is allowed and no longer there is taken off the list.
    assert found == set(ALLOWED) | set(NAMES_OF_CODE)


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import pickle", "pickle"),
        ("from pickle import loads", "pickle"),
        ("import os.path, marshal", "marshal"),
        ("from urllib.request import urlopen", "urllib"),
        ("importlib.import_module(name)\nimport importlib", "importlib"),
        ("eval(text)", "eval"),
        ("builtins.exec(text)", "exec"),
        ("compile(text, '', 'exec')", "compile"),
        ("__import__(name)", "__import__"),
        ("os.system(text)", "system"),
        ("subprocess.run(text)\nimport subprocess", "subprocess"),
        ("setattr(layer, name, value)", "by name"),
        ("getattr(module, name)(value)", "by name"),
        ("np.load(path)", "np.load"),
        ("np.load(path, allow_pickle=True)", "allow_pickle"),
        ("np.lib.format.read_array(file, allow_pickle=yes)", "allow_pickle"),
        ("np.dtype(f'<{text}')", "np.dtype"),
        ("globals()[name]", "globals"),
    ],
)
def test_the_check_finds(code, what):
    assert what in {found for found, _ in findings(ast.parse(code))}


def test_the_check_leaves_the_rest():
    code = "re.compile('a'); getattr(os, 'O_BINARY', 0); np.load(path, allow_pickle=False)"
    assert list(findings(ast.parse(code))) == []
