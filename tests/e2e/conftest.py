"""What every end-to-end test shares: the program, what the machine must have, and the check that a
test leaves nothing behind.

A skip names what is missing. In CI (CI=true) packages and rights are there, so a skip is a failure,
unless its reason starts with "kernel: " or "data: " (a published data set that may not be passed
on): these no package can mend.
"""

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
SLOW = float(os.environ.get("SKINK_SLOW", "1"))  # an emulated machine needs longer for everything
IN_CI = os.environ.get("CI") == "true"
PR_SET_CHILD_SUBREAPER = 36
sys.path.insert(0, str(SOURCE / "demo"))


def pytest_configure():
    # What a test's processes leave behind becomes ours, and is seen.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    report = (yield).get_result()
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith(("kernel: ", "data: ")):
            report.outcome = "failed"
            report.longrepr = f"skipped, which CI does not allow: {reason}"


@pytest.fixture(scope="session")
def source():
    """The root of the source tree."""
    return SOURCE


@pytest.fixture(scope="session")
def skink_bin():
    """The path of the program: SKINK_BIN, else build/skink."""
    path = Path(os.environ.get("SKINK_BIN", SOURCE / "build" / "skink"))
    if not path.exists():
        pytest.fail(f"{path} is not there (./do build)")
    return str(path)


@pytest.fixture(scope="session")
def skink(skink_bin):
    """Runs the program to its end: skink("doctor", "--json").stdout."""

    def run(*words, timeout=60, **options):
        options = {"capture_output": True, "text": True, **options}
        return subprocess.run([skink_bin, *map(str, words)], timeout=timeout, check=False, **options)

    return run


@pytest.fixture(scope="session")
def root():
    """The test needs root."""
    if os.geteuid() != 0:
        pytest.skip("needs root (sudo)")


@pytest.fixture(scope="session")
def program():
    """The path of another program, by name and Debian package: program("runc", "runc")."""

    def find(name, package):
        path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        if not path:
            pytest.skip(f"needs {name} (apt-get install {package})")
        return path

    return find


@pytest.fixture
def engines_cgroups():
    """Takes away the empty cgroups that the engines themselves leave behind."""

    def found():
        names = ("docker", "libpod_parent", "lxc.pivot", "wl-test")
        return {path for name in names for path in Path("/sys/fs/cgroup").glob(f"*/{name}")}

    before = found()
    yield
    for path in found() - before:
        for folder, _, _ in os.walk(path, topdown=False):
            wait_until(lambda folder=folder: not Path(folder, "cgroup.procs").read_text(), 2)
            os.rmdir(folder)


def wait_until(condition, timeout=10.0, pause=0.02):
    """The first true value of condition(), else the last one, after timeout seconds."""
    end = time.monotonic() + timeout * SLOW
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(pause)
    return value


def processes():
    """All living ones but this: {pid: (ours, start time, command)}; ours are those below it."""
    parent, found = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, rest = stat.read_text().rpartition(") ")
        except OSError:
            continue
        fields = rest.split()
        pid, _, command = head.partition(" (")
        parent[int(pid)] = int(fields[1]), fields[0], fields[19], command
    for pid, (above, state, start, command) in parent.items():
        while above in parent and above != os.getpid():
            above = parent[above][0]
        if state != "Z" and pid != os.getpid():
            found[pid] = above == os.getpid(), start, command
    return found


def programs_of(pid):
    """Ids of the BPF programs that a process holds."""
    for entry in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            if "bpf-prog" in os.readlink(entry):
                yield re.search(r"prog_id:\s*(\d+)", Path(f"/proc/{pid}/fdinfo/{entry.name}")
                                .read_text())[1]
        except OSError:
            continue


def probe_programs():
    """Ids of Skink's programs in the kernel, whoever loaded them."""
    if os.geteuid() != 0 or not shutil.which("bpftool"):
        return set()
    listed = subprocess.run(["bpftool", "-j", "prog", "list"], capture_output=True, check=False)
    return {str(prog["id"]) for prog in json.loads(listed.stdout or "[]")
            if prog.get("name") == "on_call"}


