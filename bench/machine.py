"""What the benchmarks look up on this machine: CPU times, and who else traces every call."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

PATIENCE = 30  # seconds
ARRAY_OF_MAPS = 12  # enum bpf_map_type
HOOKS = ("sys_enter", "sys_exit")


def run_time_ns(pid: int) -> int:
    """CPU time of a process, all its threads, as the scheduler counts it."""
    return sum(int((task / "schedstat").read_text().split()[0])
               for task in Path(f"/proc/{pid}/task").iterdir())


def private_bytes(pid: int) -> int:
    """Resident memory that is this process's own. The BPF maps that it has mapped are left out:
    their pages are the kernel's, and counted there (see map_bytes)."""
    total, counts = 0, True
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        key, *values = line.split()
        if not key.endswith(":"):
            counts = "bpf-map" not in line
        elif counts and key in ("Private_Clean:", "Private_Dirty:"):
            total += int(values[0]) * 1024
    return total


def has_bpf_links(pid: int) -> bool:
    """Has the process attached BPF programs?"""
    return any("bpf" in os.readlink(fd) and "link" in os.readlink(fd)
               for fd in Path(f"/proc/{pid}/fd").iterdir())


def _bpftool(*arguments: str) -> list[dict]:
    for _ in range(5):  # what goes while bpftool lists it makes it fail
        answer = subprocess.run(["bpftool", "-j", *arguments], capture_output=True, text=True,
                                check=False, start_new_session=True)
        if answer.returncode == 0:
            break
    answer.check_returncode()
    return json.loads(answer.stdout or "[]")


def map_bytes(pid: int) -> int:
    """Kernel memory of the BPF maps that a process holds, and of the maps in its maps of maps."""
    own, inner = {}, set()
    for file in Path(f"/proc/{pid}/fdinfo").iterdir():
        facts = dict(line.split(":", 1) for line in file.read_text().splitlines() if ":" in line)
        if "map_id" not in facts:
            continue
        number = int(facts["map_id"])
        own[number] = int(facts["memlock"])
        if int(facts["map_type"]) == ARRAY_OF_MAPS:
            inner |= {int.from_bytes((int(byte, 16) for byte in item["value"]), sys.byteorder)
                      for item in _bpftool("map", "dump", "id", str(number)) if "value" in item}
    sizes = {item["id"]: int(item["bytes_memlock"]) for item in _bpftool("map", "list")}
    return sum(own.values()) + sum(sizes[number] for number in inner - set(own))


def tracers() -> list[str]:
    """BPF programs and ftrace on every system call, in words. Asked while nothing of ours is on."""
    names = {item["id"]: item.get("name", "?") for item in _bpftool("prog", "list")}
    found = [f"BPF program {item['prog_id']} ({names.get(item['prog_id'])}) on {item['tp_name']}"
             for item in _bpftool("link", "list") if item.get("tp_name") in HOOKS]
    found += [f"BPF program {item['prog_id']} of process {item['pid']} on {item['tracepoint']}"
              for item in _bpftool("perf", "list")
              if item["fd_type"] == "tracepoint" and item["tracepoint"] in HOOKS]
    for hook in HOOKS:
        switch = Path(f"/sys/kernel/tracing/events/raw_syscalls/{hook}/enable")
        try:
            if switch.read_text().strip() != "0":
                found.append(f"ftrace on {hook}")
        except OSError:  # no tracefs: nobody uses it either
            pass
    return found


def tracers_that_stay() -> list[str]:
    """The same, after a while in which they had time to go."""
    deadline = time.monotonic() + PATIENCE
    while (found := tracers()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found
