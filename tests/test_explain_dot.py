"""A step as a graph: one layout for all backends, ghosts, and nothing that breaks the file."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from shared.errors import UsageError
from shared.explain.alignment import align
from shared.explain.explanation import Explanation, Seen, explain
from shared.explain.moment import worked_moment
from shared.explain.spine import spine
from shared.registry import find
from shared.report.explain_dot import GHOST, RED, WIDEST, dot_graph, write_dot
from shared.report.explain_places import places
from tests.conftest import load_or_skip
from tests.drawn_graphs import Graph, read
from tests.kinds import KINDS, Kind

FRAMEWORKS = ("numpy", "torch", "jax")
NASTY = 'say "no\\N" & \n \\'


@pytest.fixture(scope="module")
def explanation() -> Explanation:
    loaded = [load_or_skip(find(name)) for name in FRAMEWORKS]
    return explain(worked_moment("asymmetric", "float64"), loaded, "w1")


@pytest.fixture(scope="module")
def graphs(explanation: Explanation) -> dict[str, Graph]:
    return {seen.name: read(dot_graph(explanation, seen)) for seen in explanation.seen}


def unknowing(explanation: Explanation, seen: Seen, made: str, name: str) -> Seen:
    """Return a backend's step in which what makes a quantity is known to nobody."""
    operations = list(seen.reading.operations)
    (index,) = (one.index for one in operations if one.outputs == (seen.stands[made],))
    operations[index] = replace(operations[index], name=name, does="")
    reading = replace(seen.reading, operations=tuple(operations))
    aligned = align(reading, explanation.moment.network, explanation.spine)
    assert aligned.unaligned == (index,)
    return replace(seen, reading=reading, alignment=aligned)


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_all_have_one_layout(graphs: dict[str, Graph], name: str) -> None:
    assert graphs[name].positions == graphs["numpy"].positions


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_every_quantity_is_drawn(
    graphs: dict[str, Graph], explanation: Explanation, name: str
) -> None:
    assert set(explanation.spine) <= set(graphs[name].nodes)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_no_two_quantities_stand_in_one_place(kind: Kind) -> None:
    data = kind.data("float64")
    at = places(spine(kind.network, kind.params("float64"), data.x[:2], data.y[:2]))
    assert len(set(at.values())) == len(at)


def test_a_deep_network_has_a_place_for_everything() -> None:
    kind = Kind(sizes=(2,) * 13)
    data = kind.data("float64")
    at = places(spine(kind.network, kind.params("float64"), data.x[:2], data.y[:2]))
    assert len(set(at.values())) == len(at)
    assert at["a9"] < at["a10"] < at["a12"]


@pytest.mark.parametrize(
    ("name", "ghosts"),
    [
        ("numpy", {"dL/dL", "dL/de²"}),
        ("torch", {"p1", "p2", "-z1", "-z2", "e^-z1", "e^-z2", "1+e^-z1", "1+e^-z2", "1-a1", "1-a2",
                   "f'1", "f'2", "Σe²"}),
        ("jax", {"-z1", "-z2", "e^-z1", "e^-z2", "1+e^-z1", "1+e^-z2", "dL/dL"}),
    ],
)  # fmt: skip
def test_what_is_never_formed_is_a_ghost(
    graphs: dict[str, Graph], name: str, ghosts: set[str]
) -> None:
    found = {role for role, said in graphs[name].nodes.items() if said.get("color") == GHOST}
    assert found == ghosts
    assert not {end for arrow in graphs[name].arrows for end in arrow} & ghosts


@pytest.mark.parametrize(
    ("name", "role", "label"),
    [
        ("numpy", "e^-z1", r"e\^-z_h\nexp\nnumpy_backprop\.py:\d+"),
        ("numpy", "e", r"e\nsub\nnumpy_backprop\.py:\d+, \d+"),
        ("numpy", "f'1", r"f'_h\nmul\nnumpy_backprop\.py:\d+\nformed backward"),
        ("torch", "z1", r"z_h\naffine\naddmm → AddmmBackward0"),
        ("torch", "dL/dz1", r"dL/dz_h\nsigmoid backward\nSigmoidBackward0"),
        ("torch", "1-a1", r"1-h\nnever formed"),
        ("torch", "W2", r"W_o\nweights"),
        ("jax", "f'1", r"f'_h\nmul\n\w+ = mul \w+ \w+\nformed forward"),
    ],
)
def test_a_quantity_says_what_makes_it_and_where(
    graphs: dict[str, Graph], name: str, role: str, label: str
) -> None:
    assert re.fullmatch(label, graphs[name].nodes[role]["label"])


