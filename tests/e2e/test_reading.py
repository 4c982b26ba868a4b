"""What the verbs that read traces share: --format, --lenient, pipes, and the progress line."""

import json
import os
import pty
import subprocess
import threading
import time

import pytest

LINES = ["17 read", "17 write", "17 close"] * 400
PLAIN = "".join(line.split()[1] + "\n" for line in LINES)


@pytest.fixture(name="profile")
def fixture_profile(skink, tmp_path):
    trace, profile = tmp_path / "plain.txt", tmp_path / "plain.profile"
    trace.write_text(PLAIN)
    assert skink("learn", "-o", profile, trace).returncode == 0
    return profile


def test_learn_and_detect_take_a_pipe(skink, profile, tmp_path):
    learned = skink("learn", "-o", tmp_path / "piped.profile", "-", input=PLAIN)
    assert "from 1200 calls" in learned.stdout, learned.stderr
    detected = skink("detect", "--json", profile, "-", input=PLAIN)
    assert json.loads(detected.stdout)[0]["windows"]["mismatches"] == 0


def test_a_malformed_line_ends_it_unless_lenient(skink, profile, tmp_path):
    trace = tmp_path / "odd.txt"
    trace.write_text(PLAIN + "nonsense\n")
    for words in (["learn", "-o", tmp_path / "odd.profile"], ["detect", profile]):
        refused = skink(*words, "--format", "plain", trace)
        assert refused.returncode == 2
        assert f"{trace}: line 1201: " in refused.stderr and "--lenient" in refused.stderr
        taken = skink(*words, "--format", "plain", "--lenient", trace)
        assert taken.returncode in (0, 1)
        assert f"1 calls of unknown name; the first: {trace}: line 1201: " in taken.stderr
    assert "no such format" in skink("detect", "--format", "vhs", profile, trace).stderr


def test_the_numbers_may_be_those_of_i386(skink, tmp_path):
    trace, profile = tmp_path / "numbers.txt", tmp_path / "numbers.profile"
    trace.write_text("3 4 6 " * 10)
    assert skink("learn", "-o", profile, "--i386", trace).returncode == 0
    show = skink("profile", "show", profile).stdout
    assert "read/32" in show and "close/32" in show
    assert json.loads(skink("detect", "--json", "--i386", profile, trace).stdout)[0]["windows"][
        "mismatches"] == 0


def slowly(pipe, seconds):
    """Writes a trace piece by piece."""
    end = time.monotonic() + seconds
    with os.fdopen(pipe, "w") as out:
        while time.monotonic() < end:
            out.write(PLAIN * 12)
            out.flush()
            time.sleep(0.05)


def said_on_a_terminal(words, seconds, **environment):
    """What a command writes on a terminal that is its standard error; its input comes slowly."""
    terminal, theirs = pty.openpty()
    here, there = os.pipe()
    writer = threading.Thread(target=slowly, args=(there, seconds))
    said = b""
    with subprocess.Popen(words, stdin=here, stdout=subprocess.DEVNULL, stderr=theirs,
                          env={**os.environ, "TERM": "xterm", **environment}) as command:
        os.close(here)
        os.close(theirs)
        writer.start()
        try:
            while piece := os.read(terminal, 4096):
                said += piece
        except OSError:  # the other side is closed
            pass
        writer.join()
    os.close(terminal)
    assert command.returncode == 0, said
    return said.decode()


def test_what_lasts_shows_on_a_terminal_how_far_it_is(skink_bin, profile):
    words = [skink_bin, "detect", profile, "-"]
    said = said_on_a_terminal(words, 3, NO_COLOR="")
    assert "MiB, 2 s  comparing" in said
    assert said.endswith("\r\033[K"), "the line is taken away"
    assert "\033[36m" in said
    assert said.count("comparing") <= 13, "at most ten times a second"
    assert "\033[36m" not in said_on_a_terminal(words, 2.5, NO_COLOR="1")
    assert said_on_a_terminal(words, 2.5, TERM="dumb") == ""


def test_what_is_short_shows_nothing(skink_bin, profile):
    assert said_on_a_terminal([skink_bin, "detect", profile, "-"], 0.5) == ""


def test_redirected_it_shows_nothing(skink_bin, profile):
    here, there = os.pipe()
    writer = threading.Thread(target=slowly, args=(there, 2.5))
    writer.start()
    with os.fdopen(here) as given:
        ran = subprocess.run([skink_bin, "detect", profile, "-"], stdin=given,
                             capture_output=True, timeout=30, check=False)
    writer.join()
    assert (ran.returncode, ran.stderr) == (0, b"")
