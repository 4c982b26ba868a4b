"""What every end-to-end test shares: the program, what the machine must have, and the check that a
test leaves nothing behind.

A skip names what is missing. In CI (CI=true) packages and rights are there, so a skip is a failure,
unless its reason starts with "kernel: ": that no package can mend.
"""

import ctypes
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
IN_CI = os.environ.get("CI") == "true"
PR_SET_CHILD_SUBREAPER = 36


def pytest_configure():
    # What a test's processes leave behind becomes ours, and is seen.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    report = (yield).get_result()
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith("kernel: "):
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
    end = time.monotonic() + timeout
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(pause)
    return value


def descendants():
    """Living processes below this one, as {(pid, start time): command}."""
    parent, found = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, rest = stat.read_text().rpartition(") ")
        except OSError:
            continue
        fields = rest.split()
        if fields[0] != "Z":
            pid, _, command = head.partition(" (")
            parent[int(pid)] = int(fields[1]), fields[19], command
    for pid, (above, start, command) in parent.items():
        while above in parent and above != os.getpid():
            above = parent[above][0]
        if above == os.getpid():
            found[pid, start] = command
    return {f"process {pid} ({command})" for (pid, _), command in found.items()}


def leftovers():
    """What a run of Skink or of its containers could leave on the machine."""
    found = descendants()
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4]
        if "skink" in point or "pytest" in point:
            found.add(f"mount {point}")
    for folder in [*Path("/run/netns").glob("*skink*"), *Path("/sys/fs/cgroup").rglob("*skink*")]:
        if folder.is_dir() or folder.parent.name == "netns":
            found.add(str(folder))
    if os.geteuid() == 0 and shutil.which("bpftool"):
        listed = subprocess.run(["bpftool", "-j", "prog", "list"], capture_output=True, check=False)
        for prog in json.loads(listed.stdout or "[]"):
            if prog.get("name") == "on_call":
                found.add(f"BPF program {prog['id']}")
    return found


@pytest.fixture(autouse=True)
def nothing_left():
    """Fails a test after which something is there that was not there before."""
    before = leftovers()
    yield
    wait_until(lambda: leftovers() <= before, timeout=5, pause=0.1)
    left = leftovers() - before
    assert not left, f"left behind: {sorted(left)}"
