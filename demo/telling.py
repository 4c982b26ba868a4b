"""What the demo says of growth, alerts, incidents and measures, line by line."""

import time

from breakin import BreakIn
from customers import Phase
from terminal import Terminal, sparkline
from timeline import ATTACKER, SHOP, SKINK, Moment

COLOURS = {ATTACKER: "red", SKINK: "blue", SHOP: "green"}


class Growth:
    """Patterns of one service that came in each interval, sampled from the status."""

    def __init__(self, interval: float):
        self.interval = interval
        self.began = time.monotonic()
        self.sizes = [0]

    def sample(self, size: int) -> None:
        interval = int((time.monotonic() - self.began) / self.interval)
        while len(self.sizes) < interval + 2:
            self.sizes.append(self.sizes[-1])
        self.sizes[-1] = size

    def steps(self) -> list[int]:
        return [after - before for before, after in zip(self.sizes, self.sizes[1:])]


def growth_lines(terminal: Terminal, names, services: dict[str, dict],
                 growth: dict[str, Growth]) -> list[str]:
    lines = []
    for name in names:
        if name not in services:
            lines.append(f"  {name:8}not seen yet")
            continue
        service = services[name]
        calls = sum(replica["calls"] for replica in service["replicas"])
        steady = f"{service['steady']} of {service['needed']} steady"
        learned = terminal.paint("learned", "green")
        state = learned if service["mode"] == "watching" else steady
        lines.append(f"  {name:8}{terminal.paint(sparkline(growth[name].steps()), 'blue')}"
                     f"{service['windows'] + service['bags']:>8,} patterns"
                     f"{calls:>12,} calls  {state}")
    return lines


def request(terminal: Terminal, attempt: BreakIn) -> None:
    """What the attacker sent."""
    terminal.line(f"  GET /status?host={terminal.paint(attempt.payload, 'yellow')}")


def break_in(terminal: Terminal, attempt: BreakIn) -> None:
    """What he got."""
    line, paint = terminal.line, terminal.paint
    line()
    if not attempt.all("shell"):
        line("  the attacker got nothing")
        return
    line(f"  the attacker's shell in {attempt.answer('hostname')}: {attempt.answer('id')}")
    line(f"  stolen: {paint(attempt.key, 'yellow')}, {attempt.copied:,} bytes of the database")
    line(f"  and by the mailer's queue a shell in {attempt.answer('hostname', last=True)}: "
         f"{paint(attempt.mail_password, 'yellow')}")


def alert(terminal: Terminal, name: str, first: dict) -> None:
    """The alert as it came."""
    line, paint = terminal.line, terminal.paint
    call, latency = first["first_unknown"], f"{first['latency_ms']:.1f} ms"
    line()
    line(f"  {paint('ALERT', 'red', 'bold')}  service {first['service']} {first['version']}, "
         f"replica {paint(name, 'bold')}")
    line(f"  why    {_why(first)} ({first['detector']}, threshold {first['threshold']})")
    line(f"  first  {call['call']} by {call['command']} ({call['pid']}), {call['time']}")
    line(f"  after  {paint(latency, 'bold')} from there to this alert")
    for depth, process in enumerate(first["process_tree"]):
        line(f"  {'' if depth else 'who':7}{'  ' * depth}{_process(process)}")
    _foreign(terminal, first)


def grown(terminal: Terminal, first: dict, last: dict) -> None:
    """What it had become when the attacker had left."""
    terminal.line()
    terminal.line(f"  the alert has grown to {last['novelties']} new patterns, "
                  f"seen {last['mismatches']} times")
    shown = {process["pid"] for process in first["process_tree"]}
    trees = [last["process_tree"], *last["other_trees"]]
    for number, tree in enumerate(tree for tree in trees if tree[-1]["pid"] not in shown):
        terminal.line(f"  {'' if number else 'and':7}{_process(tree[-1])}")
    if not _windows(first["unknown"]):
        _foreign(terminal, last)


def _foreign(terminal: Terminal, alert: dict) -> None:
    for number, (command, window) in enumerate(_windows(alert["unknown"])):
        terminal.line(f"  {'' if number else 'new':7}{command:8}{window}")


def incident(terminal: Terminal, story: dict) -> None:
    """Where he came in, and which way he went."""
    line, paint = terminal.line, terminal.paint
    line()
    line(f"  {paint('INCIDENT', 'red', 'bold')}  {story['message']}")
    for rank in story["ranking"][:4]:
        line(f"  {100 * rank['probability']:5.1f} %  {rank['service']}")
    for step in story["path"]:
        flow = step["flow"]
        by = f"{flow['transport']} port {flow['port']}" if flow else "no flow was seen"
        line(f"  {'':7}{step['from']} -> {step['to']} ({100 * step['belief']:.0f} %): {by}")


def answer(terminal: Terminal, moments: list[Moment], began: float) -> None:
    """The time line of the break-in that was answered."""
    for moment in moments:
        after = f"{1e3 * (moment.time - began):9,.1f} ms"
        what = moment.what if len(moment.what) < 100 else f"{moment.what[:97]}..."
        terminal.line(f"  {after}  {terminal.paint(f'{moment.who:8}', COLOURS[moment.who])}  {what}")


def phases(terminal: Terminal, met: list[Phase]) -> None:
    """What the customers met."""
    terminal.line()
    terminal.line(terminal.paint(f"  {'':32}{'requests':>9}{'a second':>10}{'failed':>8}"
                                 f"{'slowest':>12}", "dim"))
    for phase in met:
        terminal.line(f"  {phase.name:32}{phase.requests:>9,}{phase.rate:>10,.0f}"
                      f"{phase.failures:>8,}{phase.slowest_ms:>9,.0f} ms")


def kinds(wrong: dict[str, int]) -> str:
    """What failed and how, in the words of load.py."""
    return "".join(f"; {number} {what}" for what, number in wrong.items())


def stakes(terminal: Terminal, plan: dict, capacity: list[tuple[str, float]]) -> None:
    """What he could have cost, and what the service can still take."""
    terminal.line()
    terminal.line(f"  harm of an intruder in {plan['service']} {plan['harm']:.3f}; "
                  f"belief that he is one {plan['belief']:.3f}")
    terminal.line("  tolerance capacity " + ", ".join(f"{value:.3f} {when}"
                                                      for when, value in capacity))


def _why(told: dict) -> str:
    if told["detector"] in ("file", "exec", "flow"):  # what the service never did, by name
        return told["message"].partition(" replica ")[2].partition(" ")[2].rpartition(", by ")[0]
    return f"{told['score']} of the last {told['of']} windows of a thread unknown"


def _process(process: dict) -> str:
    return f"{process['pid']} {process['arguments'] or process['command']}"[:76]


def _windows(unknown: list[dict], each: int = 2) -> list[tuple[str, str]]:
    """The first unknown windows of every command."""
    shown: dict[str, list[str]] = {}
    for pattern in unknown:
        if pattern["kind"] == "window":
            shown.setdefault(pattern["command"], []).append(" ".join(pattern["calls"]))
    return [(command, window) for command, windows in shown.items() for window in windows[:each]]
