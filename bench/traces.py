"""How fast recorded traces are read and compared, and how fast each detector judges: calls a second
of one core."""

import json
import os
import subprocess

from cost import Redis
from result import Row
from rig import SKINK, program
from containers import System

MADE_CALLS = 50_000_000
LEARNED_CALLS = 5_000_000
RUNS = 3
RECORD_SECONDS = 5
REAL_TIMES = 40  # the recording is short: it is read so often in one run


def _skink(system: System, *arguments: str) -> float:
    """CPU seconds of one run; 1 is the answer "anomalous", which is as good here."""
    child = system.spawn([str(SKINK), *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 1):
        raise RuntimeError(f"skink {arguments[0]} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime


def _speed(system: System, calls: int, profile: str, *files: str) -> float:
    """The fastest of some runs: what the machine can do when it is left alone."""
    return calls / min(_skink(system, "detect", profile, *files) for _ in range(RUNS))


def _calls(trace: str) -> int:
    """Calls in a trace, as skink counts them."""
    said = subprocess.run([str(SKINK), "trace", "info", "--json", trace], capture_output=True,
                          text=True, check=True, start_new_session=True).stdout
    return json.loads(said)["calls"]


def _made(system: System) -> Row:
    """Traces as a busy server makes them, by bench/make_trace.c."""
    learned, trace, profile = (str(system.directory / name) for name in
                               ("learned.trace", "made.trace", "made.profile"))
    subprocess.run([program("make_trace"), learned, str(LEARNED_CALLS), "1"], check=True)
    subprocess.run([program("make_trace"), trace, str(MADE_CALLS), "2"], check=True)
    _skink(system, "learn", "-o", profile, learned)
    size = os.stat(trace).st_size
    return Row("detect_calls_per_s", _speed(system, MADE_CALLS, profile, trace), "calls/s",
               50_000_000, at_least=True,
               note=f"{MADE_CALLS / 1e6:.0f} million calls, {size / MADE_CALLS:.2f} bytes each")


def _real(system: System) -> Row:
    """A recording of redis-server under load."""
    trace, profile = (str(system.directory / name) for name in ("real.trace", "real.profile"))
    server = Redis(system)
    recorder = system.spawn([str(SKINK), "record", "--cgroup", server.cgroup.path, "--duration",
                             f"{RECORD_SECONDS}s", "-o", trace], stderr=subprocess.DEVNULL)
    while recorder.poll() is None:
        server.load(20_000)
    _skink(system, "learn", "-o", profile, trace)
    calls = _calls(trace)
    return Row("detect_real_calls_per_s", _speed(system, REAL_TIMES * calls, profile,
                                                 *[trace] * REAL_TIMES), "calls/s",
               note=f"redis-server, {calls:,} calls recorded, {os.stat(trace).st_size / calls:.2f} "
                    f"bytes each, {REAL_TIMES} times")


def detect(system: System, _strangers: set[str]) -> list[Row]:
    return [_made(system), _real(system)]


def detectors(_system: System, _strangers: set[str]) -> list[Row]:
    """Every detector on made calls, by bench/detectors.c. A quorum pays for each of its members."""
    said = subprocess.run([program("detectors")], capture_output=True, text=True, check=True,
                          start_new_session=True).stdout
    rows = []
    for line in said.splitlines():
        name, speed, memory = line.split("\t")
        target = {"best": 5_000_000, "quorum": 10_000_000}.get(name.partition("(")[0], 50_000_000)
        rows.append(Row(f"judge_calls_per_s {name}", float(speed), "calls/s", target, at_least=True,
                        note=f"{int(memory) / 1024:.0f} KiB learned"))
    return rows
