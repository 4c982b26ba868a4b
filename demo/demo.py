#!/usr/bin/env python3
"""The play: a shop in real containers is learned, watched, restarted in part, and broken into.

Ends by itself within three minutes; exit code 0 only if everything on its closing list was so.
docs/demo.md explains what one sees.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import containers
from containers import System
from daemon import INTERVAL, STEADY, Daemon
from shop import Shop, missing
from terminal import Terminal, sparkline

HERE = Path(__file__).resolve().parent
REQUESTS = 10_000
LEARNING_LIMIT = 120  # seconds
WATCHING_LIMIT = 60
HOLDS = 2  # of redis, twice a second while learning
HOLD = 0.05  # seconds
TITLES = {"db": "redis", "web": "gunicorn, Flask", "front": "nginx"}


class Load:
    """load.py as a process of its own; counts is the latest line that it wrote."""

    def __init__(self, system: System, shop: Shop):
        host, port = shop.address
        self.process = system.spawn(
            [sys.executable, str(HERE / "load.py"), f"{host}:{port}"], system.host("customers"),
            stdout=subprocess.PIPE, text=True)
        self.counts = {"requests": 0, "failures": 0, "mean_ms": 0.0}
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        for line in self.process.stdout:
            self.counts = json.loads(line)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


class Growth:
    """Patterns of one service that came in each interval, sampled from the status."""

    def __init__(self):
        self.began = time.monotonic()
        self.sizes = [0]

    def sample(self, size: int) -> None:
        interval = int((time.monotonic() - self.began) / INTERVAL)
        while len(self.sizes) < interval + 2:
            self.sizes.append(self.sizes[-1])
        self.sizes[-1] = size

    def steps(self) -> list[int]:
        return [after - before for before, after in zip(self.sizes, self.sizes[1:])]


class Play:
    """The acts, in order; each notes on the closing list what it has shown."""

    def __init__(self, system: System, terminal: Terminal):
        self.system = system
        self.terminal = terminal
        self.daemon = Daemon(system)
        self.shop = Shop(system)
        self.load: Load | None = None
        self.list: list[tuple[bool, str]] = []
        self.false_alerts = 0

    def check(self, held: bool, what: str) -> None:
        self.list.append((held, what))

    # ---- the acts ----

    def build(self) -> None:
        """Skink first, so that it sees every container from its first call."""
        self.terminal.title("The shop", "real containers by runc from this host's /usr")
        self.daemon.start()
        for container in self.shop.containers:
            begin = time.monotonic()
            container.start()
            self.shop.wait(container)
            self.terminal.line(f"  {container.name:8}{TITLES[container.image.service]:18}"
                               f"{container.address:14}up in {time.monotonic() - begin:.2f} s")
        self.load = Load(self.system, self.shop)

    def learn(self) -> None:
        """Until every service is learned. What is normal but rare happens early, or often: restarts,
        and a machine so busy that requests pile up before redis."""
        self.terminal.title("Skink learns", f"new patterns in each interval of {INTERVAL} s; "
                            f"learned after {STEADY} steady ones in a row")
        self.wait(3, "a customer asks for every page")
        begin = time.monotonic()
        growth = {name: Growth() for name in TITLES}
        restarts = [self.shop.db, self.shop.front, *self.shop.web * 4]
        learned = False
        while not learned:
            services = self.daemon.services()
            for name, service in services.items():
                growth[name].sample(service["windows"] + service["bags"])
            learned = (time.monotonic() - begin > LEARNING_LIMIT or len(services) == len(TITLES)
                       and all(s["mode"] == "watching" for s in services.values()))
            self.terminal.block(self._growth_lines(services, growth), last=learned)
            if restarts and not learned:
                self.shop.restart(restarts.pop(0))
            for _ in range(HOLDS):
                self.shop.db.hold(HOLD)
            self.wait(0.5)
        self.daemon.alerts()
        complete = [name for name, service in self.daemon.services().items()
                    if service["mode"] == "watching" and service["state"] == "complete"]
        self.check(len(complete) == len(TITLES), f"{len(complete)} of {len(TITLES)} services learned "
                   f"in {time.monotonic() - begin:.0f} s: steady, without loss, starts seen")

    def watch(self) -> None:
        """A stretch of the same load in which nothing may be said."""
        self.terminal.title("Skink watches", f"{REQUESTS:,} requests in which nobody does harm")
        before, begin = self.load.counts["requests"], time.monotonic()
        done = 0
        while done < REQUESTS and time.monotonic() - begin < WATCHING_LIMIT:
            self.wait(1)
            done = self.load.counts["requests"] - before
            rate = done / (time.monotonic() - begin)
            self.terminal.block([f"  {done:>7,} requests  {rate:5.0f} a second  "
                                 f"{self.load.counts['mean_ms']:.1f} ms each  "
                                 f"{self._alert_count()}"], last=done >= REQUESTS)
        self.check(done >= REQUESTS, f"{done:,} benign requests were watched")

    def restart(self) -> None:
        """A replica goes and comes back under load; its start-up is no news."""
        web = self.shop.web[0]
        self.terminal.title("A replica restarts", "under load, as after any update")
        begin = time.monotonic()
        self.shop.restart(web)
        took = time.monotonic() - begin
        self.wait(4)
        count = self._alert_count()
        self.terminal.line(f"  {web.name} was back after {took:.2f} s  {count}")
        self.check(not self.false_alerts, f"no alert without an attack ({self.false_alerts})")
        replicas = self.daemon.services()["web"]["replicas"]
        self.check(len(replicas) == 2, f"{web.name} restarted under load and is watched again")

    def attack(self) -> None:
        """A real break-in through the balancer, and what Skink says of it."""
        self.terminal.title("The break-in", "a host name that ends a shell command, and another one")
        place = self.system.host("attacker")
        own = self.system.network.addresses["attacker"]
        host, port = self.shop.address
        exploit = self.system.spawn(
            [sys.executable, str(HERE / "exploit.py"), f"{host}:{port}", own], place,
            stdout=subprocess.PIPE, text=True)
        alert = self._first_alert(10)
        result = json.loads(exploit.communicate(timeout=30)[0])
        if alert is None:
            alert = self._first_alert(2)
        self._show_attack(result)
        stolen = result["worked"] and result["secret"] == self.shop.api_key
        self.check(stolen, "the exploit worked: the attacker holds the payment key")
        if alert is None:
            self.check(False, "Skink detected it")
            return
        self.wait(3)  # an alert that grows is told again every two seconds
        last = [alert, *(a for a in self.daemon.alerts() if a["id"] == alert["id"])][-1]
        self._show_alert(alert, last)
        right = alert["service"] == "web" and self.daemon.short(alert["replica"]) == result.get("replica")
        self.check(right, f"Skink named the replica, {self.daemon.short(alert['replica'])}, "
                   f"{alert['latency_ms']:.1f} ms after the first foreign call")

    def end(self) -> None:
        self.load.stop()
        code = self.daemon.stop()
        self.check(code == 0, f"skink run ended when told to (exit code {code})")

    # ---- what they share ----

    def wait(self, seconds: float, why: str = "") -> None:
        """Sleeps while load and daemon live."""
        if why:
            self.terminal.line(self.terminal.paint(f"  ({why})", "dim"))
        time.sleep(seconds)
        self.daemon.check()
        if self.load.process.poll() is not None:
            raise RuntimeError("the load ended early")

    def _alert_count(self) -> str:
        """Counts the alerts that there should not be, and shows each in full."""
        new = [alert for alert in self.daemon.alerts() if alert["state"] == "open"]
        self.false_alerts += len(new)
        for alert in new:
            self.terminal.line(f"  {self.terminal.paint('false alert', 'red')} {alert['message']}")
            self.terminal.line(json.dumps(alert))
        text = "no alert" if not self.false_alerts else f"{self.false_alerts} alerts"
        return self.terminal.paint(text, "red" if self.false_alerts else "green")

    def _first_alert(self, seconds: float) -> dict | None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for alert in self.daemon.alerts():
                if alert["state"] == "open":
                    return alert
            time.sleep(0.01)
        return None

    def _growth_lines(self, services: dict[str, dict], growth: dict[str, Growth]) -> list[str]:
        lines = []
        for name in TITLES:
            if name not in services:
                lines.append(f"  {name:8}not seen yet")
                continue
            service = services[name]
            calls = sum(replica["calls"] for replica in service["replicas"])
            steady = f"{service['steady']} of {service['needed']} steady"
            learned = self.terminal.paint("learned", "green")
            state = learned if service["mode"] == "watching" else steady
            lines.append(f"  {name:8}{self.terminal.paint(sparkline(growth[name].steps()), 'blue')}"
                         f"{service['windows'] + service['bags']:>8,} patterns"
                         f"{calls:>12,} calls  {state}")
        return lines

    def _show_attack(self, result: dict) -> None:
        line, dim = self.terminal.line, self.terminal.paint
        line(f"  GET /status?host={dim(result['payload'], 'yellow')}")
        if not result["worked"]:
            line(f"  the attacker got nothing: {result.get('why', 'no key')}")
            return
        line(f"  the attacker's shell in {result['replica']}: {result['user']}")
        line(f"  stolen: {dim(result['secret'], 'yellow')}")

    def _show_alert(self, alert: dict, last: dict) -> None:
        """The alert as it came, and what it had grown to when the attacker had left."""
        line, paint = self.terminal.line, self.terminal.paint
        first, latency = alert["first_unknown"], f"{alert['latency_ms']:.1f} ms"
        line()
        line(f"  {paint('ALERT', 'red', 'bold')}  service {alert['service']} {alert['version']}, "
             f"replica {paint(self.daemon.short(alert['replica']), 'bold')}")
        line(f"  why    {_why(alert)} ({alert['detector']}, threshold {alert['threshold']})")
        line(f"  first  {first['call']} by {first['command']} ({first['pid']}), {first['time']}")
        line(f"  after  {paint(latency, 'bold')} from there to this alert")
        for depth, process in enumerate(last["process_tree"]):
            line(f"  {'' if depth else 'who':7}{'  ' * depth}{_process(process)}")
        shown = {process["pid"] for process in last["process_tree"]}
        for tree in (tree for tree in last["other_trees"] if tree[-1]["pid"] not in shown):
            line(f"  {'':7}{'  ' * (len(tree) - 1)}{_process(tree[-1])}")
        for number, (command, window) in enumerate(_windows(last["unknown"])):
            line(f"  {'' if number else 'new':7}{command:8}{window}")
        line(f"  so far {last['novelties']} new patterns, seen {last['mismatches']} times")


def _why(alert: dict) -> str:
    if alert["detector"] in ("file", "exec", "flow"):  # what the service never did, by name
        return alert["message"].partition(" replica ")[2].partition(" ")[2].rpartition(", by ")[0]
    return f"{alert['score']} of the last {alert['of']} windows of a thread unknown"


def _process(process: dict) -> str:
    return f"{process['pid']} {process['arguments'] or process['command']}"[:76]


def _windows(unknown: list[dict], each: int = 2) -> list[tuple[str, str]]:
    """The first unknown windows of every command."""
    shown: dict[str, list[str]] = {}
    for pattern in unknown:
        if pattern["kind"] == "window":
            shown.setdefault(pattern["command"], []).append(" ".join(pattern["calls"]))
    return [(command, window) for command, windows in shown.items() for window in windows[:each]]


def closing(terminal: Terminal, checked: list[tuple[bool, str]]) -> int:
    terminal.title("Checked")
    for held, what in checked:
        mark = terminal.paint("✓", "green") if held else terminal.paint("✗", "red")
        terminal.line(f"  {mark} {what}")
    return 0 if all(held for held, _ in checked) else 1


def main() -> int:
    if os.geteuid() != 0:
        print("demo: needs root, for containers and BPF (sudo)", file=sys.stderr)
        return 3
    if packages := missing():
        print(f"demo: missing packages (apt-get install {' '.join(packages)})", file=sys.stderr)
        return 3
    terminal = Terminal()
    begin = time.monotonic()
    play = None
    try:
        with System() as system:
            play = Play(system, terminal)
            for act in (play.build, play.learn, play.watch, play.restart, play.attack, play.end):
                act()
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
    return closing(terminal, play.list)


if __name__ == "__main__":
    sys.exit(main())
