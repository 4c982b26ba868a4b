"""The demo, as a newcomer runs it, and that its containers are gone whatever ends it."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from conftest import SOURCE, wait_until

DEMO = SOURCE / "demo"
sys.path.insert(0, str(DEMO))
import containers  # noqa: E402
import shop  # noqa: E402

# One container in a run of its own; what follows decides how the run ends.
SCENE = """
    import os, signal, sys, time
    sys.path.insert(0, sys.argv[1])
    from containers import Image, System
    with System() as system:
        sleeper = system.container("sleeper", Image("sleeper", "1", ["/usr/bin/sleep", "99"]))
        sleeper.start()
        system.spawn(["sleep", "99"], system.host("elsewhere"))
        print(sleeper.exec("hostname"), end="", flush=True)
"""


@pytest.fixture(autouse=True)
def able(root, program):
    program("runc", "runc")
    if lacking := shop.missing():
        pytest.skip(f"needs packages (apt-get install {' '.join(lacking)})")


def scene(ending):
    """Starts a scene; returns it once its container runs."""
    code = textwrap.dedent(SCENE) + textwrap.indent(ending, "    ")
    child = subprocess.Popen([sys.executable, "-B", "-c", code, str(DEMO)], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert child.stdout.readline() == "sleeper\n"
    return child


@pytest.mark.parametrize("ending", ["pass", "raise RuntimeError", "time.sleep(99)"])
def test_a_run_takes_everything_away(ending):
    child = scene(ending)
    if "sleep" in ending:
        assert containers.leftovers(f"skink-demo-{child.pid}")
        child.terminate()
    child.wait(20)
    assert not containers.leftovers(f"skink-demo-{child.pid}")


def test_the_next_run_removes_one_that_was_killed():
    child = scene("os.kill(os.getpid(), signal.SIGKILL)")
    child.wait(20)
    name = f"skink-demo-{child.pid}"
    assert containers.leftovers(name)
    containers.sweep()
    assert not containers.leftovers(name)


def test_demo(skink_bin):
    """The whole play; its exit code says that everything on its list was so."""
    play = subprocess.run([skink_bin, "demo"], capture_output=True, text=True, timeout=240)
    assert play.returncode == 0, play.stdout + play.stderr
    assert "✗" not in play.stdout


def test_interrupted_demo(skink_bin):
    """Ctrl-C while Skink learns and the load runs."""
    play = subprocess.Popen([skink_bin, "demo"], stdout=subprocess.PIPE, text=True,
                            start_new_session=True)
    said = next(line for line in play.stdout if "Skink learns" in line)
    assert said
    wait_until(lambda: False, timeout=2)
    os.killpg(play.pid, signal.SIGINT)
    play.communicate(timeout=60)
    assert play.returncode == 130
    assert not containers.leftovers(f"skink-demo-{play.pid}")
