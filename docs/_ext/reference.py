"""The directive `generated`: parts of the reference that follow from the code.

    ```{generated} layers graphnet.layers.linear graphnet.layers.embedding
    ```

Formulas, shapes, gradients and attributes come from docstrings and declarations, examples from
`graphnet.spec.examples`, commands from their parsers, the tree of errors from `graphnet.errors`.
"""

import argparse
import ast
import importlib
import json
import textwrap
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from words import as_json, attributes, plain

from graphnet import errors
from graphnet.cli.common import Parser
from graphnet.cli.main import COMMANDS, MODULES
from graphnet.draw.formulas import sections, source_and_gradient
from graphnet.layers import LAYERS
from graphnet.spec import examples

PACKAGE = Path(errors.__file__).parent
OF_EVERY_NODE = ("id", "type", "doc", "shape", "share")


class Generated(SphinxDirective):
    """Markdown that is made while the manual is built, in the place of the directive."""

    required_arguments = 1
    optional_arguments = 20
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        what, *words = self.arguments
        text = MAKERS[what](*words)
        return self.parse_text_to_nodes(text, allow_section_headings=True)


@cache
def _schema() -> Mapping[str, Any]:
    """The schema that ships: a test holds it to the declarations."""
    file = PACKAGE / "spec" / "graphnet.schema.json"
    found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _definitions() -> Mapping[str, Any]:
    found: Mapping[str, Any] = _schema()["$defs"]
    return found


def _doc(doc: str | None) -> str:
    """A docstring, its parts each with its name."""
    parts = sections(doc or "")
    text = [
        f"```text\n{parts['formula'].replace('`', '')}\n```"
        if "=" in parts["formula"]
        else plain(parts["formula"])
    ]
    if parts["more"]:
        text.append(plain(parts["more"]))
    source, gradient = source_and_gradient(parts.get("Source", ""))
    said = {
        "Shapes": parts.get("Shapes", ""),
        "Gradient": gradient,
        "Units": parts.get("Units", ""),
        "Errors": parts.get("Errors", ""),
        "Source": source,
    }
    for name, what in said.items():
        if what:
            text.append(f"**{name}.** {plain(' '.join(what.split()))}")
    return "\n\n".join(text)


def layers(*modules: str) -> str:
    """The layers of some modules, a section each."""
    found = [name for name in LAYERS if LAYERS[name].__module__ in modules]
    assert {LAYERS[name].__module__ for name in found} == set(modules)
    return "\n\n".join(map(_layer, found))


def _layer(name: str) -> str:
    spec = LAYERS[name].Spec
    body = _definitions()[f"Node.{name}"]
    shapes = examples.NODES[name].shapes
    out = spec.model_validate(examples.node(name)).infer_shape(*shapes)
    ports = [f"`{port}`" for port in spec.ports]
    ports += [f"`{port}` (may be left out)" for port in spec.optional]
    more = ", and as many more as arrive" if spec.repeats else ""
    said = attributes(body, OF_EVERY_NODE)
    into = ", ".join(f"({_dims(shape)})" for shape in shapes)
    return "\n\n".join(
        [
            f"(layer-{name.lower()})=\n\n## {name}",
            _doc(LAYERS[name].__doc__),
            f"**Inputs.** {', '.join(ports)}{more}",
            f"**Attributes.**\n\n{said}" if said else "It has no attributes of its own.",
            f"**Example.** A sample of {into} becomes ({_dims(out)}).",
            f"```json\n{as_json(examples.node(name))}\n```",
        ]
    )


def _dims(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape)) + "," * (len(shape) == 1)


def layer_list() -> str:
    """Every layer with its formula, by the module that it stands in."""
    lines = ["| layer | formula |", "| --- | --- |"]
    for name in LAYERS:
        formula = sections(LAYERS[name].__doc__ or "")["formula"].splitlines()[0]
        lines.append(f"| [{name}](#layer-{name.lower()}) | {plain(formula)} |")
    return "\n".join(lines)


def family(name: str) -> str:
    """The members of another family than the layers, a section each."""
    found = []
    tag = "source" if name == "Data" else "type"
    for member, example in examples.TYPED[name].items():
        body = _definitions()[f"{name}.{member}"]
        said = attributes(body, (tag,))
        found += [
            f"({name.lower()}-{member.lower()})=\n\n## {member}",
            _doc(body["description"]),
            f"**Attributes.**\n\n{said}" if said else "It has no attributes.",
            f"```json\n{as_json(example)}\n```",
        ]
    return "\n\n".join(found)


