"""`skink record`: every call, in about two bytes each, or a trace that says what it lacks."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import wait_until

pytestmark = pytest.mark.usefixtures("root")


@pytest.fixture(name="record")
def record_fixture(skink, tmp_path):
    """Records a command: its exit code, what was said, and the trace's path and summary."""

    def record(*words, code=0):
        trace = tmp_path / "trace"
        ran = skink("record", "-o", trace, *words, stdin=subprocess.DEVNULL)
        assert ran.returncode == code, ran.stderr
        return ran.stderr, trace

    return record


@pytest.fixture(name="summary")
def summary_fixture(skink):
    """What `skink trace info` says of a file."""

    def summary(trace):
        ran = skink("trace", "info", "--json", trace)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return summary


def strace(path, *command):
    """The calls of a command as strace tells them: [(name, result)]; the first, its exec, apart."""
    subprocess.run(["strace", "-f", "-o", path, *map(str, command)], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lines = re.findall(r"^\d+ +(\w+)\(.*?(?:= (-?\w+).*)?$", path.read_text(), re.MULTILINE)
    return lines[1:]


def counted(names):
    return {name: names.count(name) for name in set(names)}


def test_two_bytes_a_call(record, summary, tools):
    """A real load: a shell that lists, searches, sorts and compresses."""
    load = ("for i in 1 2 3 4; do find /usr/lib /usr/share -newer /etc/passwd | sort | md5sum;"
            "tar -cf - /usr/share/doc /usr/include 2>/dev/null | gzip -1 | wc -c; done")
    said, trace = record("--", "sh", "-c", load)
    info = summary(trace)
    assert info["calls"] >= 1_000_000, info["calls"]
    assert f"{info['calls']} calls recorded" in said and "lost" not in said
    assert info["lost"] == 0
    assert trace.stat().st_size / info["calls"] < 3


def test_every_call(record, summary, tools):
    """One million calls at full speed, and not one missing."""
    said, trace = record("--", tools / "caller", "repeat", "1000000")
    info = summary(trace)
    assert info["lost"] == 0 and "lost" not in said
    assert {call["name"]: call["count"] for call in info["by_call"]}["getpid"] == 1_000_000


def test_results(record, skink, summary, program, tmp_path):
    """The same calls with the same results as strace saw."""
    program("strace", "strace")
    command = ["cat", "/etc/hostname", "/nonexistent"]
    seen = []
    subprocess.run(["strace", "-o", tmp_path / "strace", *command], check=False,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for line in (tmp_path / "strace").read_text().splitlines()[1:]:
        if match := re.match(r"(\w+)\(.* = (0x[0-9a-f]+|-?\d+)", line):
            seen.append((match[1], int(match[2], 0), re.search(r"= -1 (E\w+)", line)))
    assert len(seen) > 20
