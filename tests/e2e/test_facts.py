"""Single things that a service never did, by calls that it makes all the time."""

import time

import pytest
from agent import QUICKLY
from web import PORT, Web

PAGES = ("/read?/usr/lib/os-release", "/scratch", "/")


def files_learned(daemon, service):
    daemon.learned(service)
    return daemon.wait_for(service, lambda now: now["accesses"]["mode"] == "watching", 40)


@pytest.fixture(name="reading")
def reading_fixture(agent, web):
    """A daemon that has learned what the server does to files, and the server's first replica."""

    def start(**settings):
        daemon = agent(**settings).start()
        replica = web.replica("web-1")
        with web.load(replica, pages=PAGES):
            files_learned(daemon, "web")
        return daemon, replica

    return start


def test_a_file_that_was_never_read(reading, web, skink):
    daemon, replica = reading()
    for _ in range(50):  # what was learned is no alert, names that never end are none
        for page in PAGES:
            web.get(replica, page)
    assert daemon.lines() == []

    web.get(replica, "/read?/usr/share/common-licenses/BSD")
    alert = daemon.wait_alert(replica.id)
    assert alert["detector"] == "file" and (alert["score"], alert["threshold"]) == (1, 1)
    assert alert["message"].startswith(
        f"web: replica {replica.id} read /usr/share/common-licenses/BSD, which the service never did, by python3[")
    fact, = alert["facts"]
    assert (fact["kind"], fact["access"], fact["path"]) == ("file", "read", "/usr/share/common-licenses/BSD")
    assert fact["call"] == "openat" and alert["first_unknown"]["call"] == "openat"
    assert "/app/app.py" in alert["process_tree"][0]["arguments"]
    assert alert["unknown"] == []
    for _ in range(5):
        web.get(replica, "/read?/usr/share/common-licenses/BSD")
    assert {line["id"] for line in daemon.lines()} == {alert["id"]}
    assert "read /usr/share/common-licenses/BSD" in skink("alerts", "--socket", daemon.socket).stdout


def test_what_a_program_does_besides_is_in_its_alert(reading, web):
    daemon, replica = reading()
    web.run(replica, "cat /etc/shadow; uname -a")
    daemon.wait_alert(replica.id)

    def ran():
        facts = daemon.alerts("web")[0]["facts"]
        return {fact["path"] for fact in facts if fact["kind"] == "exec"}

    daemon.wait_alert(replica.id, state="growing")
    assert ran() >= {"/bin/sh"} and any("cat" in path for path in ran()), ran()
    assert any(fact["path"] == "/etc/shadow" for fact in daemon.alerts("web")[0]["facts"])


def test_other_replicas_and_the_next_start_of_the_daemon_are_none(reading, web):
    daemon, _ = reading()
    second = web.replica("web-2")
    with web.load(second, pages=PAGES):
        daemon.wait_for("web", lambda now: len(now["replicas"]) == 2 and
                        now["replicas"][1]["calls"] > 2000)
    assert daemon.lines() == []
    daemon.end()
    daemon.start()
    assert files_learned(daemon, "web")["accesses"]["count"] > 5
    for page in PAGES:
        web.get(second, page)
    assert daemon.lines() == []


def test_files_are_judged_while_calls_are_still_learned(agent, web):
    """A service that always finds new sequences of calls does so with the same files."""
    daemon = agent(learn={**QUICKLY, "min_calls": 1_000_000_000}).start()
    replica = web.replica("web-1")
    with web.load(replica, pages=PAGES):
        daemon.wait_for("web", lambda now: now["accesses"]["mode"] == "watching", 60)
        replica.restart()  # how it starts is known
        replica.wait_port(PORT)
    assert daemon.service("web")["mode"] == "learning" and daemon.lines() == []
    web.get(replica, "/read?/usr/share/common-licenses/BSD")
    alert = daemon.wait_alert(replica.id)
    assert alert["detector"] == "file" and alert["profile"].startswith("incomplete")


def test_none_where_files_are_not_judged(reading, web):
    daemon, replica = reading(services={"web": {"detect": {"file_threshold": 2}}})
    web.get(replica, "/read?/usr/share/common-licenses/BSD")
    web.get(replica, "/read?/usr/share/common-licenses/BSD")
    assert daemon.lines() == []
    web.get(replica, "/read?/usr/share/common-licenses/Artistic")
    alert = daemon.wait_alert(replica.id)
    assert (alert["score"], alert["threshold"], len(alert["facts"])) == (2, 2, 2)


def test_a_service_that_was_never_called(agent, web):
    cache, store = Web(web.system, web.tools, "cache"), Web(web.system, web.tools, "store")
    daemon = agent().start()
    front = web.replica("web-1")
    known, foreign = cache.replica("cache-1"), store.replica("store-1")
    asked, asks = f"/ask?{known.address}:{PORT}", f"/ask?{foreign.address}:{PORT}"
    with web.load(front, pages=("/", asked)), store.load(foreign):
        for service in ("web", "cache", "store"):
            files_learned(daemon, service)
        time.sleep(2)
        second = cache.replica("cache-2")
        web.get(front, f"/ask?{second.address}:{PORT}")  # another replica of a service that is known
    time.sleep(6)
    assert daemon.lines() == []
    web.get(front, asks)
    alert = daemon.wait_alert(front.id, detector="flow")
    assert f"called store (tcp port {PORT}), which the service never did" in alert["message"]
    fact, = alert["facts"]
    assert (fact["kind"], fact["peer"], fact["how"]) == ("flow", "store", f"tcp port {PORT}")
    assert daemon.alerts("store") == []  # who is called has done nothing
