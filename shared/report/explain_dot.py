"""One backend's step as a picture: a graph in the DOT language, which Graphviz draws.

All backends share one layout, so that their pictures can be laid over one another; what a backend
never forms is left in it as a ghost. `neato -n2 -Tsvg torch.dot` draws one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from shared.errors import UsageError
from shared.explain.explanation import Explanation, Seen
from shared.explain.names import shown
from shared.explain.reading import Operation
from shared.explain.spine import BACKWARD, FORWARD, SLOPE, Role, handed_in
from shared.report.explain_flow import Arrow, Flow, box
from shared.report.explain_places import Position, below_all, corners, places
from shared.report.explain_words import briefly
from shared.report.words import counted
from shared.whole_file import require_writable, whole_file

COLOURS = {FORWARD: "#0072B2", SLOPE: "#009E73", BACKWARD: "#D55E00"}
"""Told apart by eyes of every kind: after M. Okabe and K. Ito, Color Universal Design, 2008."""

RED, GHOST = "#CC0000", "#B0B0B0"
FORMED = {False: "#E3F0F8", True: "#FBE9DD"}
"""What is formed forward, and what is formed backward."""

UNKNOWN, SEEMING = "made in a way not known", "so it seems by its value"
"""What is handed out under its name is that, whoever made it; any other is told by its value."""

WIDEST = 28
"""As many characters of a line fit between two columns."""

_LEGEND = (
    "arrows: blue forward, green slopes, orange backward, dashed where kept from the forward pass",
    "boxes: blue if formed forward, orange if backward, grey if never formed, red if unknown",
)


def write_dot(folder: Path, explanation: Explanation) -> list[Path]:
    """Write a graph for each backend, named after it, into a folder that is made if need be.

    Raises
    ------
    UsageError
        The folder cannot be made, or a file in it not written; then none is.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {folder}: {error.strerror}.") from error
    paths = [require_writable(folder / f"{seen.name}.dot") for seen in explanation.seen]
    for path, seen in zip(paths, explanation.seen, strict=True):
        with whole_file(path) as file:
            file.write(dot_graph(explanation, seen).encode())
    return paths


def dot_graph(explanation: Explanation, seen: Seen) -> str:
    """Return a backend's step as text in the DOT language."""
    title = f"{seen.name} {seen.reading.version}: {explanation.moment.title}"
    legend = "\n".join((title, *_LEGEND))
    lines = [
        f"digraph {quoted(seen.name)} {{",
        f"  graph [label={quoted(legend)}, labelloc=t, fontname=Helvetica, fontsize=20,",
        "    inputscale=72, outputorder=edgesfirst, splines=true, pad=0.3];",
        "  node [shape=box, style=filled, fillcolor=white, fontname=Helvetica, fontsize=12];",
        "  edge [fontname=Helvetica, fontsize=11, arrowsize=0.7];",
        *(f"  {line}" for line in _body(explanation, seen)),
        "}",
    ]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Quote a text for DOT, so that it is drawn as it stands.

    Examples
    --------
    >>> print(quoted('a "b" \\\\N &lt;'))
    "a \\"b\\" \\\\N &amp;lt;"
    """
    changes = {"\\": "\\\\", '"': '\\"', "&": "&amp;", "\n": "\\n", "\r": " "}
    return '"' + "".join(changes.get(letter, letter) for letter in text) + '"'


def _body(explanation: Explanation, seen: Seen) -> Iterator[str]:
    spine, network = explanation.spine, explanation.moment.network
    flow = Flow(seen, spine)
    taken = places(spine)
    for role in spine.values():
        lines = [shown(role.name, network), *_said(flow, role, handed_in(network))]
        yield _node(role.name, lines, taken[role.name], _look(flow, role))
    for one in flow.unknown:
        beside = next((name for name in flow.around(one) if name in taken), None)
        taken[box(one)] = below_all(taken, taken[beside][0] if beside else 0)
        lines = [*dict.fromkeys((one.name, one.written, _where(flow, [one])))]
        look = {"color": RED, "fontcolor": RED, "penwidth": "2"}
        yield _node(box(one), lines, taken[box(one)], look)
    for at in corners(taken.values()):
        # One size for all pictures of a step, whatever their words' widths.
        yield _node(f"corner {at}", [], at, {"style": "invis", "width": "0", "height": "0"})
    for arrow in flow.arrows():
        yield _edge(arrow, spine)


def _node(name: str, lines: list[str], at: Position, look: Mapping[str, str]) -> str:
    label = "\n".join(_short(line) for line in lines if line)
    said = {"label": label, "pos": f"{at[0]},{at[1]}!", **look}
    return f"{quoted(name)} [{_attributes(said)}];"


def _edge(arrow: Arrow, spine: Mapping[str, Role]) -> str:
    is_known = arrow.source in spine and arrow.target in spine
    colour = COLOURS[spine[arrow.target].pass_] if is_known else RED
    said = {"color": colour}
    if arrow.kept:
        said |= {"style": "dashed", "label": arrow.kept, "fontcolor": colour}
    return f"{quoted(arrow.source)} -> {quoted(arrow.target)} [{_attributes(said)}];"


def _attributes(said: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={quoted(value)}" for key, value in said.items())


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def _look(flow: Flow, role: Role) -> dict[str, str]:
    if role.name not in flow.formed:
        return {"style": "dashed", "color": GHOST, "fontcolor": GHOST}
    look = {"color": COLOURS[role.pass_]}
    made = flow.made.get(role.name)
    return look | ({"fillcolor": FORMED[made[0].is_backward]} if made else {})


def _said(flow: Flow, role: Role, given: Sequence[str]) -> list[str]:
    """Say how a backend comes by a quantity, and where."""
    if role.name not in flow.formed:
        return ["never formed"]
    made, parts = flow.made.get(role.name, []), flow.parts(role.name)
    more = f"and {counted(parts, 'step')} on the way" if parts else ""
    if not made:
        unknown = UNKNOWN if role.name in flow.reading.results else SEEMING
        return [role.formula if role.name in given else unknown, more]
    what = " + ".join(dict.fromkeys(one.does.replace("_", " ") for one in made))
    return [what, _where(flow, made), _when(made[0], role), more]


def _when(one: Operation, role: Role) -> str:
    """Say when it is formed, where that may differ."""
    if role.pass_ == SLOPE:
        return f"formed {'backward' if one.is_backward else 'forward'}"
    return "formed forward" if role.pass_ == BACKWARD and not one.is_backward else ""


def _where(flow: Flow, made: list[Operation]) -> str:
    """Say where operations stand: in which line, before or in which node, as which equation."""
    one = made[0]
    if one.place is not None:
        lines = dict.fromkeys(str(other.place.line) for other in made if other.place is not None)
        return f"{one.place.file}:{', '.join(lines)}"
    return one.mark if one.mark and flow.is_taped else briefly(flow.seen, one)
