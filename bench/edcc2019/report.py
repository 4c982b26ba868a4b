"""Tables beside the paper's, and figures, from what experiment.py has written:

    bench/edcc2019/report.py [FOLDER]
"""

import json
import math
import sys
from pathlib import Path

# J. Flora and N. Antunes, EDCC 2019: Docker, 24 hours; seconds to steady state and patterns then.
PAPER = {("STIDE", 3): (3000, 2674), ("STIDE", 4): (30900, 22317), ("STIDE", 5): None,
         ("STIDE", 6): None, ("BoSC", 3): (1700, 1649), ("BoSC", 4): (5800, 5898),
         ("BoSC", 5): (26400, 19214), ("BoSC", 6): (34200, 43942)}
SCOPES = {"container": "the container's calls as one stream", "thread": "each thread's calls"}
PANEL, HEIGHT, TOP, BOTTOM, LEFT, GAP = 380, 480, 98, 420, 70, 120
COLOURS = {"STIDE": ("#9ecae1", "#5da5d3", "#2a74b8", "#0b3c78"),
           "BoSC": ("#f7b977", "#ec8f3c", "#cf5f14", "#8a3a05")}


def steady(curve):
    """Seconds to steady state and patterns then, as a table says it."""
    reached = curve["steady"]
    return f"{reached['seconds']:,.0f} s / {reached['patterns']:,}" if reached else "never"


def size(curve):
    """Patterns at the end, and how many of them the last whole interval has brought."""
    before, last = curve["points"][-2:] if len(curve["points"]) > 1 else [(0, 0, 0)] * 2
    return f"{curve['patterns']:,} (+{last[2] - before[2]:,})"


def table(result):
    """Markdown: a row for each algorithm and length, two columns for each scope."""
    rows = [["", "paper", *(f"{scope}: {what}" for scope in SCOPES for what in ("steady", "end"))]]
    rows.append(["---"] * len(rows[0]))
    for (algorithm, length), paper in PAPER.items():
        row = [f"{algorithm}-{length}", f"{paper[0]:,} s / {paper[1]:,}" if paper else "never"]
        for scope in SCOPES:
            curve = find(result, algorithm, length, scope)
            row += [steady(curve), size(curve)]
        rows.append(row)
    done = sum(count for kind, count in result["transactions"].items() if kind != "repeated")
    head = (f"{result['engine']} {result['engine_version']}, MariaDB {result['mariadb']}, "
            f"{result['minutes']:g} minutes, {result['warehouses']} warehouses, "
            f"{result['clients']} clients: {done:,} transactions, {result['calls']:,} calls, "
            f"{result['lost']:,} lost ({result['date']})")
    return f"{head}\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def find(result, algorithm, length, scope):
    return next(curve for curve in result["curves"]
                if (curve["algorithm"], curve["length"], curve["of"]) == (algorithm, length, scope))


