"""Imports run one way, and a command imports only what it needs."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import graphnet
from graphnet.builder import build
from graphnet.spec.reader import read_spec

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "graphnet"

RANKS = [
    {"errors"},
    {"declaration", "randomness", "memory"},
    {
        "products",
        "erf",
        "attending",
        "convolution",
        "layers",
        "losses",
        "optimizers",
        "initializers",
    }
    | {"schedules", "workspace", "held", "blas"},
    {"spec"},
    {"builder", "network", "inputs", "judging", "differences", "scores", "metrics", "finite"}
    | {
        "engine",
        "program",
        "schedule",
        "arena",
        "rearrange",
        "plan",
        "prediction",
        "walk",
        "crew",
        "streaming",
    },
    {"gradcheck", "bundle", "prepare"},
    {"data", "training", "draw", "report", "exchange", "starting"},
    {"distributed"},
    {"answering", "bulk", "serving"},
    {"cli"},
    {"__main__"},
]
"""What stands further down imports what stands above it, or beside it, and never the other way."""

ALLOWED = {
    # The root's lazy names lead everywhere; these ask it for its version alone.
    ("graphnet.cli.main", "graphnet"),
    ("graphnet.distributed.alike", "graphnet"),
    ("graphnet.bulk.run", "graphnet"),
}


class Import(NamedTuple):
    """`module` imports `target`; typing: for a type checker alone."""

    module: str
    target: str
    typing: bool


def modules() -> dict[str, Path]:
    """Dotted name -> file."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports() -> Iterator[Import]:
    """Every import of a module of the package by another, those inside functions too."""
    for module, path in MODULES.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for statement, typing in statements(tree, False):
            if isinstance(statement, ast.Import):
                names = [alias.name for alias in statement.names]
            else:
                assert statement.level == 0, f"{module}: relative import"
                base = statement.module or ""
                names = [f"{base}.{alias.name}" for alias in statement.names]
                names = [name if name in MODULES else base for name in names]
            yield from (
                Import(module, name, typing) for name in names if name.split(".")[0] == "graphnet"
            )


