"""Graphs in the DOT language, read back: as little of the language as is written here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

STRING = r'"((?:[^"\\]|\\.)*)"'
ATTRIBUTES = rf"\[((?:\w+={STRING}(?:, )?)*)\];"


@dataclass(frozen=True)
class Graph:
    """A graph as it was read; nodes and arrows with their attributes."""

    nodes: Mapping[str, Mapping[str, str]]
    arrows: Mapping[tuple[str, str], Mapping[str, str]]

    @property
    def positions(self) -> dict[str, str]:
        return {name: said["pos"] for name, said in self.nodes.items()}


def meant(text: str) -> str:
    """Return what a quoted label draws."""
    once = re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)
    return once.replace("&amp;", "&")


def read(text: str) -> Graph:
    """Read a graph; whatever is no statement as they are written here is refused."""
    nodes: dict[str, dict[str, str]] = {}
    arrows: dict[tuple[str, str], dict[str, str]] = {}
    lines = text.splitlines()
    assert re.fullmatch(rf"digraph {STRING} {{", lines[0])
    assert lines[-1] == "}"
    assert lines[1].startswith("  graph [")
    for line in lines[5:-1]:
        node = re.fullmatch(rf"  {STRING} {ATTRIBUTES}", line)
        arrow = re.fullmatch(rf"  {STRING} -> {STRING} {ATTRIBUTES}", line)
        assert node or arrow, line
        inside = (node and node[2]) or (arrow and arrow[3]) or ""
        said = {key: meant(value) for key, value in re.findall(rf"(\w+)={STRING}", inside)}
        if node:
            nodes[meant(node[1])] = said
        elif arrow:
            arrows[meant(arrow[1]), meant(arrow[2])] = said
    return Graph(nodes, arrows)
