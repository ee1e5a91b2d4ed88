"""A plan as SVG 1.1: inputs above, outputs below, each step under those it waits for.

Colours follow the reader's light or dark setting; nothing is loaded from anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

from workflow_language.compiler.plan import Plan, PlannedStep
from workflow_language.graph.layered_layout import Edge, Layout, lay_out

_ROW_PX = 104
_NODE_HEIGHT_PX = 60
_MARGIN_PX = 24
_GAP_PX = 28
_CHARACTER_PX = 7.4
_LONGEST = 42
_STYLE = """
  text { font: 12px ui-sans-serif, system-ui, sans-serif; text-anchor: middle; fill: #1c2733 }
  .name { font-weight: 600; font-size: 13px }
  .note { fill: #5b6b7b; font-size: 11px }
  rect { stroke: #8a9bad; fill: #f4f7fa }
  .input rect, .output rect { fill: #fff; stroke-dasharray: 4 3 }
  .model rect { fill: #e3eefb; stroke: #4a7fc1 }
  .edge { fill: none; stroke: #8a9bad; stroke-width: 1.4 }
  #paper { fill: #fff; stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .note { fill: #9fb0c0 } #paper { fill: #12181f }
    rect { fill: #1d2630 } .input rect, .output rect { fill: #12181f } .model rect { fill: #1b3350 }
  }
"""
_ARROW = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#8a9bad"/></marker></defs>'
)


@dataclass(frozen=True)
class _Node:
    key: str
    kind: str
    row: int
    name: str
    what: str
    note: str = ""

    @property
    def width_px(self) -> float:
        longest = max(len(self.name) + 1, len(self.what), len(self.note))
        return max(90.0, longest * _CHARACTER_PX + 20)


def draw(plan: Plan) -> str:
    """The picture, as the text of an SVG file."""
    nodes = list(_nodes(plan))
    edges = list(dict.fromkeys(_edges(plan)))
    layout = lay_out(
        {node.key: node.row for node in nodes},
        {node.key: node.width_px for node in nodes},
        edges,
        _GAP_PX,
    )
    width = layout.width_px + 2 * _MARGIN_PX
    height = (1 + max(node.row for node in nodes)) * _ROW_PX - (_ROW_PX - _NODE_HEIGHT_PX)
    height += 2 * _MARGIN_PX
    title = escape(f"{plan.definition.name}: {plan.definition.description}".rstrip(": "))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img">',
        f"<title>{title}</title>",
        f"<style>{_STYLE}</style>",
        _ARROW,
        '<rect id="paper" width="100%" height="100%"/>',
        *(_edge_svg(edge, layout) for edge in edges),
        *(_node_svg(node, layout.centres_x_px[node.key]) for node in nodes),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _nodes(plan: Plan) -> Iterator[_Node]:
    for name, given in plan.definition.inputs.items():
        yield _Node(f"input {name}", "input", 0, name, str(given.type), given.modality)
    for step in plan.steps:
        kind = "model" if step.task.model else "plain"
        yield _Node(
            f"step {step.id}", kind, step.layer + 1, step.id, step.task.name, _note(step, plan)
        )
    last = 2 + max((step.layer for step in plan.steps), default=0)
    for name, use in plan.outputs.items():
        yield _Node(f"output {name}", "output", last, name, str(use.type))


def _note(step: PlannedStep, plan: Plan) -> str:
    """How often it runs and on what condition."""
    parts = []
    if step.fan_out:
        parts.append(f"each of ≤ {step.fan_out.limit}, {step.fan_out.in_flight} at a time")
    if step.when:
        (condition,) = (each.when for each in plan.definition.steps if each.id == step.id)
        parts.append(f"when {condition}")
    note = "; ".join(parts)
    return note if len(note) <= _LONGEST else note[: _LONGEST - 1] + "…"


def _edges(plan: Plan) -> Iterator[Edge]:
    for step in plan.steps:
        for use in step.uses:
            if use.origin != "item":
                yield f"{use.origin} {use.name}", f"step {step.id}"
    for name, use in plan.outputs.items():
        yield f"step {use.name}", f"output {name}"


def _edge_svg(edge: Edge, layout: Layout) -> str:
    """A line from below the first node to above the last, bending between rows only."""
    row = layout.rows[edge[0]]
    xs = [x + _MARGIN_PX for x in layout.routes[edge]]
    path = ""
    for step, (x0, x1) in enumerate(pairwise(xs)):
        top = _MARGIN_PX + (row + step) * _ROW_PX
        y0, y1 = top + _NODE_HEIGHT_PX, top + _ROW_PX
        middle = (y0 + y1) / 2
        path += f"M{x0:.1f} {y0}" if step == 0 else f"L{x0:.1f} {y0}"
        path += f" C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1} "
    about = quoteattr(f"{edge[0]} to {edge[1]}")
    return f'<path class="edge" d="{path.strip()}" marker-end="url(#tip)" aria-label={about}/>'


def _node_svg(node: _Node, centre_px: float) -> str:
    x = centre_px + _MARGIN_PX
    y = _MARGIN_PX + node.row * _ROW_PX
    rounding = 30 if node.kind in ("input", "output") else 6
    lines = [("name", node.name), ("", node.what), ("note", node.note)]
    shown = [(kind, text) for kind, text in lines if text]
    first = y + _NODE_HEIGHT_PX / 2 + 4 - 8.5 * (len(shown) - 1)
    texts = "".join(
        f'<text class="{kind}" x="{x:.1f}" y="{first + 17 * number:.1f}">{escape(text)}</text>'
        for number, (kind, text) in enumerate(shown)
    )
    return (
        f'<g class="{node.kind}" id={quoteattr(node.key.replace(" ", "-"))}>'
        f'<rect x="{x - node.width_px / 2:.1f}" y="{y}" width="{node.width_px:.1f}" '
        f'height="{_NODE_HEIGHT_PX}" rx="{rounding}"/>{texts}</g>'
    )
