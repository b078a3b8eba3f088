"""Numbers -> SVG: the few pictures of the report, drawn here so that the file needs nothing from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, ROW, LABEL, BAR = 640, 20, 190, 330
_BARS, _BAR_HEIGHT = 24, 120
_GROWTH = 280


def intervals(rows: Sequence[tuple[str, float, float, float]]) -> str:
    """A dot with its interval for each (name, mean, low, high), all in [0, 1]."""
    drawn = []
    for place, (name, mean, low, high) in enumerate(rows):
        y = ROW * place + ROW / 2
        x, left, right = (LABEL + BAR * value for value in (mean, low, high))
        drawn.append(
            _text(LABEL - 8, y, name, "end")
            + f'<line x1="{LABEL}" y1="{y}" x2="{LABEL + BAR}" y2="{y}" class="axis"/>'
            + f'<line x1="{left:.1f}" y1="{y}" x2="{right:.1f}" y2="{y}" class="range"/>'
            + f'<circle cx="{x:.1f}" cy="{y}" r="4"/>'
            + _text(LABEL + BAR + 8, y, f"{mean:.3f}", "start")
        )
    return _svg(ROW * len(rows), "".join(drawn))


def histogram(values: Sequence[float], unit: str) -> str:
    """How often each size of value occurs."""
    top = max(values, default=0.0) or 1.0
    counts = [0] * _BARS
    for value in values:
        counts[min(_BARS - 1, int(value / top * _BARS))] += 1
    width = (WIDTH - 40) / _BARS
    drawn = []
    for place, count in enumerate(counts):
        height = _BAR_HEIGHT * count / max(1, *counts)
        x, y = 20 + place * width, _BAR_HEIGHT - height
        label = f"{top * place / _BARS:.3g} to {top * (place + 1) / _BARS:.3g} {unit}: {count}"
        box = f'<rect x="{x:.1f}" y="{y:.1f}" width="{width - 2:.1f}" height="{height:.1f}">'
        drawn.append(f"{box}<title>{escape(label)}</title></rect>")
    ends = _text(20, _BAR_HEIGHT + 12, "0", "start") + _text(WIDTH - 20, _BAR_HEIGHT + 12, f"{top:.3g} {unit}", "end")
    return _svg(_BAR_HEIGHT + 24, "".join(drawn) + ends)


def bars(rows: Mapping[str, float], unit: str) -> str:
    """A bar for each named value, at least 0."""
    top = max(rows.values(), default=0.0) or 1.0
    drawn = []
    for place, (name, value) in enumerate(rows.items()):
        y = ROW * place
        drawn.append(
            _text(LABEL - 8, y + ROW / 2, name, "end")
            + f'<rect x="{LABEL}" y="{y + 3}" width="{BAR * value / top:.1f}" height="{ROW - 6}"/>'
            + _text(LABEL + BAR + 8, y + ROW / 2, f"{value:.3g} {unit}", "start")
        )
    return _svg(ROW * len(rows), "".join(drawn))


def growth(rows: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """A line for each named row of (size, cost), all above 0, both on logarithmic scales; a file of its own.

    Each line starts at its own height, as the costs have different units: what is seen is how steep it is, beside the
    grey line of a cost that grows as the size does.
    """
    sizes = sorted({size for points in rows.values() for size, _ in points})
    reach = math.log10(sizes[-1] / sizes[0]) or 1.0
    drawn = []
    for place, (name, points) in enumerate([("cost = a * size", [(s, s) for s in sizes]), *rows.items()]):
        across = [20 + _GROWTH * math.log10(size / sizes[0]) / reach for size, _ in points]
        up = [_GROWTH + 20 - _GROWTH * math.log10(cost / points[0][1]) / reach for _, cost in points]
        colour = f"hsl({place * 67 % 360} 60% 45%)" if place else "#999"
        at = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, up, strict=True))
        drawn.append(f'<polyline points="{at}" fill="none" stroke="{colour}" stroke-width="2"/>')
        label = _text(_GROWTH + 60, 30 + ROW * place, name, "start")
        drawn.append(f'<rect x="{_GROWTH + 40}" y="{24 + ROW * place}" width="12" height="12" fill="{colour}"/>{label}')
    drawn += [
        _text(20 + _GROWTH * math.log10(size / sizes[0]) / reach, _GROWTH + 36, f"{size:,.0f}", "middle")
        for size in sizes
    ]
    back = f'<rect width="{WIDTH}" height="{_GROWTH + 50}" fill="#fff"/>'
    drawing = _svg(_GROWTH + 50, back + "".join(drawn))
    return drawing.replace(
        "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="12" ', 1
    )


def _svg(height: float, inside: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">{inside}</svg>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" dominant-baseline="middle">{escape(text)}</text>'
