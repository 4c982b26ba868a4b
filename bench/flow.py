"""Many calls: are all seen, do the counters of losses count, what does the agent itself use?"""

import re
import signal
import subprocess
import time

import machine
from result import Row
from rig import SKINK, Agent, Cgroup, Page, losses, program
from containers import System, wait_for

FLOOD_SECONDS = 30
FLOOD_REACH = 1_000_000  # calls a second
PACED_RATE = 100_000
PACED_SECONDS = 30
NOVEL_SECONDS = 3
NOVEL_QUOTA = 20  # reports a second and replica, soon used up
RECORD_SECONDS = 2


class _Caller:
    """bench/calls.c, which knows exactly how many calls it made in the cgroup."""

    def __init__(self, system: System, cgroup: Cgroup, mode: str, threads: int = 1):
        self._system = system
        self._page = Page(system.directory / f"page-{cgroup.name}")
        self._command = [program("calls"), str(self._page.path), str(cgroup.procs), str(threads),
                         mode]

    def run(self, seconds: float) -> int:
        self._page.set("stop", 0)
        child = self._system.spawn(self._command)
        time.sleep(seconds)
        self._page.set("stop", 1)
        if child.wait(10) != 0:
            raise RuntimeError("bench/calls failed")
        return self._page.get("calls")


def lost_calls(system: System, _strangers: set[str]) -> list[Row]:
    cgroup = Cgroup(system, "flood")
    flood = _Caller(system, cgroup, "flood", threads=2)
    agent = Agent(system, "flood", [cgroup], quota=NOVEL_QUOTA)
    with agent.running():
        agent.learn(["flood"], lambda: flood.run(0.5))
        before = agent.replica("flood")
        made = flood.run(FLOOD_SECONDS)
        after = agent.replica("flood")
        seen = after["calls"] - before["calls"]
        rate = made / FLOOD_SECONDS
        lost = abs(made - seen) + losses(after) - losses(before)
        counted = _losses_counted(system, cgroup, agent)
    recorded = _losses_recorded(system, cgroup)
    # A zero proves something only when there were calls enough and the counters can count.
    proven = rate >= FLOOD_REACH and counted and recorded
    return [Row("lost_calls", lost if proven else float("inf"), "calls", 0,
                note=f"{made:,} made, {seen:,} seen, {after['novelties']} novelties"),
            Row("lost_calls_rate", rate, "calls/s", note=f"for {FLOOD_SECONDS} s, two threads"),
            Row("losses_by_quota", counted, "reports",
                note=f"counted when novelties exceed a quota of {NOVEL_QUOTA} a second"),
            Row("losses_by_ring", recorded, "calls",
                note="counted by a recording through 4 KiB; with those recorded, exactly all made")]


def _losses_counted(system: System, cgroup: Cgroup, agent: Agent) -> int:
    """Novelties far over the quota: calls are seen all the same, reports are counted as lost."""
    before = agent.replica("flood")
    made = _Caller(system, cgroup, "novel").run(NOVEL_SECONDS)
    after = agent.replica("flood")
    if after["calls"] - before["calls"] != made:
        raise RuntimeError(f"novel calls: {made} made, {after['calls'] - before['calls']} seen")
    return losses(after) - losses(before)


def _losses_recorded(system: System, cgroup: Cgroup) -> int:
    """A ring far too small: what was recorded and what was counted as lost make up all calls."""
    output = system.directory / "tiny.trace"
    recorder = system.spawn(
        [str(SKINK), "record", "--cgroup", cgroup.path, "--ring", "4KiB", "-o", str(output)],
        stderr=subprocess.PIPE, text=True)
    wait_for(lambda: recorder.poll() is not None or machine.has_bpf_links(recorder.pid), 10,
             "skink record to begin")
    time.sleep(0.5)  # it is attached; a moment later it knows its cgroup
    made = _Caller(system, cgroup, "flood", threads=2).run(RECORD_SECONDS)
    recorder.send_signal(signal.SIGINT)
    said = recorder.communicate(timeout=30)[1]
    kept, lost = (sum(map(int, re.findall(rf"(\d+) calls {what}", said)))
                  for what in ("recorded", "were lost"))
    if kept + lost != made:
        raise RuntimeError(f"recording: {made} calls made, {kept} recorded, {lost} lost, exit code "
                           f"{recorder.returncode}\n{said}")
    return lost


def agent_cpu(system: System, _strangers: set[str]) -> list[Row]:
    cgroup = Cgroup(system, "paced")
    caller = _Caller(system, cgroup, str(PACED_RATE))
    agent = Agent(system, "paced", [cgroup])
    with agent.running():
        agent.learn(["paced"], lambda: caller.run(0.5))
        novelties = agent.replica("paced")["novelties"]
        before = machine.run_time_ns(agent.process.pid)
        began = time.monotonic()
        made = caller.run(PACED_SECONDS)
        elapsed = time.monotonic() - began
        used = machine.run_time_ns(agent.process.pid) - before
        new = agent.replica("paced")["novelties"] - novelties
    return [Row("agent_cpu", 100 * used / 1e9 / elapsed, "% of a core", 1,
                note=f"{used / 1e6:.0f} ms in {elapsed:.1f} s; {made / elapsed:,.0f} calls/s, "
                     f"{new} novelties")]
