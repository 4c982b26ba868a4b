"""An alert that was none: a person says so, the service learns all of it, and nothing else."""

import json
import socket
import time

import pytest
from conftest import wait_until

# Without pipes: what is read at a time from these is chance.
BACKUP = "exec >/tmp/backup 2>&1; ls -l /usr; grep tmpfs /proc/mounts; tar -cf /tmp/etc.tar /etc; uname -a"
INTRUSION = "cat /etc/shadow; id; hostname; head -c 9 /dev/urandom | base64; readlink /proc/1/exe"
HARM = {"criticality": 1, "confidentiality_impact": "high"}
ASKING = {"services": {"web": {"harm": HARM, "respond": {"policy": "ask", "except": "hold,stop,kill"}}}}


@pytest.fixture(name="verb")
def verb_fixture(skink):
    """verb(daemon, "alerts", "accept", ID): what it printed."""

    def run(daemon, *words):
        ran = skink(*words, "--socket", daemon.socket)
        assert ran.returncode == 0, f"{words}: {ran.stderr}\n{daemon.said()}"
        return ran.stdout

    return run


@pytest.fixture(name="learned")
def learned_fixture(watching, web):
    """A daemon that has learned also what the service does to files, and its replica."""

    def start(**settings):
        daemon, replica = watching(**settings)
        with web.load(replica):
            daemon.wait_for("web", lambda now: now["accesses"]["mode"] == "watching", 30)
        return daemon, replica

    return start


def alarmed(daemon, replica, count):
    """The latest of so many alerts, once it is about calls."""
    found = wait_until(lambda: [alert for alert in daemon.alerts("web")[count - 1:]
                                if alert["detector"] in ("stide", "bosc")])
    assert found, daemon.said()
    assert found[0]["replica"]["name"] == replica.id
    time.sleep(1)  # what it still does belongs to it
    return found[0]["id"]


def silent(daemon, web, replica, alerts):
    """Does the backup raise nothing?"""
    for _ in range(3):
        web.run(replica, BACKUP)
    time.sleep(3)
    assert len(daemon.alerts("web")) == alerts, daemon.alerts("web")[-1]["message"]


def test_what_was_accepted_is_normal_from_now_on(learned, web, verb):
    daemon, replica = learned()
    before = daemon.service("web")
    for _ in range(3):
        web.run(replica, BACKUP)
    number = alarmed(daemon, replica, 1)
    told = verb(daemon, "alerts", "accept", number)
    assert f"web@1 has learned what alert {number} found" in told
    alert, = daemon.alerts("web")
    assert alert["state"] == "accepted" and alert["accepted_by"]["uid"] == 0
    assert alert["learned"]["windows"] + alert["learned"]["bags"] >= alert["novelties"] > 24
    assert alert["learned"]["accesses"] == alert["new_facts"] > 3
    assert daemon.lines()[-1]["state"] == "accepted"
    now = daemon.service("web")
    assert now["windows"] == before["windows"] + alert["learned"]["windows"]
    assert now["open_alerts"] == 0 and now["state"] == "complete"
    assert now["tolerance"]["high"] >= before["tolerance"]["high"] - 0.01
    incident, = map(json.loads, verb(daemon, "incidents", "--json").splitlines())
    assert "accepted as normal" in incident["message"]

    silent(daemon, web, replica, 1)
    web.run(replica, INTRUSION)
    alarmed(daemon, replica, 2)

    # The profile on the disk has learned it, too.
    daemon.end()
    daemon.start()
    assert wait_until(lambda: daemon.replicas("web"))
    silent(daemon, web, replica, 0)
    web.run(replica, INTRUSION)
    alarmed(daemon, replica, 1)


def test_plans_are_dropped_and_measures_named(learned, web, verb):
    daemon, replica = learned(**ASKING)
    web.run(replica, BACKUP)
    number = alarmed(daemon, replica, 1)
    plan = json.loads(verb(daemon, "plan", "--json"))
    assert (plan["alert"], plan["state"]) == (number, "waits for approval")
    assert f"plan {plan['number']} of it is dropped" in verb(daemon, "alerts", "accept", number)
    assert json.loads(verb(daemon, "plan", "--json"))["state"] == "dropped"

    web.run(replica, INTRUSION)
    number = alarmed(daemon, replica, 2)
    waiting = json.loads(verb(daemon, "plan", "--json").splitlines()[-1])
    verb(daemon, "approve", waiting["number"])
    assert wait_until(lambda: "in force" in verb(daemon, "measures", "--json"))
    measure = json.loads(verb(daemon, "measures", "--json").splitlines()[0])
    told = verb(daemon, "alerts", "accept", number)
    assert f"measure {measure['number']} ({measure['measure']} of" in told
    assert f"is still in force: skink undo {measure['number']}" in told
    verb(daemon, "undo", measure["number"])