def statements(node: ast.AST, typing: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, typing
        guard = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        yield from statements(child, typing or guard)


def rank(module: str) -> int:
    part = module.split(".")[1]
    (found,) = (i for i, parts in enumerate(RANKS) if part in parts)
    return found


def test_every_module_has_a_rank():
    parts = {module.split(".")[1] for module in MODULES if "." in module}
    assert parts <= set().union(*RANKS)


def test_imports_run_one_way():
    wrong = [
        f"{one.module} imports {one.target}"
        for one in imports()
        if not one.typing
        and (one.module, one.target) not in ALLOWED
        and (one.target == "graphnet" or rank(one.target) > rank(one.module))
    ]
    assert wrong == []


def test_every_exception_to_the_rule_is_used():
    assert {(one.module, one.target) for one in imports()} >= ALLOWED


def test_layers_know_no_files_and_specs_do_not_compute():
    outside: dict[str, set[str]] = {"layers": set(), "spec": set()}
    for module, path in MODULES.items():
        part = [*module.split("."), ""][1]
        if part in outside:
            for statement, _ in statements(ast.parse(path.read_text(encoding="utf-8")), False):
                base = statement.module if isinstance(statement, ast.ImportFrom) else None
                names = [base] if base else [alias.name for alias in statement.names]
                outside[part] |= {name.split(".")[0] for name in names}
    assert not outside["layers"] & {"json", "os", "pathlib", "io", "msgpack", "PIL", "rich"}
    assert not outside["spec"] & {"numpy", "msgpack", "PIL", "rich"}


def test_the_library_does_not_print():
    for module, path in MODULES.items():
        if not module.startswith("graphnet.cli"):
            calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
            assert not [c for c in calls if ast.unparse(c.func) == "print"], module


def loaded(program: str) -> set[str]:
    """The modules that a program imports in a new process, beyond those of a bare Python.

    `-X importtime` would not do: it leaves out what `importlib.import_module` is asked for.
    """
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    lines = (
        "import sys",
        "bare = set(sys.modules)",
        program,
        "print(*(set(sys.modules) - bare), file=sys.stderr)",
    )
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def loaded_by(command: str, *arguments: object) -> set[str]:
    """The modules that a command imports."""
    words = [str(word) for word in arguments]
    call = f"assert command({command!r}, {words!r}) == 0"
    return loaded(f"from graphnet.cli.main import command\n{call}")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("imports") / "digits.msgpack"
    graphnet.save(path, build(read_spec(ROOT / "models" / "digits.json")))
    return path


def test_the_package_alone_imports_nothing_large():
    found = loaded("import graphnet")
    assert "graphnet" in found
    assert not found & {"numpy", "pydantic", "msgpack", "PIL", "rich"}
    assert {name for name in found if name.startswith("graphnet.")} == set()


def test_infer_imports_only_what_a_picture_needs(bundle):
    picture = ROOT / "examples" / "digits" / "four_in_blue.jpg"
    found = loaded_by("infer", bundle, picture)
    assert {"graphnet.cli.infer", "graphnet.bundle.reader", "numpy", "pydantic"} <= found
    ours = {
        "graphnet.training",
        "graphnet.data",
        "graphnet.draw",
        "graphnet.exchange",
        "graphnet.bundle.writer",
        "graphnet.gradcheck",
        "graphnet.convolution",
        "graphnet.crew",
        "graphnet.blas",
        "graphnet.randomness",
        "graphnet.spec.mistakes",
        "graphnet.spec.schema",
        "graphnet.spec.overrides",
        "graphnet.cli.train",
        "graphnet.cli.progress",
    }
    theirs = {"rich", "threadpoolctl", "matplotlib", "concurrent.futures", "numpy.random"}
    theirs |= {"urllib.request", "http.client", "ssl", "asyncio", "tempfile", "gzip", "unittest"}
    theirs |= {"mmap", "queue", "difflib", "email", "importlib.metadata"}
    assert not found & (ours | theirs)
    layers = {name for name in found if name.startswith("graphnet.layers.")}
    # The families of the nodes that the file uses and what they are made of, no others.
    used = ("base", "node", "linear", "activation", "elementwise")
    assert layers == {f"graphnet.layers.{n}" for n in used}


def test_infer_imports_only_what_a_row_or_a_text_needs(bundle, tmp_path):
    def untrained(name: str) -> Path:
        spec = read_spec(ROOT / "models" / f"{name}.json")
        net = build(spec)
        net.prepare = graphnet.load_data(spec, ROOT / "models").prepare
        graphnet.save(tmp_path / name, net)
        return tmp_path / name

    iris, dates = untrained("iris"), untrained("char_lstm")
    rows = loaded_by("infer", iris, ROOT / "models" / "data" / "iris.csv")
    text = loaded_by("infer", dates, "--text", "3 march")
    picture = loaded_by("infer", bundle, ROOT / "examples" / "digits" / "four_in_blue.jpg")
    assert {"graphnet.prepare.table", "csv"} <= rows
    assert "graphnet.prepare.text" in text
    for found in (rows, text, picture):
        assert not found & {"graphnet.training", "graphnet.data", "graphnet.spec.sources"}
        assert not found & {"graphnet.bundle.writer", "rich", "zipfile", "numpy.random"}
    assert not (rows | text) & {"PIL", "graphnet.prepare.image"}
    ours = {"graphnet.spec.columns", "graphnet.spec.text", "graphnet.spec.prepared", "csv"}
    assert not picture & {*ours, "graphnet.spec.filling", "graphnet.prepare.files"}


def test_a_command_is_imported_without_collections():
    lines = (
        "import gc",
        "from graphnet.cli.main import _imported",
        "collections = []",
        "gc.callbacks.append(lambda *given: collections.append(given))",
        "_imported('graphnet.cli.infer')",
        "assert collections == []",
        "assert gc.isenabled() and gc.get_freeze_count() > 10_000",
        "gc.disable()",  # a caller's own choice stays
        "_imported('graphnet.cli.train')",
        "assert not gc.isenabled()",
    )
    assert {"graphnet.cli.infer", "graphnet.cli.train"} <= loaded("\n".join(lines))


def test_check_and_models_train_nothing():
    found = loaded_by("check", ROOT / "models" / "digits.json")
    assert not found & {"graphnet.training", "graphnet.data", "graphnet.prepare", "rich"}
    # To print a file takes no library at all.
    assert not loaded_by("models", "digits") & {"numpy", "pydantic", "rich"}


def test_the_lazy_names_all_resolve():
    for name in graphnet.__all__:
        assert getattr(graphnet, name).__name__ == name
    assert graphnet.__all__ == sorted(graphnet._HOMES)
    assert set(dir(graphnet)) == {*graphnet.__all__, "__version__"}
    with pytest.raises(AttributeError, match="module 'graphnet' has no attribute 'trian'"):
        _ = graphnet.trian


def test_the_lazy_names_are_those_that_a_type_checker_sees():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    seen = {}
    for statement, typing in statements(tree, False):
        if typing and isinstance(statement, ast.ImportFrom):
            if statement.module == "typing":
                continue
            for alias in statement.names:
                assert alias.asname == alias.name, "only `x as x` is handed on"
                seen[alias.name] = statement.module
    assert seen == graphnet._HOMES
