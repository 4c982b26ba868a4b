"""`skink record`: every call, in about two bytes each, or a trace that says what it lacks."""

import json
import re
import signal
import subprocess
import time

import pytest
from conftest import wait_until
from engines import container, make_bundle

pytestmark = pytest.mark.usefixtures("root")

# What these return is another number at each run.
NUMBERED = {"set_tid_address"}


@pytest.fixture(name="record")
def record_fixture(skink, tmp_path):
    """Records a command: what was said, and the trace."""

    def record(*words):
        ran = skink("record", "-o", tmp_path / "trace", *words, stdin=subprocess.DEVNULL)
        assert ran.returncode == 0, ran.stderr
        return ran.stderr, tmp_path / "trace"

    return record


@pytest.fixture(name="info")
def info_fixture(skink):
    """What `skink trace info` says of a file."""

    def info(trace):
        ran = skink("trace", "info", "--json", trace)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return info


@pytest.fixture(name="dump")
def dump_fixture(tools):
    """A trace's records: [(thread, what, value)]."""

    def dump(trace):
        ran = subprocess.run([tools / "trace_dump", trace], check=True, stdout=subprocess.PIPE,
                             text=True)
        return [tuple(line.split()) for line in ran.stdout.splitlines()]

    return dump


def after_last(what, records):
    return records[max(i for i, record in enumerate(records) if record[0] == what) + 1:]


def test_two_bytes_a_call(record, info):
    """A real load: programs that search, sort, pack and count."""
    load = ("find /usr/share -newer /etc/passwd | sort | wc -l;"
            "tar -cf - /usr/share/doc | cat | wc -c; ls -lR /usr/include | tail -1")
    _, trace = record("--", "sh", "-c", load)
    rounds = 2 + 1_050_000 // info(trace)["calls"]
    said, trace = record("--", "sh", "-c", f"for i in $(seq {rounds}); do {load}; done")
    summary = info(trace)
    assert summary["calls"] >= 1_000_000
    assert f"{summary['calls']} calls recorded" in said
    assert summary["lost"] == 0 and "lost" not in said
    assert summary["forks"] >= 8 * rounds and summary["execs"] >= 8 * rounds
    assert trace.stat().st_size / summary["calls"] < 3


def test_every_call(record, info, tools):
    """One million calls at full speed, and not one is missing."""
    said, trace = record("--", tools / "caller", "repeat", "1000000")
    summary = info(trace)
    assert summary["alphabet"]["getpid"] == 1_000_000
    assert summary["lost"] == 0 and "lost" not in said


def test_results(record, dump, program, tmp_path):
    """The calls and results that strace sees."""
    program("strace", "strace")
    command = ["setarch", "-R", "cat", "/etc/hostname", "/nonexistent"]
    subprocess.run(["strace", "-f", "-e", "signal=none", "-X", "raw", "-o", tmp_path / "strace",
                    *command], check=False, stdin=subprocess.DEVNULL, capture_output=True)
    wanted = re.findall(r"^\d+ +(\w+)\(.*\) += (-?\w+)(?: (E\w+))?",
                        (tmp_path / "strace").read_text(), re.MULTILINE)
    wanted = after_last("execve", wanted)

    _, trace = record("--results", "--", "sh", "-c", " ".join(command) + " 2>/dev/null || true")
    records = dump(trace)
    tid = records[[what for _, what, _ in records].index("(fork)")][0]
    mine = [(what, value) for thread, what, value in records if thread == tid]
    seen = after_last("(exec)", mine)
    assert seen[-2:] == [("exit_group", "-"), ("(exit)", "0")]
    assert [name for name, _ in seen[:-2]] == [name for name, _, _ in wanted] != []
    for (name, result), (_, value, error) in zip(seen, wanted):
        if error:
            assert int(result) in range(-133, 0), name
        elif name not in NUMBERED:
            assert int(result) == int(value, 0), name


def test_without_results(record, dump):
    _, trace = record("--", "true")
    assert {value for _, what, value in dump(trace) if what[0] != "("} == {"-"}


def test_losses_are_told(record, info, dump, tools):
    """A storm through a ring that is far too small: each call is recorded or counted as lost, and a
    mark stands where calls are missing."""
    storm = ["--", tools / "caller", "repeat", "300000"]
    calls = info(record(*storm)[1])["calls"]
    said, trace = record("--ring", "4KiB", *storm)
    summary = info(trace)
    recorded, lost = re.search(r"(\d+) calls recorded.* (\d+) calls were lost", said).groups()
    assert (int(recorded), int(lost)) == (summary["calls"], summary["lost"])
    assert summary["calls"] + summary["lost"] == calls
    marks = [int(value) for _, what, value in dump(trace) if what == "(lost)"]
    assert sum(marks) == summary["lost"] and len(marks) == summary["losses"] > 1


def test_a_container(skink_bin, program, info, dump, tmp_path):
    """A running container by its name; Ctrl-C ends the recording."""
    bundle = make_bundle(tmp_path / "bundle")
    spec = json.loads((bundle / "config.json").read_text())
    spec["process"]["args"] = ["sh", "-c", "while :; do sleep 0.02; done"]
    (bundle / "config.json").write_text(json.dumps(spec))
    trace = tmp_path / "trace"
    with container([program("runc", "runc")], bundle, "sk_record_1"):
        recorder = subprocess.Popen([skink_bin, "record", "-o", str(trace), "--container",
                                     "sk_record_1"], stderr=subprocess.PIPE, text=True)
        try:
            time.sleep(2)
        finally:
            recorder.send_signal(signal.SIGINT)
            _, said = recorder.communicate(timeout=20)
    assert recorder.returncode == 0, said
    summary = info(trace)
    assert summary["forks"] > 10 and summary["execs"] > 10 and summary["lost"] == 0
    assert summary["alphabet"]["clock_nanosleep"] == pytest.approx(summary["execs"], abs=1)
    assert dump(trace)


def test_interrupted(skink_bin, tools, info, tmp_path):
    """Ctrl-C ends the command too; the file is whole."""
    trace = tmp_path / "trace"
    recorder = subprocess.Popen([skink_bin, "record", "-o", str(trace), "--", str(tools / "caller"),
                                 "random", "1", "4000000000"], stderr=subprocess.PIPE, text=True)
    try:
        assert wait_until(lambda: trace.exists() and trace.stat().st_size > 100_000)
    finally:
        recorder.send_signal(signal.SIGINT)
        _, said = recorder.communicate(timeout=20)
    assert recorder.returncode == 0, said
    assert info(trace)["calls"] > 10_000
    assert f"{info(trace)['calls']} calls recorded in {trace}" in said


def test_what_cannot_be_recorded(skink, tmp_path):
    trace = tmp_path / "trace"
    absent = skink("record", "-o", trace, "--", "/no/such/program")
    assert absent.returncode == 2
    assert "/no/such/program: cannot be started: No such file or directory" in absent.stderr
    nobody = skink("record", "-o", trace, "--container", "no-such-container")
    assert nobody.returncode == 2 and "no-such-container" in nobody.stderr
    assert skink("record", "--", "true").returncode == 2
    nowhere = skink("record", "-o", tmp_path / "no" / "trace", "--", "true")
    assert nowhere.returncode == 2 and "No such file or directory" in nowhere.stderr
