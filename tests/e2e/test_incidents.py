"""Incidents on real containers: an intruder comes in by one service and goes on to another."""

import json
import urllib.parse

import pytest
from conftest import wait_until
from test_daemon import INTRUSION
from web import PORT, Web

# What the intruder runs in the first service: the same hole in the second one, over the network.
ONWARD = ("{intrusion}; /usr/bin/python3 -S -c 'import urllib.request as r; "
          'print(r.urlopen("http://{address}:{port}/run?{command}").read())\'')


@pytest.fixture(name="shop")
def shop_fixture(agent, web):
    """Two services that have been learned, neither of which has ever called the other."""

    def start(**settings):
        store = Web(web.system, web.tools, "store")
        daemon = agent(**settings).start()
        front, back = web.replica("web-1"), store.replica("store-1")
        with web.load(front), store.load(back):
            daemon.learned("web")
            daemon.learned("store")
        return daemon, front, back

    return start


def incidents(skink, daemon):
    answer = skink("incidents", "--json", "--socket", daemon.socket)
    assert answer.returncode == 0, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


def break_in(web, front, back):
    command = urllib.parse.quote(INTRUSION)
    answer = web.run(front, ONWARD.format(intrusion=INTRUSION, address=back.address, port=PORT,
                                          command=command))
    assert answer.count("uid=") == 2, answer  # both did as they were told


def test_one_breach_is_one_incident(skink, shop, web, tmp_path):
    daemon, front, back = shop()
    break_in(web, front, back)
    daemon.wait_alert(front.id)
    daemon.wait_alert(back.id)

    def both():
        return [one for one in incidents(skink, daemon)
                if {alert["service"] for alert in one["alerts"]} == {"web", "store"}
                and one["path"]]

    found = wait_until(both)
    assert found and len(incidents(skink, daemon)) == 1, incidents(skink, daemon)
    incident = found[0]
    assert incident["state"] == "open" and incident["entry"] == "web"
    assert incident["ranking"][0]["service"] == "web"
    step, = incident["path"]
    assert (step["from"], step["to"]) == ("web", "store")
    flow = step["flow"]
    assert flow["new"] and flow["transport"] == "tcp" and flow["port"] == PORT
    # The client of the tests is nobody's replica: what it calls is open to the outside.
    assert wait_until(lambda: any(flow["from"] == "(outside)" and flow["to"] == "web"
                                  for flow in incidents(skink, daemon)[0]["flows"]))
    # The alert says the same of its replica.
    alert = daemon.alerts("web")[0]
    assert any(one["to"] == "store" and one["new"] and one["peer"] == back.address
               and one["command"].startswith("python3") for one in alert["flows"]), alert["flows"]

    shown = skink("incidents", "show", "--socket", daemon.socket).stdout
    assert "by web" in shown and "web -> store" in shown
    svg = tmp_path / "incident.svg"
    assert skink("incidents", "show", "--svg", svg, "--socket", daemon.socket).returncode == 0
    assert svg.read_text().startswith("<svg") and "store" in svg.read_text()
    assert svg.read_text().count('class="curve"') == 2
    page = tmp_path / "incident.html"
    assert skink("incidents", "show", "--html", page, "--socket", daemon.socket).returncode == 0
    assert "web → store for the first time, tcp port 8000" in page.read_text()

    # It survives the daemon; what was learned of the flows does, too.
    daemon.end()
    daemon.start()
    kept, = incidents(skink, daemon)
    assert kept["id"] == incident["id"] and kept["state"] == "closed"
    assert any(flow["from"] == "web" and flow["to"] == "store"
               for flow in json.loads((daemon.state / "flows.json").read_text())["flows"])


def test_without_flows_time_groups(skink, shop, web):
    daemon, front, back = shop(flows=False)
    break_in(web, front, back)
    daemon.wait_alert(front.id)
    daemon.wait_alert(back.id)
    incident, = incidents(skink, daemon)
    assert {alert["service"] for alert in incident["alerts"]} == {"web", "store"}
    assert incident["flows"] == [] and daemon.alerts("web")[0]["flows"] == []
    assert not (daemon.state / "flows.json").exists()


def test_the_caller_on_whose_connection_it_was(agent, skink, web):
    """Two services use a third, which does at one's order what it never did: that one is silent."""
    store, other = Web(web.system, web.tools, "store"), Web(web.system, web.tools, "other")
    daemon = agent().start()
    back, front, second = (one.replica(f"{one.service}-1") for one in (store, web, other))
    asks = f"/ask?{back.address}:{PORT}/"
    with web.load(front, pages=(asks,)), other.load(second, pages=(asks,)):
        for service in ("store", "web", "other"):
            daemon.learned(service)
    web.get(front, asks + "run?" + urllib.parse.quote(f"{INTRUSION}; sleep 2"))
    daemon.wait_alert(back.id)

    def named():
        return [one for one in incidents(skink, daemon) if one["alerts"][0]["on_behalf_of"]]

    incident, = wait_until(named)
    assert {alert["service"] for alert in incident["alerts"]} == {"store"}
    assert incident["alerts"][0]["on_behalf_of"] == "web"
    entry = {one["service"]: one["probability"] for one in incident["ranking"]}
    assert entry["web"] > 10 * entry["other"], entry  # else they are alike
    shown = skink("incidents", "show", "--socket", daemon.socket).stdout
    assert "done on a connection of web" in shown
    assert wait_until(lambda: daemon.alerts("store")[0]["on_behalf_of"] == "web")
    assert "on a connection of web" in skink("alerts", "--socket", daemon.socket).stdout
