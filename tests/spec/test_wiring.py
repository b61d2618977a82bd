"""From paths to wires: order, ports, outputs, circles."""

import pytest

from graphnet.layers import LAYERS
from graphnet.spec.wiring import Outline, wire

ATTRIBUTES = {
    "Affine": {"units": 2},
    "Power": {"exponent": 2},
    "MultiHeadAttention": {"heads": 1, "units": 2},
}


def outline(nodes, edges, outputs=None, inputs=("x",)):
    """Nodes as "id:Type" in one text; edges as paths of names in one text each."""
    specs = []
    for i, (node_id, kind) in enumerate(node.split(":") for node in nodes.split()):
        more = ATTRIBUTES.get(kind, {})
        spec = LAYERS[kind].Spec.model_validate({"id": node_id, "type": kind, **more})
        specs.append((("nodes", i), node_id, spec))
    paths = [(("edges", i), path.split()) for i, path in enumerate(edges)]
    return Outline(dict.fromkeys(inputs, ()), specs, paths, outputs, complete=True)


def wired(*arguments, **more):
    wiring, problems = wire(outline(*arguments, **more))
    assert problems == []
    return wiring


def wrong(*arguments, **more):
    return [problem.line() for problem in wire(outline(*arguments, **more))[1]]


def test_a_chain_runs_in_its_order_wherever_it_is_declared():
    wiring = wired("c:Relu a:Relu b:Relu", ["x a b c"])
    assert wiring.order == ("a", "b", "c")
    assert wiring.sources == {"a": ("x",), "b": ("a",), "c": ("b",)}
    assert wiring.outputs == ("c",)


def test_ties_go_by_the_order_in_nodes():
    wiring = wired(
        "d:Relu b:Relu c:Relu a:Relu", ["x a", "x c", "x b", "x d"], ["a", "b", "c", "d"]
    )
    assert wiring.order == ("d", "b", "c", "a")
    wiring = wired("late:Relu b:Relu a:Relu", ["x a", "x b late"], ["late", "a"])
    assert wiring.order == ("b", "late", "a")


def test_without_dots_edges_fill_the_ports_as_they_are_written():
    assert wired("s:Sub", ["b s", "a s"], inputs="ab").sources["s"] == ("b", "a")


def test_with_dots_edges_fill_the_ports_that_they_name():
    assert wired("s:Sub", ["b s.y", "a s.x"], inputs="ab").sources["s"] == ("a", "b")


def test_a_dot_in_the_middle_of_a_path_goes_on_without_it():
    wiring = wired("s:Sub r:Relu", ["a s.x r", "b s.y"], inputs="ab")
    assert wiring.sources == {"s": ("a", "b"), "r": ("s",)}


def test_the_same_edge_twice():
    assert wired("m:Mul", ["x m", "x m"]).sources["m"] == ("x", "x")
    assert wired("m:Mul", ["x m.x", "x m.y"]).sources["m"] == ("x", "x")


def test_an_output_fans_out():
    wiring = wired("r:Relu a:Neg b:Exp s:Add", ["x r a s", "r b s"])
    assert wiring.sources == {"r": ("x",), "a": ("r",), "b": ("r",), "s": ("a", "b")}
    assert wiring.order == ("r", "a", "b", "s")


def test_a_declared_output_may_be_any_node_and_keeps_its_order():
    assert wired("a:Relu b:Relu", ["x a b"], ["b", "a"]).outputs == ("b", "a")


def test_several_sinks_need_outputs():
    assert wrong("a:Relu b:Relu", ["x a", "x b"]) == [
        "spec: no edge leaves 'a', 'b': name the 'outputs', or add the edges that are missing"
    ]


def test_wrong_outputs():
    assert wrong("alpha:Relu", ["x alpha"], ["alph", "x", "alpha", "alpha"]) == [
        "outputs[0]: node 'alph' is not defined; did you mean 'alpha'?",
        "outputs[1]: 'x' is an input: an output is a node",
        "outputs[3]: 'alpha' is given twice",
    ]


@pytest.mark.parametrize(
    ("nodes", "edges", "line"),
    [
        ("a:Add", ["x a", "a a"], "edges[1][1]: the edges go in a circle: a -> a"),
        ("b:Relu a:Relu", ["a b a"], "edges[0][2]: the edges go in a circle: a -> b -> a"),
        (
            "a:Add b:Relu c:Relu",
            ["c a", "x a b c"],
            "edges[1][3]: the edges go in a circle: a -> b -> c -> a",
        ),
        ("a:Relu b:Relu", ["x a b a"], "edges[0][3]: the edges go in a circle: a -> b -> a"),
        ("a:Mul", ["a a", "a a"], "edges[1][1]: the edges go in a circle: a -> a"),
    ],
)
def test_a_circle_is_one_mistake_at_the_edge_written_last(nodes, edges, line):
    inputs = ("x",) if any("x" in path for path in edges) else ()
    assert wrong(nodes, edges, inputs=inputs) == [f"{line}; leave out the one that goes back"]