@pytest.mark.parametrize(
    ("source", "target", "colour"),
    [("p1", "z1", "#0072B2"), ("a1", "1-a1", "#009E73"), ("dL/da1", "dL/dz1", "#D55E00"),
     ("W1", "p1", "#0072B2"), ("e", "2e", "#D55E00")],
)  # fmt: skip
def test_arrows_go_from_what_is_taken_to_what_is_made(
    graphs: dict[str, Graph], source: str, target: str, colour: str
) -> None:
    assert graphs["numpy"].arrows[source, target] == {"color": colour}


@pytest.mark.parametrize(
    ("name", "source", "target", "label"),
    [
        ("torch", "a1", "dL/dz1", "saved result"),
        ("torch", "a1", "dL/dW2", "saved mat1"),
        ("torch", "W2", "dL/da1", "saved mat2"),
        ("torch", "e", "2e", "saved self"),
        ("jax", "f'1", "dL/dz1", "residual"),
    ],
)
def test_what_was_kept_from_the_forward_pass_has_a_dashed_arrow(
    graphs: dict[str, Graph], name: str, source: str, target: str, label: str
) -> None:
    said = graphs[name].arrows[source, target]
    assert (said["style"], said["label"]) == ("dashed", label)


@pytest.mark.parametrize(
    ("name", "source", "target"),
    [("jax", "a1", "f'1"), ("jax", "dL/da1", "dL/dz1"), ("torch", "dL/da1", "dL/dz1"),
     ("numpy", "a1", "dL/dW2")],
)  # fmt: skip
def test_other_arrows_are_not_dashed(
    graphs: dict[str, Graph], name: str, source: str, target: str
) -> None:
    assert "style" not in graphs[name].arrows[source, target]


@pytest.mark.parametrize("name", ["sorcery", NASTY])
def test_an_operation_that_nobody_knows_is_drawn(explanation: Explanation, name: str) -> None:
    seen = unknowing(explanation, explanation.seen[2], "a1", name)
    graph = read(dot_graph(explanation, seen))
    (index,) = seen.alignment.unaligned
    node = graph.nodes[f"operation {index}"]
    assert node["color"] == RED
    assert node["label"].startswith(f"{name}\n")
    assert {arrow for arrow in graph.arrows if f"operation {index}" in arrow} == {
        ("z1", f"operation {index}"), (f"operation {index}", "a1")
    }  # fmt: skip


@pytest.mark.parametrize(
    ("role", "said"),
    [("a1", "h\nmade in a way not known"), ("1-a1", "1-h\nso it seems by its value")],
)
def test_what_is_not_handed_out_is_told_by_its_value(
    explanation: Explanation, role: str, said: str
) -> None:
    seen = unknowing(explanation, explanation.seen[2], role, "sorcery")
    assert read(dot_graph(explanation, seen)).nodes[role]["label"] == said


def test_two_that_nobody_knows_stand_apart(explanation: Explanation) -> None:
    once = unknowing(explanation, explanation.seen[2], "a1", "sorcery")
    first = once.reading.operations[once.alignment.unaligned[0]]
    twin = replace(first, index=len(once.reading.operations))
    reading = replace(once.reading, operations=(*once.reading.operations, twin))
    aligned = align(reading, explanation.moment.network, explanation.spine)
    at = read(dot_graph(explanation, replace(once, reading=reading, alignment=aligned))).positions
    assert at[f"operation {first.index}"] != at[f"operation {twin.index}"]


def test_a_long_line_is_cut(explanation: Explanation) -> None:
    seen = unknowing(explanation, explanation.seen[2], "a1", "s" * 99)
    graph = read(dot_graph(explanation, seen))
    (index,) = seen.alignment.unaligned
    first = graph.nodes[f"operation {index}"]["label"].partition("\n")[0]
    assert first == "s" * (WIDEST - 1) + "…"


def test_a_graph_that_is_badly_quoted_is_not_read(explanation: Explanation) -> None:
    text = dot_graph(explanation, explanation.seen[0])
    with pytest.raises(AssertionError):
        read(text.replace("exp\\n", 'e"xp\\n'))


def test_a_file_for_each_backend_is_written_alike_each_time(
    explanation: Explanation, tmp_path: Path
) -> None:
    once = write_dot(tmp_path / "new" / "once", explanation)
    twice = write_dot(tmp_path / "twice", explanation)
    assert [path.name for path in once] == ["numpy.dot", "torch.dot", "jax.dot"]
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in twice]


def test_a_folder_that_cannot_be_made_is_refused(explanation: Explanation, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot make the folder"):
        write_dot(tmp_path / "file" / "within", explanation)


def test_where_one_cannot_be_written_none_is(explanation: Explanation, tmp_path: Path) -> None:
    (tmp_path / "jax.dot").mkdir()
    with pytest.raises(UsageError, match="it is a folder"):
        write_dot(tmp_path, explanation)
    assert [path.name for path in tmp_path.iterdir()] == ["jax.dot"]
