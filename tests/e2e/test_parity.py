"""One run, two observers: what the kernel reported while it ran is what the recording shows when it
is replayed, in number and content.

A recording is compared only when it is whole. Where threads run at once the recording's order is not
the order in which the kernel took their calls, so sets are compared; else the sequences.
"""

import json
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("root")

LENGTHS = [(2, 2), (5, 7), (6, 6), (7, 5), (16, 16), (6, 16)]
ORDERED = {
    "random": ["random", "1", "5000"],
    "execs": ["execs", "20", "5", "50"],
    "odd": ["odd", "11", "3000"],
}
AT_ONCE = {
    "forks": ["forks", "40", "3", "60"],
    "threads": ["threads", "6", "9", "1000"],
    "bomb": ["bomb", "7"],
    "shell": ["sh", "-c", "ls -lR /usr/share/doc/b* | grep -c a & find /etc | sort | tail -2 & wait"],
}


class Stories:
    """What the kernel told and what the replay told, as lists of (what, kind, calls or score)."""

    def __init__(self, text):
        story = json.loads(text)
        assert story["lost"] == 0, "the run was not seen whole"
        assert story["recorded"] == story["calls"] > 20
        self.calls = story["calls"]
        self.kernel = list(self._read(story["kernel"]))
        self.replayed = list(self._read(story["replayed"]))

    @staticmethod
    def _read(lines):
        """A bag has no order. A pattern that found no place in its table is told once, too."""
        for what, kind, detail in lines:
            if what != "crossed":
                what, detail = "new", tuple(sorted(detail) if kind == "bag" else detail)
            yield what, kind, detail


@pytest.fixture(name="observe")
def observe_fixture(skink_bin):
    """Runs a command under both observers: observe(["--window", 5], ["random", 1, 100])."""
    tools = Path(skink_bin).parent / "tests"

    def observe(options, command, caller="caller"):
        program = [] if command[0] == "sh" else [tools / caller]
        words = [tools / "parity", *options, "--", *program, *command]
        ran = subprocess.run([*map(str, words)], stdin=subprocess.DEVNULL, capture_output=True,
                             text=True, timeout=60, check=False)
        assert ran.returncode == 0, ran.stderr
        # The command may print, too.
        return Stories(ran.stdout[ran.stdout.index("{"):])

    return observe


def distinct(story):
    """A story's patterns, each once; it may not tell any of them twice."""
    patterns = [line for line in story if line[0] == "new"]
    assert len(patterns) == len(set(patterns))
    return set(patterns)


def crossings(story, kind):
    return sorted(score for what, of, score in story if (what, of) == ("crossed", kind))


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("command", ORDERED)
def test_learning(observe, lengths, command):
    stories = observe(["--window", lengths[0], "--bag", lengths[1]], ORDERED[command])
    assert len(stories.kernel) > 20
    assert {kind for _, kind, _ in stories.kernel} == {"window", "bag"}
    assert stories.kernel == stories.replayed


@pytest.mark.parametrize("lengths", [(2, 2), (6, 6), (16, 7)], ids=str)
@pytest.mark.parametrize("command", AT_ONCE)
def test_learning_at_once(observe, lengths, command):
    stories = observe(["--window", lengths[0], "--bag", lengths[1]], AT_ONCE[command])
    assert len(stories.kernel) > 20
    assert distinct(stories.kernel) == distinct(stories.replayed)


def test_a_32_bit_program(observe, skink_bin):
    if not (Path(skink_bin).parent / "tests" / "caller32").exists():
        pytest.skip("needs a 32-bit C library (apt-get install gcc-multilib)")
    stories = observe([], ["random", "1", "500"], caller="caller32")
    assert stories.kernel == stories.replayed
    assert all(call.endswith("/32") for _, _, calls in stories.kernel for call in calls)


def test_codes_of_odd_calls(observe):
    """32-bit calls are calls of their own; whatever number no table knows is one and the same."""
    stories = observe(["--window", 2, "--bag", 2], ORDERED["odd"])
    calls = {call for _, kind, pattern in stories.kernel if kind == "window" for call in pattern}
    assert {"getpid", "getpid/32", "getuid/32", "#510", "#511"} <= calls
    assert calls.isdisjoint({"getuid", "#600", "#512", "#513"})


@pytest.mark.parametrize("lengths", [(2, 2), (6, 6), (7, 5), (16, 16)], ids=str)
@pytest.mark.parametrize("command", ["random", "execs", "odd", "forks", "threads"])
def test_detecting(observe, skink, tmp_path, lengths, command):
    """Learned from one run, another one is judged by the kernel, its replay, and `skink detect`."""
    profile, trace = tmp_path / "profile", tmp_path / "trace"
    options = ["--window", lengths[0], "--bag", lengths[1]]
    learned = observe([*options, "--learn", profile], ["random", "2", "1500"])
    assert learned.kernel
    attack = {**ORDERED, **AT_ONCE, "random": ["random", "3", "2000"],
              "threads": ["threads", "4", "9", "200"], "odd": ["odd", "11", "600"]}[command]
    stories = observe([*options, "--detect", profile, "--trace", trace], attack)
    assert distinct(stories.kernel) == distinct(stories.replayed) != set()
    if command in ORDERED:
        assert stories.kernel == stories.replayed
    elif command == "forks":
        # Where an epoch ends among calls at once is not the same for both; a thread's frame is.
        assert crossings(stories.kernel, "window") == crossings(stories.replayed, "window")

    (found,) = json.loads(skink("detect", "--novelties", "--json", profile, trace).stdout)
    assert found["calls"] == stories.calls and found["lost"] == 0
    assert {("new", each["kind"], tuple(sorted(each["calls"]) if each["kind"] == "bag" else
                                        each["calls"]))
            for each in found["novelties"]} == distinct(stories.kernel)
    for kind in ("window", "bag"):
        assert found[kind + "s"]["crossings"] == len(crossings(stories.replayed, kind))