def test_a_long_circle_is_shortened():
    nodes = " ".join(f"n{i}:Relu" for i in range(10))
    path = " ".join(f"n{i}" for i in range(10))
    (line,) = wrong(nodes, [f"{path} n0"], inputs=())
    assert "n0 -> n1 -> n2 -> n3 -> n4 -> n5 -> n6 -> ... -> n0; leave" in line


def test_what_hangs_on_a_circle_is_no_mistake_of_its_own():
    (line,) = wrong("a:Add b:Relu c:Relu", ["x a b c", "b a"])
    assert line.startswith("edges[1][1]: the edges go in a circle: a -> b -> a;")


@pytest.mark.parametrize(
    ("nodes", "edges", "line"),
    [
        (
            "a:Relu b:Relu",
            ["x a"],
            "node 'b' (Relu): nothing leads to it, and it takes 1 input (x): write what comes "
            "before it into a path, in front of its name (nodes[1])",
        ),
        (
            "a:Add",
            ["x a"],
            "node 'a' (Add): it takes 2 inputs (x, y); the edges bring only 'x' (nodes[0])",
        ),
        (
            "a:Relu b:Relu",
            ["x a b", "x b"],
            "node 'b' (Relu): it takes 1 input (x); the edges bring 'a', 'x' (edges[1][1])",
        ),
        (
            "a:Sub",
            ["x a.x", "x a"],
            "node 'a' (Sub): some of its edges name a port and some do not: write all with one, or "
            "all without (edges[1][1])",
        ),
        (
            "a:Sub",
            ["x a.y", "x a.y"],
            "node 'a' (Sub): port 'y' takes one edge; 'x' and 'x' arrive there; port 'x' is free "
            "(edges[1][1])",
        ),
        (
            "a:Sub",
            ["x a.x", "x a.z"],
            "node 'a' (Sub): it has no port 'z'; its ports are x, y (edges[1][1])",
        ),
        (
            "a:Sub",
            ["x a.x", "x a."],
            "node 'a' (Sub): it has no port ''; its ports are x, y (edges[1][1])",
        ),
        (
            "a:Relu",
            ["x.x a"],
            "edges[0][0]: 'x.x' starts a path: a port is named where an edge arrives; write 'x'",
        ),
        (
            "a:Relu",
            ["x a x"],
            "edges[0][2]: 'x' is an input: no edge arrives there; start a path with it",
        ),
        (
            "abc:Relu b:Relu",
            ["x abd b"],
            "node 'b': input 'abd' is not defined; did you mean 'abc'? (edges[0][1])",
        ),
        ("a:Relu b:Relu", ["x a zzz"], "edges[0][2]: name 'zzz' is not defined; there are x, a, b"),
        (
            "a:Relu a:Relu",
            ["x a"],
            "nodes[1].id: 'a' is already the name of a node: names are unique",
        ),
        ("x:Relu", ["x x"], "nodes[0].id: 'x' is already the name of an input: names are unique"),
    ],
)
def test_one_mistake_is_one_line(nodes, edges, line):
    assert wrong(nodes, edges) == [line]


def test_an_input_that_nothing_uses():
    assert wrong("a:Relu", ["x a"], inputs=("x", "y")) == [
        "inputs.y: input 'y' is used by no edge: use it or leave it out"
    ]


def test_a_port_that_repeats_takes_any_number_of_edges():
    assert wired("c:Concat", ["a c", "b c", "a c"], inputs="ab").sources["c"] == ("a", "b", "a")
    dotted = wired("c:Concat", ["a c.x2", "b c.x0", "a c.x1"], inputs="ab")
    assert dotted.sources["c"] == ("b", "a", "a")
    assert wrong("c:Concat", ["a c"], inputs="a") == [
        "node 'c' (Concat): it takes 2 inputs or more (x0, x1, ...); the edges bring only 'a' "
        "(nodes[0])"
    ]
    assert wrong("c:Concat", ["a c.x0", "a c.x2"], inputs="a") == [
        "node 'c' (Concat): it has no port 'x2'; its ports are x0, x1 (edges[1][1])"
    ]


def test_optional_ports_may_be_left_but_not_jumped_over():
    kind = "m:MultiHeadAttention"
    assert wired(kind, ["a m"], inputs="a").sources["m"] == ("a",)
    dotted = wired(kind, ["b m.mask", "a m.x", "a m.source"], inputs="ab")
    assert dotted.sources["m"] == ("a", "a", "b")
    assert wrong(kind, ["a m.x", "b m.mask"], inputs="ab") == [
        "node 'm' (MultiHeadAttention): port 'source' has no edge, but one behind it has: bring "
        "something to 'source' (nodes[0])"
    ]
    assert wrong(kind, ["a m", "a m", "a m", "a m"], inputs="a") == [
        "node 'm' (MultiHeadAttention): it takes 1 to 3 inputs (x; source, mask); the edges bring "
        "'a', 'a', 'a', 'a' (edges[3][1])"
    ]
