"""Where in the file the nodes and edges of an expanded spec come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from graphnet.spec.problems import Path, Problem


@dataclass(frozen=True)
class NodeOrigin:
    """at: the node's place in the file; given: those of its attributes that stand elsewhere;
    expanded: its id, where it comes from a block; silent: its mistakes are already known."""

    at: Path
    given: Mapping[str, Path] = field(default_factory=dict)
    expanded: str | None = None
    silent: bool = False


@dataclass(frozen=True)
class EdgeOrigin:
    """at: the path's place in the file; steps: which of its names the expanded path has;
    expanded: the ids of these, where they come from a block."""

    at: Path
    steps: list[int]
    expanded: list[str] | None = None


@dataclass
class Origins:
    """The origins of all nodes and edges of an expanded spec, and the names it gave its outputs."""

    nodes: list[NodeOrigin] = field(default_factory=list)
    edges: list[EdgeOrigin] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)

    def back(self, problems: Iterable[Problem]) -> list[Problem]:
        """Problems of the expanded spec at their places in the file.

        A mistake that is written once is reported once, for the first node that it shows in.
        """
        found: dict[tuple[Path, bool], list[Problem]] = {}
        shown: dict[tuple[Path, bool], dict[str | None, None]] = {}
        for problem in problems:
            one = self._placed(problem)
            if one is None:
                continue
            key = (one.at, one.at_key)
            kept = found.setdefault(key, [])
            nodes = shown.setdefault(key, {})
            nodes[one.expanded] = None
            first = one.expanded == next(iter(nodes))
            if first and all(one.text != other.text for other in kept):
                kept.append(one)
        return [
            replace(one, others=len(shown[key]) - 1) for key, kept in found.items() for one in kept
        ]

    def _placed(self, problem: Problem) -> Problem | None:
        at = problem.at
        if len(at) < 2:
            return problem
        key, rest = at[1], at[2:]
        if at[0] == "nodes" and isinstance(key, int) and key < len(self.nodes):
            node = self.nodes[key]
            if node.silent:
                return None
            if rest and rest[0] in node.given:
                at = (*node.given[str(rest[0])], *rest[1:])
            else:
                at = (*node.at, *rest)
            return replace(problem, at=at, expanded=node.expanded)
        if at[0] == "edges" and isinstance(key, int) and key < len(self.edges):
            edge = self.edges[key]
            if not rest or not isinstance(rest[0], int):
                return replace(problem, at=(*edge.at, *rest))
            expanded = edge.expanded[rest[0]] if edge.expanded else None
            return replace(problem, at=(*edge.at, edge.steps[rest[0]]), expanded=expanded)
        if at[0] == "labels" and key in self.renamed:
            return replace(problem, at=("labels", self.renamed[str(key)], *rest))
        return problem
