#!/usr/bin/env python3
"""The demo: a shop in real containers is learned, watched, broken into, and defended.

Ends by itself within three minutes; exit code 0 only if everything on its closing list was so.
docs/demo.md explains what one sees.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import containers
import report
from containers import System
from play import Play
from shop import missing
from terminal import Terminal


def closing(terminal: Terminal, checked: list[tuple[bool, str]]) -> int:
    terminal.title("Checked")
    for held, what in checked:
        mark = terminal.paint("✓", "green") if held else terminal.paint("✗", "red")
        terminal.line(f"  {mark} {what}")
    return 0 if all(held for held, _ in checked) else 1


def usable(file: Path) -> bool:
    """Can the report be written there?"""
    return os.access(file if file.exists() else file.parent, os.W_OK)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="skink demo", description="Shows it all.")
    parser.add_argument("--report", type=Path, default=Path("skink-demo.html"), metavar="FILE")
    return parser.parse_args()


def main() -> int:
    file = options().report.resolve()
    if os.geteuid() != 0:
        print("demo: needs root, for containers and BPF (sudo)", file=sys.stderr)
        return 3
    if packages := missing():
        print(f"demo: missing packages (apt-get install {' '.join(packages)})", file=sys.stderr)
        return 3
    if not usable(file):
        print(f"demo: cannot write {file} (--report names another file)", file=sys.stderr)
        return 3
    terminal = Terminal()
    begin = time.monotonic()
    try:
        with System() as system:
            play = Play(system, terminal)
            play.run()
    except KeyboardInterrupt:
        terminal.line("\ndemo: interrupted; everything was taken away")
        return 130
    except (RuntimeError, TimeoutError, subprocess.CalledProcessError) as error:
        terminal.line(f"\ndemo: {error}")
        return 1
    left = containers.leftovers(system.name)
    play.check(not left, "nothing was left behind" + "".join(f"; {what}" for what in left))
    seconds = time.monotonic() - begin
    play.check(seconds <= 180, f"all within {seconds:.0f} s")
    file.write_text(report.page(play), encoding="utf-8")
    code = closing(terminal, play.list)
    terminal.line(f"\nThe report, with the time line: {file}")
    return code


if __name__ == "__main__":
    sys.exit(main())
