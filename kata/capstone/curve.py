"""The losses of a run as a picture: SVG for a page, a small table for a terminal."""

from collections.abc import Callable, Sequence

from kata.capstone.record import Point, Record

WIDTH, HEIGHT = 760, 380
LEFT, RIGHT, TOP, BOTTOM = 48, 150, 12, 40
ROWS = 9


def svg(record: Record) -> str:
    """Both losses over the steps, and the two lines to get below. Colours are those of the page."""
    points = record.points
    levels = [(record.facts.unigram, "unigrams"), (record.facts.bigram, "bigrams")] if record.facts else []
    values = [*(p.train for p in points), *(p.held_out for p in points), *(level for level, _ in levels)]
    lowest, highest = min(values, default=0.0), max(values, default=1.0)
    low, high = int(lowest), int(highest) + 1
    last = max([record.step, *(p.step for p in points), 1])

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / last

    def y(loss: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - loss) / (high - low)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="the losses over the steps">']
    for loss in range(low, high + 1):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(loss):.1f}" y2="{y(loss):.1f}"/>')
        parts.append(f'<text class="end" x="{LEFT - 6}" y="{y(loss) + 4:.1f}">{loss}</text>')
    for step in ticks(last):
        parts.append(f'<text class="middle" x="{x(step):.1f}" y="{HEIGHT - BOTTOM + 18}">{step:,}</text>')
    parts.append(f'<text class="middle" x="{x(last / 2):.1f}" y="{HEIGHT - 4}">steps</text>')
    labels = []
    for level, name in levels:
        parts.append(f'<line class="level" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(level):.1f}" y2="{y(level):.1f}"/>')
        labels.append((level, f"{name} {level:.2f}", "level"))
    curves: tuple[tuple[str, str, Callable[[Point], float]], ...] = (
        ("train", "training", lambda point: point.train),
        ("held", "held out", lambda point: point.held_out),
    )
    for kind, name, loss_of in curves:
        if points:
            line = " ".join(f"{x(p.step):.1f},{y(loss_of(p)):.1f}" for p in points)
            parts.append(f'<polyline class="{kind}" points="{line}"/>')
            labels.append((loss_of(points[-1]), f"{name} {loss_of(points[-1]):.2f}", kind))
    for place, (text, kind) in _apart([(y(loss), text, kind) for loss, text, kind in labels]):
        parts.append(f'<text class="{kind}" x="{WIDTH - RIGHT + 8}" y="{place + 4:.1f}">{text}</text>')
    return "".join([*parts, "</svg>"])


def table(record: Record) -> list[str]:
    """A few lines: both losses at steps spread over the run."""
    lines = [f"{'step':>7}  {'training':>8}  {'held out':>8}"]
    points = thinned(record.points, ROWS)
    if not points:
        return []
    highest = max(point.held_out for point in points)
    lowest = min(point.held_out for point in points)
    for point in points:
        share = (point.held_out - lowest) / (highest - lowest or 1.0)
        bar = "\u2588" * round(1 + 29 * share)
        lines.append(f"{point.step:>7,}  {point.train:>8.3f}  {point.held_out:>8.3f}  {bar}")
    return lines


def thinned(points: Sequence[Point], rows: int) -> list[Point]:
    """So many of the points, evenly spread, the first and the last among them.

    >>> [point.step for point in thinned([Point(step, 0.0, 0.0) for step in range(10)], 4)]
    [0, 3, 6, 9]
    """
    if len(points) <= rows:
        return list(points)
    return [points[round(row * (len(points) - 1) / (rows - 1))] for row in range(rows)]


def ticks(last: int) -> list[int]:
    """Round numbers from 0 to the last step, four to eight of them.

    >>> ticks(2730), ticks(7)
    ([0, 500, 1000, 1500, 2000, 2500], [0, 1, 2, 3, 4, 5, 6, 7])
    """
    size = next(size for power in range(12) for size in (10**power, 2 * 10**power, 5 * 10**power) if last / size < 8)
    return list(range(0, last + 1, size))


def _apart(labels: list[tuple[float, str, str]], least: float = 16.0) -> list[tuple[float, tuple[str, str]]]:
    """Labels from the top down, moved where they would lie on each other."""
    placed: list[tuple[float, tuple[str, str]]] = []
    for place, text, kind in sorted(labels):
        below = placed[-1][0] + least if placed else place
        placed.append((max(place, below), (text, kind)))
    return placed
