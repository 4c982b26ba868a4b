"""What watching costs the watched: CPU per getpid and per redis GET, beside no tracer and others.

Variants take turns within one run, on one process that lives through all of them, so that a noisy
machine disturbs all of them alike. What disturbs can only add: of each round the least of some short
samples counts. A machine may be slow for many rounds on end, so each round is a ratio of its own, and
the median of these is the figure; beside it the ratio of the minima.
"""

import signal
import socket
import subprocess
from contextlib import contextmanager, nullcontext
from statistics import median

import machine
from result import Row
from rig import Agent, Cgroup, losses, pin, program
from containers import System, wait_for

SAMPLES = 8  # a round and variant
GETPID_CALLS = 200_000
GETPID_ROUNDS = 15
PEER_ROUNDS = 3
REDIS_REQUESTS = 10_000
REDIS_ROUNDS = 15
REDIS_PORT = 16379
RARE = 1e-3  # novelties a call: a real server has a rare window that a short training did not show


@contextmanager
def _ready(system: System, command: list[str], word: str, **options):
    """A tracer that says a word when it has begun, and ends on SIGINT or the end of its input."""
    with system.spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                      stderr=subprocess.STDOUT, text=True, **options) as child:
        for line in child.stdout:
            if word in line:
                break
        yield
        child.send_signal(signal.SIGINT)
        child.stdin.close()
        child.stdout.read()


def _take_turns(variants: dict, sample, rounds: int, strangers: set[str],
                count: int = SAMPLES) -> dict[str, list[float]]:
    """variants: name -> function that gives the context manager of the tracer."""
    samples = {name: [] for name in variants}
    order = list(variants.items())
    for _ in range(rounds):
        for name, tracer in order:
            strangers.update(machine.tracers_that_stay())
            with tracer():
                samples[name].append(min(sample() for _ in range(count)))
        order.reverse()  # so that drift favours nobody
    return samples


def _ratios(name: str, samples: dict, variant: str, reach: float, unit: str) -> list[Row]:
    bare, seen = samples["bare"], samples[variant]
    rounds = sorted(one / other for one, other in zip(seen, bare, strict=True))
    return [Row(name, median(rounds), "ratio", reach,
                note=f"rounds {rounds[0]:.3f} to {rounds[-1]:.3f}; "
                     f"median {median(seen):.1f} to {median(bare):.1f} {unit}"),
            Row(f"{name}_minimum", min(seen) / min(bare), "ratio",
                note=f"minimum {min(seen):.1f} to {min(bare):.1f} {unit}")]


# ---- getpid ----


class _Loop:
    """bench/getpid.c in a cgroup of its own."""

    def __init__(self, system: System):
        self.cgroup = Cgroup(system, "getpid")
        self.process = self.cgroup.spawn([program("getpid"), str(GETPID_CALLS)], text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def once(self) -> tuple[float, float]:
        """CPU and elapsed ns a call."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        cpu, elapsed = self.process.stdout.readline().split()
        return float(cpu), float(elapsed)

    def cpu(self) -> float:
        return self.once()[0]


@contextmanager
def _detecting(agent: Agent, name: str):
    """Skink on a learned service; what it saw is checked, so that the figure means something."""
    with agent.running():
        wait_for(lambda: agent.watching(name), 10, f"{name} to be watched")
        before = agent.replica(name)
        yield
        after = agent.replica(name)
        seen = after["calls"] - before["calls"]
        if seen <= 0 or after["novelties"] > RARE * seen or losses(after):
            raise RuntimeError(f"{name} was not watched as it should be: {after}")


def getpid(system: System, strangers: set[str]) -> list[Row]:
    loop = _Loop(system)
    agent = Agent(system, "getpid", [loop.cgroup])
    with agent.running():
        agent.learn(["getpid"], loop.once)
    samples = _take_turns({
        "bare": nullcontext,
        "empty": lambda: _ready(system, [program("hook")], "ready"),
        "detecting": lambda: _detecting(agent, "getpid"),
    }, loop.cpu, GETPID_ROUNDS, strangers)
    rows = _ratios("getpid_ratio", samples, "detecting", 1.5, "ns of CPU a call")
    empty = _ratios("getpid_empty_hook_ratio", samples, "empty", None, "ns of CPU a call")
    return [*rows, empty[0], *_peers(system, loop, strangers)]


def _peers(system: System, loop: _Loop, strangers: set[str]) -> list[Row]:
    """Others on the same loop. strace stops the process at every call: its time passes elsewhere,
    so there it is the elapsed time that is compared."""
    counting = ["bpftrace", "-e",
                'BEGIN { printf("ready\\n"); } tracepoint:raw_syscalls:sys_enter { @ = count(); }']
    bpftrace = {"bare": nullcontext, "bpftrace": lambda: _ready(system, counting, "ready")}
    cpu = _take_turns(bpftrace, loop.cpu, PEER_ROUNDS, strangers)
    tracing = ["strace", "-c", "-o", "/dev/null", "-p", str(loop.process.pid)]
    strace = {"bare": nullcontext, "strace": lambda: _ready(system, tracing, "attached")}
    elapsed = _take_turns(strace, lambda: loop.once()[1], PEER_ROUNDS, strangers, count=1)
    return [_ratios("getpid_bpftrace_ratio", cpu, "bpftrace", None, "ns of CPU a call")[0],
            _ratios("getpid_strace_ratio", elapsed, "strace", None, "ns elapsed a call")[0]]


# ---- redis ----


def _answers() -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", REDIS_PORT)) == 0


class Redis:
    """redis-server in a cgroup of its own, and redis-benchmark asking it, each on its own CPU."""

    def __init__(self, system: System):
        self.cgroup = Cgroup(system, "redis")
        self.process = self.cgroup.spawn(
            ["redis-server", "--port", str(REDIS_PORT), "--save", ""], cwd=system.directory,
            stdout=subprocess.DEVNULL)
        self._system = system
        wait_for(_answers, 10, "redis-server to answer")
        pin(self.process.pid, 0)

    def load(self, requests: int = REDIS_REQUESTS, clients: int = 50) -> None:
        child = self._system.spawn(
            ["redis-benchmark", "-p", str(REDIS_PORT), "-t", "get", "-n", str(requests),
             "-c", str(clients), "-q"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        pin(child.pid, 1)
        if child.wait() != 0:
            raise RuntimeError("redis-benchmark failed")

    def behave(self) -> None:
        """Few and many clients: how many calls of a kind follow each other depends on that."""
        for clients in (1, 2, 3, 4, 5, 6, 7, 8, 50):
            self.load(1000, clients)
        self.load(50_000)

    def cpu_per_get(self) -> float:
        before = machine.run_time_ns(self.process.pid)
        self.load()
        return (machine.run_time_ns(self.process.pid) - before) / REDIS_REQUESTS


def redis(system: System, strangers: set[str]) -> list[Row]:
    server = Redis(system)
    agent = Agent(system, "redis", [server.cgroup], interval=4, sigma=1)
    with agent.running():
        agent.learn(["redis"], server.behave)
    samples = _take_turns({"bare": nullcontext, "detecting": lambda: _detecting(agent, "redis")},
                          server.cpu_per_get, REDIS_ROUNDS, strangers)
    return _ratios("redis_cpu_ratio", samples, "detecting", 1.05, "ns of CPU a GET")
