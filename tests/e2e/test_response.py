"""Harm and response on real containers."""

import json

from conftest import wait_until


def test_harm_is_explained(skink, agent, web):
    """The configuration's word for each service, and what the container may do."""
    settings = {"criticality": 1, "confidentiality": "high"}
    daemon = agent(services={"web": {"harm": settings}}).start()
    replica = web.replica("web-1")
    daemon.wait_for("web", lambda service: service["replicas"])

    def harm():
        answer = skink("harm", "web", "--json", "--socket", daemon.socket)
        return json.loads(answer.stdout) if answer.returncode == 0 else None

    found = wait_until(harm)
    assert found and replica.state() == "running"
    miss = 1 - (1 - 1.5 * 0.22) * (1 - 0.22) ** 2
    assert abs(found["own"]["miss"] - miss) < 1e-9
    assert abs(found["own"]["harm"] - miss / 0.915) < 1e-9
    assert found["own"]["powers"] == [] and found["leads_to"] == []
    shown = skink("harm", "--socket", daemon.socket)
    assert "criticality 1 x miss" in shown.stdout
    assert skink("harm", "nobody", "--socket", daemon.socket).returncode == 2