class Panel:
    """The curves of one scope; patterns on a logarithmic axis."""

    def __init__(self, result, scope, left):
        self.left = left
        self.scope = scope
        self.curves = [curve for curve in result["curves"] if curve["of"] == scope]
        self.seconds = max(curve["points"][-1][0] for curve in self.curves) or 1
        counts = [point[2] for curve in result["curves"] for point in curve["points"] if point[2]]
        self.low = math.floor(math.log10(min(counts, default=1)))
        self.high = max(math.ceil(math.log10(max(counts, default=10))), self.low + 1)

    def x(self, seconds):
        return self.left + seconds / self.seconds * PANEL

    def y(self, patterns):
        part = (math.log10(patterns) - self.low) / (self.high - self.low)
        return BOTTOM - part * (BOTTOM - TOP)

    def axes(self):
        for power in range(self.low, self.high + 1):
            for factor in (1, 2, 5) if power < self.high else (1,):
                at = self.y(factor * 10**power)
                yield (f'<path class="grid" d="M{self.left} {at:.1f}h{PANEL}"/><text x="'
                       f'{self.left - 8}" y="{at + 4:.1f}" text-anchor="end">'
                       f'{factor * 10**power:,}</text>')
        step = nice_step(self.seconds)
        for i in range(int(self.seconds / step) + 1):
            at = self.x(i * step)
            yield (f'<path class="axis" d="M{at:.1f} {BOTTOM}v6"/><text x="{at:.1f}" '
                   f'y="{BOTTOM + 21}" text-anchor="middle">{i * step:g}</text>')
        yield (f'<path class="axis" d="M{self.left} {TOP}V{BOTTOM}h{PANEL}"/>'
               f'<text x="{self.left}" y="{TOP - 14}" class="panel">{SCOPES[self.scope]}</text>'
               f'<text x="{self.left + PANEL / 2}" y="{BOTTOM + 43}" text-anchor="middle">'
               "training time (s)</text>")

    def curve(self, curve):
        points = [point for point in curve["points"] if point[2]]
        if not points:
            return
        colour = COLOURS[curve["algorithm"]][curve["length"] - 3]
        line = " ".join(f"{self.x(point[0]):.1f},{self.y(point[2]):.1f}" for point in points)
        yield f'<polyline stroke="{colour}" points="{line}"/>'
        if end := curve["steady"]:
            yield (f'<circle cx="{self.x(end["seconds"]):.1f}" cy="{self.y(end["patterns"]):.1f}" '
                   'r="5" fill="#d62828"/>')

    def labels(self):
        """Each curve's name at its end, as near as the others let it."""
        lowest = math.inf
        ends = [(self.y(curve["points"][-1][2]), curve) for curve in self.curves
                if curve["points"][-1][2]]
        for at, curve in sorted(ends, key=lambda end: -end[0]):
            lowest = min(at, lowest - 13)
            yield (f'<text x="{self.left + PANEL + 5}" y="{lowest + 4:.1f}" class="small" fill="'
                   f'{COLOURS[curve["algorithm"]][curve["length"] - 3]}">'
                   f'{curve["algorithm"]}-{curve["length"]}</text>')

    def draw(self):
        yield from self.axes()
        for curve in self.curves:
            yield from self.curve(curve)
        yield from self.labels()


def nice_step(span):
    """1, 2 or 5 times a power of ten, so that about six ticks cover the span."""
    power = 10 ** math.floor(math.log10(span / 6))
    return next(power * factor for factor in (1, 2, 5, 10) if span <= 7 * power * factor)


def figure(result):
    """An SVG document: both scopes side by side."""
    width = LEFT + 2 * (PANEL + GAP) - 20
    panels = [Panel(result, scope, LEFT + i * (PANEL + GAP))
              for i, scope in enumerate(SCOPES)]
    title = (f"MariaDB under TPC-C in {result['engine']}: {result['warehouses']} warehouses, "
             f"{result['clients']} clients, {result['calls'] / 1e6:.1f} million calls")
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" '
        f'height="{HEIGHT}" font-family="sans-serif" font-size="13" fill="#222">',
        "<style>.title{font-size:18px;font-weight:bold}.panel{font-size:14px;font-weight:bold}"
        ".small{font-size:12px}.axis{stroke:#222;fill:none}.grid{stroke:#e6e6e6}"
        "polyline{fill:none;stroke-width:2.2;stroke-linejoin:round}</style>",
        f'<rect width="{width}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="30" class="title">{title}</text>',
        f'<text x="{LEFT}" y="50" class="small">patterns in the profile; a red dot: steady state, '
        "5 intervals of 100 s in a row that grew by at most 0.15 patterns a second</text>",
        *(line for panel in panels for line in panel.draw()), "</svg>\n"])


def write(folder):
    """A table and a figure of each result in the folder."""
    results = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    (folder / "tables.md").write_text("\n".join(map(table, results)))
    for result in results:
        (folder / f"growth-{result['engine']}.svg").write_text(figure(result))


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "build/edcc2019"))