def test_an_alert_that_has_closed(learned, web, verb):
    """Its replica has gone; the next one may do the same."""
    daemon, replica = learned()
    web.run(replica, BACKUP)
    number = alarmed(daemon, replica, 1)
    replica.stop()
    assert wait_until(lambda: daemon.alerts("web")[0]["state"] == "closed")
    verb(daemon, "alerts", "accept", number)
    second = web.replica("web-2")
    assert wait_until(lambda: daemon.replicas("web"))
    silent(daemon, web, second, 1)


def test_what_was_met_before_the_alert_is_part_of_it_when_it_is_shown_again(watching, web, verb):
    """The kernel reports it once; the alert's own reports do not tell of it."""
    daemon, replica = watching(files=False)
    page = "/read?/etc/passwd"
    before = daemon.replicas("web")[0]["novelties"]
    web.get(replica, page)
    assert wait_until(lambda: daemon.replicas("web")[0]["novelties"] > before)
    time.sleep(6)
    assert daemon.alerts("web") == []
    web.get(replica, page)
    web.run(replica, BACKUP)
    verb(daemon, "alerts", "accept", alarmed(daemon, replica, 1))
    before = daemon.replicas("web")[0]["novelties"]
    web.get(replica, page)
    time.sleep(1)
    assert daemon.replicas("web")[0]["novelties"] == before


def refused(daemon, skink, *numbers):
    ran = skink("alerts", "accept", *numbers, "--socket", daemon.socket)
    assert ran.returncode == 2, ran.stdout
    return ran.stderr


def test_what_cannot_be_accepted(learned, web, skink):
    daemon, replica = learned()
    assert "no such alert" in refused(daemon, skink, "none")
    assert "alerts accept ID" in refused(daemon, skink)
    time.sleep(6)  # a rare path that the load took last is no part of the next alert
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(daemon.socket))
        client.sendall(json.dumps({"verb": "dissent", "replica": replica.id, "request": "GET /",
                                   "why": "another page"}).encode() + b"\n")
        assert b'"ok"' in client.recv(100)
    vote, = daemon.alerts("web")
    assert "its detector is vote" in refused(daemon, skink, vote["id"])
    web.run(replica, INTRUSION)
    number = alarmed(daemon, replica, 1)
    # Those before the one that is refused are accepted.
    assert "no such alert" in refused(daemon, skink, number, "none")
    assert "is accepted already" in refused(daemon, skink, number)


def test_an_incomplete_profile_is_not_told_what_is_normal(agent, web, skink):
    replica = web.replica("web-1")
    daemon = agent().start()
    with web.load(replica):
        daemon.learned("web")
    before = daemon.service("web")["windows"]
    web.run(replica, INTRUSION)
    number = alarmed(daemon, replica, 1)
    assert "web@1 is incomplete: no start seen" in refused(daemon, skink, number)
    assert daemon.service("web")["windows"] == before


def test_a_profile_is_removed_while_the_daemon_has_it(learned, web, skink, verb, tmp_path):
    """It is not written back, and the service is learned anew from this moment on."""
    daemon, replica = learned()
    removed = ("profile", "rm", "web", "--state-dir", daemon.state)
    elsewhere = skink(*removed, "--socket", tmp_path / "none")
    assert elsewhere.returncode == 3 and "a daemon uses it" in elsewhere.stderr
    file = daemon.state / "profiles" / "web@1.profile"
    assert file.exists()
    web.run(replica, INTRUSION)
    alarmed(daemon, replica, 1)

    verb(daemon, *removed)
    now = daemon.service("web")
    assert now["mode"] == "learning" and now["open_alerts"] == 0 and not file.exists()
    assert daemon.alerts("web")[0]["state"] == "closed"
    assert "its profile was removed" in daemon.said()
    with web.load(replica):
        daemon.learned("web")
    again = json.loads(verb(daemon, "profile", "show", "web", "--json", "--state-dir", daemon.state))
    assert again["starts"] == 0 and "no start seen" in again["state"]
    web.run(replica, INTRUSION)
    alarmed(daemon, replica, 2)
