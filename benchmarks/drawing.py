"""Panels of curves as SVG: axes, paths, keys, in light and dark."""

from __future__ import annotations

from collections.abc import Sequence

from shared.backend import Array

PANEL, HEIGHT, LEFT, TOP, GAP = 380, 150, 62, 40, 70
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#888888")
DASHES = ("", "7 5", "2 4", "")
STYLE = """text{font:12px system-ui,sans-serif;fill:#222}.t{font-weight:600;font-size:14px}
.g{stroke:#888;stroke-opacity:.35}path{fill:none;stroke-width:2;stroke-linejoin:round}
.b{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#ddd}.b{fill:#161616}}"""


def page(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    """Return a whole picture."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
        f"<title>{title}</title><style>{STYLE}</style>"
        f'<rect class="b" width="{width}" height="{height}" rx="8"/>' + "".join(parts) + "</svg>\n"
    )


def grid(x: float, y: float, ticks: Sequence[tuple[float, str]], panel: float = PANEL) -> list[str]:
    """Return lines across a panel at shares of its height, each with its label."""
    parts = []
    for share, label in ticks:
        at = y + HEIGHT * (1 - share)
        parts.append(f'<line class="g" x1="{x}" x2="{x + panel}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{x - 8}" y="{at + 4:.1f}" text-anchor="end">{label}</text>')
    return parts


def path(across: Array, up: Array, x: float, y: float, i: int, panel: float = PANEL) -> str:
    """Return a curve through points, given as shares of a panel's width and height."""
    points = " ".join(
        f"{a:.1f},{b:.1f}" for a, b in zip(x + panel * across, y + HEIGHT * (1 - up), strict=True)
    )
    return f'<path d="M{points}" stroke="{COLOURS[i]}" stroke-dasharray="{DASHES[i]}"/>'


def key(x: float, y: float, name: str, i: int) -> list[str]:
    """Return a short line of a curve's kind, and its name."""
    line = f'<path d="M{x},{y - 4} h28" stroke="{COLOURS[i]}" stroke-dasharray="{DASHES[i]}"/>'
    return [line, f'<text x="{x + 34}" y="{y}">{name}</text>']
