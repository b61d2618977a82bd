"""Drawings: nothing lies over anything else, whatever the graph; the same bytes each time."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from draw_graphs import overlaps, random_graph

from graphnet.draw.card import Card, Line
from graphnet.draw.cards import FAMILIES
from graphnet.draw.drawing import drawn, svg_of
from graphnet.draw.groups import Wire, tree_of
from graphnet.draw.mesh import Edge, Vertex, mesh_of
from graphnet.draw.ordering import crossings, order
from graphnet.draw.picture import Box, Picture, picture_of
from graphnet.draw.symbols import SYMBOLS
from graphnet.layers.base import LAYERS
from graphnet.spec.reader import Resolved, check_values, read_spec, resolve

MODELS = sorted((Path(__file__).parents[2] / "models").glob("*.json"))


def model(name: str) -> Resolved:
    return resolve(read_spec(next(path for path in MODELS if path.stem == name)))


def middles(picture: Picture) -> dict[str, tuple[float, float]]:
    return {
        n.card.name: (n.box.x + n.box.width / 2, n.box.y + n.box.height / 2) for n in picture.nodes
    }


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
@pytest.mark.parametrize("collapse", [False, True], ids=["open", "collapsed"])
def test_nothing_overlaps_in_a_shipped_model(path: Path, collapse: bool) -> None:
    assert overlaps(drawn(resolve(read_spec(path)), collapse=collapse)) == []


@pytest.mark.parametrize("tens", range(20))
def test_nothing_overlaps_in_random_graphs(tens: int) -> None:
    for seed in range(10 * tens, 10 * tens + 10):
        graph = random_graph(seed)
        assert overlaps(drawn(graph, collapse=seed % 10 == 0)) == [], seed


def test_the_count_finds_what_overlaps() -> None:
    picture = drawn(model("residual"))
    at = next(i for i, node in enumerate(picture.nodes) if "/" in node.card.name)
    first = picture.nodes[at]
    moved = first.box._replace(x=first.box.x + 30)
    picture.nodes.append(first._replace(card=Card("other", "layer", []), box=moved))
    found = overlaps(picture)
    assert f"{first.card.name} over other" in found
    assert any(text.startswith("arrow of") for text in found)
    picture.nodes[at] = first._replace(box=Box(-5, 0, 10, 10))
    assert f"{first.card.name} past the edge" in overlaps(picture)
    assert any("sticks out of" in text for text in overlaps(picture))


def test_every_node_and_every_edge_is_drawn() -> None:
    graph = random_graph(3)
    picture = drawn(graph)
    names = {n.card.name for n in picture.nodes if n.card.kind in ("layer", "primitive", "input")}
    assert names == {*graph.spec.inputs, *graph.nodes}
    arrows = sum(len(sources) for sources in graph.wiring.sources.values())
    ends = sum(n.card.kind == "output" for n in picture.nodes)
    assert sum(route.tip for route in picture.routes) == arrows + ends


def test_arrows_go_from_left_to_right_as_in_the_book() -> None:
    graph = model("apple_orange")
    at = middles(drawn(graph))
    for node, sources in graph.wiring.sources.items():
        assert all(at[source][0] < at[node][0] for source in sources)
    inputs = ["apple_num", "apple", "orange", "orange_num", "tax"]
    assert len({int(at[name][0]) for name in inputs}) == 1
    assert [at[name][1] for name in inputs] == sorted(at[name][1] for name in inputs)
    assert at["apple_price"][1] == pytest.approx((at["apple"][1] + at["apple_num"][1]) / 2, abs=1)
    assert int(at["price"][1]) == int(at["all_price"][1])


def test_a_chain_is_one_straight_line_in_each_row() -> None:
    at = middles(drawn(model("mnist_deep")))
    heights = [at[name][1] for name in ("x", "conv1", "relu1", "conv2", "relu2", "pool1")]
    assert len({int(height) for height in heights}) == 1


def test_columns_are_put_in_the_order_in_which_fewest_arrows_cross() -> None:
    one, two, three, four = (Vertex(name) for name in "abcd")
    tangled = [Edge(one, 0, four, 0, "a"), Edge(two, 0, three, 0, "b")]
    mesh = mesh_of([one, two, three, four], tangled)
    assert crossings(mesh) == 1
    assert order(mesh) == 0


def test_frames_hold_the_nodes_of_their_block() -> None:
    picture = drawn(model("residual"))
    assert [f.title for f in picture.frames][:3] == ["start", "stage1 (1)", "first"]
    assert len(picture.frames) == 10


def test_collapsed_blocks_are_one_node_each() -> None:
    graph = model("residual")
    picture = drawn(graph, collapse=True)
    assert picture.frames == []
    folded = [n.card for n in picture.nodes if n.card.kind == "folded"]
    assert [card.name for card in folded] == ["start/", "stage1/", "wider/", "stage2/"]
    assert [card.lines[0].text for card in folded] == ["start", "stage1 ×2", "wider", "stage2 ×2"]
    assert len(picture.nodes) == 4 + 4 + 2  # x, pool, mean, scores; the loss and its end


def test_a_block_that_is_an_output_has_one_frame_and_its_end_none() -> None:
    inner = {"inputs": ["x"], "output": "b", "nodes": [{"id": "b", "type": "Relu"}]}
    values = {
        "format": 1,
        "name": "ends",
        "inputs": {"x": {"shape": [2]}},
        "blocks": {"one": {**inner, "edges": [["x", "b"]]}},
        "nodes": [{"id": name, "type": "Block", "block": "one"} for name in ("s", "u")],
        "edges": [["x", "s"], ["x", "u"]],
        "outputs": ["s", "u"],
    }
    graph = check_values(values)
    assert [frame.prefix for frame in drawn(graph).frames] == ["s/", "u/"]
    folded = [n.card for n in drawn(graph, collapse=True).nodes if n.card.kind == "folded"]
    assert [(card.name, card.lines[-1].text) for card in folded] == [("s/", "Relu"), ("u/", "Relu")]


def test_an_output_that_is_used_inside_says_so() -> None:
    values = {
        "format": 1,
        "name": "inside",
        "inputs": {"x": {"shape": [2]}},
        "nodes": [
            {"id": "a", "type": "Relu"},
            {"id": "b", "type": "Exp"},
            {"id": "c", "type": "Add"},
        ],
        "edges": [["x", "a", "b", "c"], ["x", "c"]],
        "outputs": ["a", "b", "c"],
    }
    cards = {n.card.name: n.card for n in drawn(check_values(values)).nodes}
    assert cards["a"].lines[-1].text == "output"
    assert cards["b"].caption.text == "b (output)"
    assert cards["c"].caption.text == "c"
    assert cards["output c"].kind == "output"


def test_every_layer_that_is_no_primitive_node_has_a_colour() -> None:
    files = {cls.__module__.rpartition(".")[2] for n, cls in LAYERS.items() if n not in SYMBOLS}
    assert files == set(FAMILIES)


def test_a_frame_that_an_arrow_leaves_and_comes_back_to_is_left_out() -> None:
    names = ("a/one", "b", "a/two", "c/d")
    cards = [Card(name, "layer", [Line(name, 11)], path=name) for name in names]
    wires = [Wire("a/one", "b"), Wire("b", "a/two"), Wire("a/two", "c/d")]
    tree = tree_of(cards, wires)
    assert [child.name if isinstance(child, Card) else child.prefix for child in tree.children] == [
        "a/one",
        "a/two",
        "b",
        "c/",
    ]
    assert overlaps(picture_of(cards, wires)) == []


def test_an_edge_given_twice_is_drawn_twice() -> None:
    values = {
        "format": 1,
        "name": "square",
        "inputs": {"x": {"shape": []}},
        "nodes": [{"id": "square", "type": "Mul"}],
        "edges": [["x", "square"], ["x", "square"]],
    }
    picture = drawn(check_values(values))
    into = [r.steps[-1][-1] for r in picture.routes if r.name == "x"]
    assert len(into) == len(set(into)) == 2


def test_a_graph_of_200_nodes_has_no_overlaps() -> None:
    graph = random_graph(1, nodes=200)
    assert len(graph.nodes) >= 200
    assert overlaps(drawn(graph)) == []


def test_another_process_draws_the_same_bytes() -> None:
    code = (
        "from graphnet.draw import svg_of\n"
        "from graphnet.spec.reader import read_spec, resolve\n"
        f"print(svg_of(resolve(read_spec({str(MODELS[-2])!r}))), end='')"
    )
    found = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert found[0].stdout == found[1].stdout == svg_of(resolve(read_spec(MODELS[-2])))


def test_strangers_text_is_escaped() -> None:
    values = {
        "format": 1,
        "name": "hostile",
        "doc": "</title><script>alert(1)</script>\x07",
        "inputs": {"x": {"shape": [2], "doc": '"><script>'}},
        "nodes": [{"id": "a", "type": "Relu", "doc": "<b>&amp;"}],
        "edges": [["x", "a"]],
    }
    svg = svg_of(check_values(values))
    assert "<script" not in svg
    assert "\x07" not in svg
    assert "&lt;b&gt;&amp;amp;" in svg


def test_a_file_of_its_own_is_dark_where_the_reader_is() -> None:
    svg = svg_of(model("apple"), standalone=True)
    # In such a file the drawing is the root itself, and no descendant of one.
    assert re.search(r"prefers-color-scheme:dark\)\{[^{]*\.gn:root\{--gn-ink", svg)
    assert '<rect class="paper"' in svg


def test_an_svg_is_well_formed_and_needs_nothing_from_outside() -> None:
    from xml.etree import ElementTree

    for path in MODELS:
        svg = svg_of(resolve(read_spec(path)), standalone=True)
        ElementTree.fromstring(svg)
        assert re.findall(r"https?://[^\"]*", svg) == ["http://www.w3.org/2000/svg"]