def leftovers():
    """What a run of Skink or of its containers could leave on the machine. Another run's, whose
    process lives beside this one, is not counted."""
    programs = probe_programs()  # before the processes: whoever holds one is found then
    alive = processes()
    others = {str(pid) for pid, (ours, _, _) in alive.items() if not ours}
    found = {f"process {pid} ({command}), started {start}"
             for pid, (ours, start, command) in alive.items() if ours}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4]
        if "skink" in point or "pytest" in point:
            found.add(f"mount {point}")
    cgroups = [Path(folder) for folder, _, _ in os.walk("/sys/fs/cgroup")
               if "skink" in os.path.basename(folder)]  # os.walk bears that others' go meanwhile
    for folder in [*Path("/run/netns").glob("*skink*"), *cgroups]:
        if folder.is_dir() or folder.parent.name == "netns":
            found.add(str(folder))
    found = {one for one in found if not others & set(re.findall(r"skink-\D*(\d+)", one))}
    held = {program for pid in others for program in programs_of(pid)} if programs else set()
    return found | {f"BPF program {program}" for program in programs - held}


@pytest.fixture(autouse=True)
def nothing_left():
    """Fails a test after which something is there that was not there before."""
    before = leftovers()
    yield
    end = time.monotonic() + 5
    while (left := leftovers() - before) and time.monotonic() < end:
        time.sleep(0.1)
    assert not left, f"left behind: {sorted(left)}"


# The rooms' own helpers import this file, so the fixtures import them late.
# pylint: disable=import-outside-toplevel


@pytest.fixture
def system(root, program):
    """A System of runc containers (demo/containers.py), which takes everything away again."""
    program("runc", "runc")
    from containers import System
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before, mask = {number: signal.getsignal(number) for number in numbers}, os.umask(0o022)
    try:
        with System() as made:
            yield made
    finally:
        os.umask(mask)
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.fixture(scope="session")
def tools(skink_bin):
    """The directory of the built programs of tests/tools."""
    return Path(skink_bin).parent / "tests"


@pytest.fixture
def agent(skink_bin, system, tmp_path):
    """Makes daemons that watch the system's containers: agent(listen=...).start()."""
    from agent import Skink
    made = []

    def make(engines=None, **settings):
        path = tmp_path / f"agent-{len(made)}"
        engines = {"oci": [str(system.oci_root)], **(engines or {})}
        made.append(Skink(skink_bin, path, engines, **settings))
        return made[-1]

    yield make
    for each in made:
        if each.process and each.process.poll() is None:
            each.end()


@pytest.fixture
def web(system, tools, tmp_path):
    """A service of real containers: web.replica("web-1")."""
    from web import Web, copy_tools
    return Web(system, copy_tools(tools, tmp_path / "tools"))


@pytest.fixture(scope="session")
def learned_state(tmp_path_factory):
    """A state directory with the profile of the service "web", once a test has learned it."""
    return tmp_path_factory.mktemp("learned") / "state"


@pytest.fixture
def watching(agent, web, learned_state):
    """Starts an agent and the replicas named, "web-1" when none is, and waits until the service has
    been learned, which takes some seconds the first time."""

    def start(*names, **settings):
        daemon = agent(**settings)
        if learned_state.exists():
            shutil.copytree(learned_state, daemon.state)
        daemon.start()
        replicas = [web.replica(name) for name in names or ["web-1"]]
        with web.load(*replicas):
            daemon.learned("web")
        assert wait_until(lambda: len(daemon.replicas("web")) == len(replicas))
        if not learned_state.exists():
            assert wait_until(lambda: list(daemon.state.glob("profiles/*.profile")))
            shutil.copytree(daemon.state, learned_state)
        return daemon, *replicas

    return start
