"""The load over time as SVG: requests a second, the slowest answer, and what failed."""

from customers import Customers, Phase

WIDTH, LEFT, RIGHT = 960, 64, 16
TOP, RATE_HEIGHT, GAP, SLOW_HEIGHT = 46, 150, 34, 80
SLOW_TOP = TOP + RATE_HEIGHT + GAP
BOTTOM = SLOW_TOP + SLOW_HEIGHT
HEIGHT = BOTTOM + 40


def _nice(value: float) -> float:
    """The next round number."""
    step = 1.0
    while step * 10 < value:
        step *= 10
    return next(step * factor for factor in (1, 2, 5, 10) if step * factor >= value)


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _scale(top: float, height: float, most: float, unit: str) -> str:
    """Three lines across with their values."""
    marks = []
    for part in (0, 0.5, 1):
        y = top + height * (1 - part)
        marks.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        marks.append(_text(LEFT - 8, y + 4, f"{most * part:,.0f}", "end"))
    return "".join(marks) + _text(LEFT, top - 8, unit)


def load(customers: Customers, begin: float, phases: list[Phase]) -> str:
    """From `begin` on; each phase after the first one is a band with its name."""
    lines = [line for line in customers.told if line["time"] >= begin]
    end = lines[-1]["time"]
    steps = [(after["time"], (after["requests"] - before["requests"])
              / max(1e-3, after["time"] - before["time"]), after["slowest_ms"],
              after["failures"] - before["failures"])
             for before, after in zip(lines, lines[1:])]
    most_rate = _nice(max(rate for _, rate, _, _ in steps))
    most_slow = _nice(max(slow for _, _, slow, _ in steps))

    def x(time: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (time - begin) / (end - begin)

    bands = []
    for number, phase in enumerate(phases[1:]):
        left, width = x(phase.begin), max(2.0, x(phase.end) - x(phase.begin))
        bands.append(f'<rect class="band{number % 3}" x="{left:.1f}" y="{TOP - 20}" '
                     f'width="{width:.1f}" height="{BOTTOM - TOP + 20}"/>')
        bands.append(_text(left + width / 2, TOP - 26, f"{number + 1}", "middle"))
    rate = "L".join(f"{x(time):.1f} {TOP + RATE_HEIGHT * (1 - value / most_rate):.1f}"
                    for time, value, _, _ in steps)
    slow = "".join(f"M{x(time):.1f} {BOTTOM}V{BOTTOM - SLOW_HEIGHT * value / most_slow:.1f}"
                   for time, _, value, _ in steps)
    failed = "".join(f'<circle class="failed" cx="{x(time):.1f}" cy="{TOP + RATE_HEIGHT - 6}" '
                     f'r="4"><title>{count} failed</title></circle>'
                     for time, _, _, count in steps if count)
    seconds = "".join(_text(x(begin + at), BOTTOM + 18, f"{at} s", "middle")
                      for at in range(0, int(end - begin) + 1, 10))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="Requests a second, slowest '
            f'answers and failures over time">{"".join(bands)}'
            f'{_scale(TOP, RATE_HEIGHT, most_rate, "requests a second; red: some failed")}'
            f'{_scale(SLOW_TOP, SLOW_HEIGHT, most_slow, "slowest answer, ms")}'
            f'<path class="rate" d="M{rate}"/><path class="slow" d="{slow}"/>{failed}{seconds}</svg>')
