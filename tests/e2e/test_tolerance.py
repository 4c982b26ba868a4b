"""The tolerance capacity of real containers: it falls with an alert and with vulnerabilities, and
says why. The files of the second test are those of docs/tolerance.md."""

import json
import re
from pathlib import Path

from conftest import wait_until
from test_daemon import INTRUSION

MANUAL = Path(__file__).parents[2] / "docs" / "tolerance.md"


def tolerance(skink, daemon, *words):
    answer = skink("tolerance", *words, "--json", "--socket", daemon.socket)
    assert answer.returncode == 0, answer.stderr
    reply = json.loads(answer.stdout)
    for service in reply["services"]:
        check(service)
    return reply


def check(service):
    """What holds whatever happens."""
    capacity = service["capacity"]
    assert 0 <= capacity["low"] <= capacity["high"] <= 1, service
    assert all(0 <= taken <= 1 for taken in service["taken"].values()), service
    for replica in service["replicas"]:
        assert 0 <= replica["belief"] <= 1 and replica["age_s"] >= 0, service
        assert 0 <= replica["compromised"]["low"] <= replica["compromised"]["high"] <= 1, service


def web_of(skink, daemon, *words):
    service, = tolerance(skink, daemon, "web", *words)["services"]
    return service


def test_an_alert_takes_it_away(skink, watching, web):
    daemon, first, second = watching("web-1", "web-2", tolerance={"eta": "1h", "beta": 3})
    assert web_of(skink, daemon)["capacity"]["low"] < 1e-6  # a day is far beyond an hour
    now = web_of(skink, daemon, "--horizon", "1m")
    assert now["capacity"]["low"] > 0.9 and now["taken"]["belief"] == 0
    assert now["taken"]["age"] > 0 and now["next"]["verdict"] == "none"
    assert {each["name"] for each in now["replicas"]} == {first.id, second.id}
    web.run(first, INTRUSION)
    daemon.wait_alert(first.id)

    def fallen():
        service = web_of(skink, daemon, "--horizon", "1m")
        return service if service["capacity"]["low"] < now["capacity"]["low"] - 0.3 else None

    after = wait_until(fallen)
    assert after, web_of(skink, daemon)
    belief = {each["name"]: each["belief"] for each in after["replicas"]}
    assert belief[first.id] > 0.5 and belief[second.id] == 0
    assert after["taken"]["belief"] > 0.3
    assert after["next"]["verdict"] == "now" and after["next"]["replica"] == first.id
    shown = skink("tolerance", "--horizon", "1m", "--socket", daemon.socket).stdout
    assert f"{first.id}: belief" in shown and "all services" in shown
    assert "TOLERANCE" in skink("status", "--socket", daemon.socket).stdout
    assert skink("tolerance", "nobody", "--socket", daemon.socket).returncode == 2


def test_who_kills_the_daemon_makes_nobody_clean(skink, watching, web):
    daemon, first, second = watching("web-1", "web-2")
    web.run(first, INTRUSION)
    daemon.wait_alert(first.id)
    kept = daemon.state / "beliefs.json"
    assert wait_until(lambda: kept.exists() and "alert" in kept.read_text())
    daemon.process.kill()
    daemon.process.wait()
    daemon.start()
    assert wait_until(lambda: len(daemon.replicas("web")) == 2)
    belief = {each["name"]: each["belief"] for each in web_of(skink, daemon)["replicas"]}
    assert belief[first.id] > 0.5 and belief[second.id] == 0


def example(name):
    """A file that the manual shows."""
    found = re.search(rf"`{name}`:\n\n```\w*\n(.*?)```", MANUAL.read_text(), re.S)
    assert found, name
    return found.group(1)


def test_vulnerabilities_take_it_away(skink, agent, web):
    """The manual's example: a scan, the published odds, and what comes of them."""
    daemon = agent(services={"web": {"tolerance": {"redundancy": "availability"}}},
                   vulnerabilities={"scans": [{"file": "web.trivy.json", "service": "we*"}],
                                    "epss": "epss.csv", "kev": "kev.json"})
    folder = daemon.state
    folder.mkdir()
    for name in ("web.trivy.json", "epss.csv", "kev.json"):
        (folder / name).write_text(example(name))
    daemon.start()
    web.replica("web-1")
    daemon.wait_for("web", lambda service: service["replicas"])

    def known():
        service = web_of(skink, daemon)
        return service if service["vulnerabilities"]["count"] == 3 else None

    service = wait_until(known)
    assert service, daemon.said()
    found = service["vulnerabilities"]
    assert (found["exploited"], found["unknown"]) == (1, 1)
    assert abs(found["weight"]["low"] - 3.1011) < 0.001
    assert abs(found["weight"]["high"] - 3.2065) < 0.001
    assert 0 < service["taken"]["vulnerabilities"] < 0.1
    assert service["capacity"]["low"] < service["capacity"]["high"]
    month = web_of(skink, daemon, "--horizon", "30d")
    assert month["capacity"]["high"] < service["capacity"]["low"]
    stale = {Path(each["file"]).name: each["stale"] for each in tolerance(skink, daemon)["files"]}
    assert stale == {"web.trivy.json": True, "epss.csv": True, "kev.json": True}
    assert skink("tolerance", "--socket", daemon.socket).stdout.count("stale") == 3

    # A file that becomes nonsense is said to be; what was read before stays.
    (folder / "web.trivy.json").write_text('{"Results": [')
    assert wait_until(lambda: "not JSON" in skink("tolerance", "--socket", daemon.socket).stdout)
    assert web_of(skink, daemon)["vulnerabilities"]["count"] == 3
    # And one that is mended is read again.
    (folder / "web.trivy.json").write_text('{"SchemaVersion": 2, "ArtifactName": "web"}')
    assert wait_until(lambda: web_of(skink, daemon)["vulnerabilities"]["count"] == 0)
