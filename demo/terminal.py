"""What the demo writes: calm, in colour only on a terminal, with one block that is redrawn there."""

import os
import sys

BARS = "▁▂▃▄▅▆▇█"
COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34"}


class Terminal:
    """Standard output. What is not a terminal gets every line once and no control sequences."""

    def __init__(self, stream=sys.stdout):
        self.stream = stream
        self.live = stream.isatty() and os.environ.get("TERM") != "dumb"
        self.colour = self.live and "NO_COLOR" not in os.environ
        self._drawn = 0

    def paint(self, text: str, *styles: str) -> str:
        if not self.colour:
            return text
        return f"\x1b[{';'.join(COLOURS[style] for style in styles)}m{text}\x1b[0m"

    def line(self, text: str = "") -> None:
        self.stream.write(text + "\n")
        self.stream.flush()
        self._drawn = 0

    def title(self, text: str, about: str = "") -> None:
        self.line()
        self.line(self.paint(text, "bold") + (f"  {self.paint(about, 'dim')}" if about else ""))

    def block(self, lines: list[str], last: bool = False) -> None:
        """Redraws the block of the previous call; elsewhere than on a terminal only the last one."""
        if self.live:
            if self._drawn:
                self.stream.write(f"\x1b[{self._drawn}A")
            self.stream.write("".join(f"\x1b[2K{line}\n" for line in lines))
            self.stream.flush()
            self._drawn = 0 if last else len(lines)
        elif last:
            for line in lines:
                self.line(line)


def sparkline(values: list[int], width: int = 24) -> str:
    """The last values as bars; square roots, so that a small rest shows beside a large beginning."""
    values = values[-width:]
    top = max([1, *values]) ** 0.5
    bars = [BARS[round((value ** 0.5) / top * (len(BARS) - 1))] if value else "·" for value in values]
    return "".join(bars).ljust(width)
