"""The demo, as a newcomer runs it, and that its containers are gone whatever ends it."""

import os
import signal
import subprocess
import sys
import textwrap
from html.parser import HTMLParser

import pytest
from conftest import SOURCE, wait_until

DEMO = SOURCE / "demo"
sys.path.insert(0, str(DEMO))
import containers  # noqa: E402
import customers  # noqa: E402
import report  # noqa: E402
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


class Page(HTMLParser):
    """What a page consists of, and what it would fetch."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.fetched = [], set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.fetched += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_demo(skink_bin, tmp_path):
    """The whole play; its exit code says that everything on its list was so."""
    report_file = tmp_path / "demo.html"
    play = subprocess.run([skink_bin, "demo", "--report", report_file], capture_output=True,
                          text=True, timeout=240)
    assert play.returncode == 0, play.stdout + play.stderr
    assert "✗" not in play.stdout
    for held in ("no shopper's request failed (0 of ", "the intruder was contained: ",
                 "a clean replica, web-3, took over: in force", "Skink named the entry point, web"):
        assert f"✓ {held}" in play.stdout
    text = report_file.read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == [] and {"svg", "img", "table"} <= page.tags
    assert page.fetched and all(each.startswith("data:") for each in page.fetched)
    for said in ("none of ", "requests failed", "the malicious request", "first foreign call",
                 "alert: web: ", "web-3, the new replica, listens",
                 "the first customer is served by web-3", "replace, "):
        assert said in text, said
    assert "✗" not in text


def phase(name, requests, failures, slowest):
    return customers.Phase(name, 0, 10, requests, failures, slowest)


@pytest.mark.parametrize("during, said", [
    (phase("answered", 500, 0, 60), "The shoppers noticed nothing: none of 1,500 "),
    (phase("answered", 500, 0, 900), "Shoppers may have noticed a pause: none of 1,500 "),
    (phase("answered", 500, 3, 60), "Shoppers noticed: 3 of 1,500 requests failed"),
])
def test_what_the_shoppers_noticed(during, said):
    whole = phase("in all", 1500, during.failures, 900)
    assert report.noticed([phase("before", 1000, 0, 50), during], whole).startswith(said)


def test_customers_are_counted_by_phase():
    """Between the first line after the beginning and the first one after the end."""
    met = customers.Customers.__new__(customers.Customers)
    met.told = [{"time": float(at), "requests": 100 * at, "failures": int(at > 6),
                 "slowest_ms": 50.0 if at != 4 else 80.0, "replicas": {"web-3": at - 0.3},
                 "wrong": {"search 503": int(at > 6), "prices 503": int(at > 4)}}
                for at in range(10)]
    met.counts = met.told[-1]
    calm, bad = met.phase("calm", 1.5, 5.5), met.phase("bad", 5.5, 99)
    assert (calm.requests, calm.failures, calm.slowest_ms) == (400, 0, 80.0)
    assert (bad.requests, bad.failures, bad.end) == (300, 1, 9.0)
    assert (calm.wrong, bad.wrong) == ({"prices 503": 1}, {"search 503": 1})
    assert met.served_by("web-3", 6.8) == 7 - 0.3 + 1 and met.served_by("web-9", 0) is None


def test_a_report_that_cannot_be_written(skink_bin):
    play = subprocess.run([skink_bin, "demo", "--report", "/nowhere/demo.html"], capture_output=True,
                          text=True, timeout=20)
    assert play.returncode == 3 and "cannot write /nowhere/demo.html" in play.stderr


def test_interrupted_demo(skink_bin, tmp_path):
    """Ctrl-C while Skink learns and the load runs."""
    play = subprocess.Popen([skink_bin, "demo", "--report", tmp_path / "demo.html"], text=True,
                            stdout=subprocess.PIPE, start_new_session=True)
    said = next(line for line in play.stdout if "Skink learns" in line)
    assert said
    wait_until(lambda: False, timeout=2)
    os.killpg(play.pid, signal.SIGINT)
    play.communicate(timeout=60)
    assert play.returncode == 130
    assert not containers.leftovers(f"skink-demo-{play.pid}")