def part(name: str) -> str:
    """The fields of a part of a spec, with an example."""
    body = _schema() if name == "GraphSpec" else _definitions()[name]
    text = [plain(body["description"])] if "description" in body else []
    text.append(attributes(body))
    if name in examples.PARTS:
        text.append(f"```json\n{as_json(examples.PARTS[name])}\n```")
    return "\n\n".join(text)


def block_node() -> str:
    """The fields of a node that stands for a block."""
    body = _definitions()["Node.Block"]
    text = attributes(body, ("doc", "shape"))
    return f"{text}\n\n```json\n{as_json(examples.PARTS['Block'])}\n```"


def node() -> str:
    """The fields that every node has."""
    body = _definitions()["NodeSpec"]
    return attributes(body)


class _Taken(BaseException):
    """A command's parser, on its way out of the command."""


def parser_of(command: str) -> argparse.ArgumentParser:
    """The parser that a command makes for itself."""

    def hand_out(self: argparse.ArgumentParser, *args: Any, **kwargs: Any) -> None:
        raise _Taken(self)

    module = importlib.import_module(f"graphnet.cli.{MODULES.get(command, command)}")
    parsing = ("parse_args", "parse_intermixed_args")
    with ExitStack() as stack:
        for name in parsing:
            stack.enter_context(patch.object(Parser, name, hand_out))
        try:
            module.main([])
        except _Taken as e:
            found: argparse.ArgumentParser = e.args[0]
            return found
    raise RuntimeError(f"graphnet {command} makes no parser")


def commands() -> str:
    """Every command with its options, a section each."""
    return "\n\n".join(_command(name, what) for name, what in COMMANDS.items())


def _command(name: str, what: str) -> str:
    parser = parser_of(name)
    parser.prog = f"graphnet {name}"
    usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
    usage = textwrap.fill(usage, 72, subsequent_indent="    ", break_on_hyphens=False)
    said = []
    for action in parser._actions:
        if action.help == argparse.SUPPRESS or isinstance(action, argparse._HelpAction):
            continue
        names = ", ".join(f"`{_called(action, one)}`" for one in action.option_strings or [""])
        text = str(action.help or "")
        if text.partition(" ")[0].isalpha():
            text = text[:1].upper() + text[1:]
        said.append(f"{names}\n: {plain(text)}\n")
    return "\n\n".join(
        [
            f"(command-{name})=\n\n## {name}",
            plain(" ".join((parser.description or what).split())),
            f"```text\n{usage}\n```",
            "\n".join(said),
        ]
    )


def _called(action: argparse.Action, option: str) -> str:
    takes = action.metavar or action.dest
    if not option:
        return str(takes)
    if action.nargs == 0:
        return option
    if action.metavar is None and action.choices:
        takes = "|".join(map(str, action.choices))
    return f"{option} {takes if action.metavar or action.choices else action.dest.upper()}"


def error_tree() -> str:
    """The tree of errors, each with the exit code of a command that ends in it."""

    def lines(cls: type[errors.GraphnetError], depth: int) -> list[str]:
        own = f"{'  ' * depth}{cls.__name__}"
        below = [line for sub in cls.__subclasses__() for line in lines(sub, depth + 1)]
        return [f"{own:<32}{cls.exit_code}", *below]

    return "```text\n" + "\n".join(lines(errors.GraphnetError, 0)) + "\n```"


def house() -> str:
    """Every folder and file of the package, each with its first sentence."""
    found = []
    for path in sorted(PACKAGE.iterdir(), key=lambda one: (one.is_file(), one.name)):
        file = path / "__init__.py" if path.is_dir() else path
        if file.suffix != ".py" or not file.exists() or path.name == "__init__.py":
            continue
        doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        name = f"{path.name}/" if path.is_dir() else path.name
        found.append(f"`{name}`\n: {plain(' '.join(doc.partition(chr(10) * 2)[0].split()))}\n")
    return "\n".join(found)


MAKERS: dict[str, Callable[..., str]] = {
    "layers": layers,
    "layer-list": layer_list,
    "family": family,
    "part": part,
    "node": node,
    "block-node": block_node,
    "commands": commands,
    "error-tree": error_tree,
    "house": house,
}


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known."""
    app.add_directive("generated", Generated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
