"""The sealed log: what the daemon writes is whole, and whoever changes it is found out."""

import json
import os
import signal

import pytest
import tamper
from agent import Skink
from conftest import wait_until


@pytest.fixture(name="daemon")
def daemon_fixture(root, skink_bin, tmp_path):
    """A daemon that watches nothing; ended with the test."""
    made = Skink(skink_bin, tmp_path / "agent", {}, alerts={"stdout": True})
    yield made
    if made.process and made.process.poll() is None:
        made.end()


@pytest.fixture(name="log")
def log_fixture(skink, daemon):
    """Runs `skink log`."""
    return lambda *words: skink("log", *words, "--state-dir", daemon.state)


@pytest.fixture(name="key")
def key_fixture(daemon, log, tmp_path):
    """The operator's key, of a log that was begun before the daemon."""
    assert log("init", "--key", tmp_path / "operator.key").returncode == 0
    return tmp_path / "operator.key"


def alarm(daemon, point, state="open"):
    """The first alarm of this kind, as the daemon has told it on its standard output."""
    def told():
        lines = [json.loads(line) for line in daemon.said().splitlines() if line[:1] == "{"]
        return [line for line in lines if line.get("point") == point and line["state"] == state]

    found = wait_until(told, 5)
    assert found, f"no alarm {point}\n{daemon.said()}"
    return found[0]


def entries(log, *words):
    return [json.loads(line) for line in log("show", "--json", *words).stdout.splitlines()]


def kinds(log):
    return [entry["kind"] for entry in entries(log)]


def test_what_is_written_is_whole(daemon, log, key):
    """The example of docs/self-protection.md."""
    daemon.start()
    daemon.end()
    answer = log("verify", "--key", key)
    assert answer.returncode == 0, answer.stdout
    assert "3 checked with the key" in answer.stdout and "nothing was changed" in answer.stdout
    assert kinds(log) == ["key", "start", "stop"]
    daemon.start()
    assert log("verify", "--key", key).returncode == 0  # while it is being written, too
    assert log("init").returncode == 3  # it is the daemon's now
    daemon.end()


def test_an_edit_is_found(daemon, log, key):
    daemon.start()
    daemon.end()
    file = daemon.state / "sealed.log"
    whole = file.read_text()
    file.write_text(whole.replace('"kind":"start"', '"kind":"stopp"'))
    answer = log("verify", "--key", key)
    assert answer.returncode == 1 and f"{file}:2  entry 1 was changed" in answer.stdout
    file.write_text("".join(whole.splitlines(True)[:-1]))
    answer = log("verify", "--key", key)
    assert answer.returncode == 1 and "the end is cut off: entries 2 to 2" in answer.stdout
    file.write_text(whole)
    (daemon.state / "sealed.key").unlink()
    assert "sealed.key) is missing" in log("verify", "--key", key).stdout


def test_an_edit_is_noticed_at_once(daemon, log, key):
    daemon.start()
    file = daemon.state / "sealed.log"
    assert tamper.edit_log(daemon) in alarm(daemon, "log")["message"]
    assert any(each["point"] == "log" for each in daemon.status()["self"]["alarms"])
    file.unlink()
    alarm(daemon, "log", "growing")
    daemon.end()
    assert "tampered" in kinds(log)
    assert log("verify", "--key", key).returncode == 1


def test_killed_in_the_middle_of_an_entry(daemon, log, key):
    daemon.start()
    file = daemon.state / "sealed.log"
    assert wait_until(lambda: file.read_text().count("\n") == 2)
    os.kill(daemon.status()["agent"]["pid"], signal.SIGKILL)
    daemon.process.wait(10)
    with open(file, "a", encoding="utf-8") as half:
        half.write('{"seq":2,"time":"2026-11')
    answer = log("verify", "--key", key)
    assert answer.returncode == 0 and "24 bytes of an entry that was not finished" in answer.stdout
    daemon.start()
    daemon.end()
    assert log("verify", "--key", key).returncode == 0
    assert kinds(log) == ["key", "start", "torn", "start", "stop"]


def test_a_full_disk(daemon, log):
    with tamper.small_disk(daemon):
        daemon.start()
        assert tamper.fill_disk(daemon) in alarm(daemon, "disk")["message"]
        (daemon.state / "ballast").unlink()
        assert wait_until(lambda: daemon.status()["self"]["log"]["error"] == "")
        daemon.end()
        assert "lost" in kinds(log)
        assert log("verify").returncode == 0
