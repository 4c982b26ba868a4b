"""A new version of a running service starts from the version before it."""

from conftest import wait_until

OLD_ONLY = "/bin/true"


def learned(daemon, version):
    """The service in this version, once it is learned."""
    def now():
        return next((each for each in daemon.status()["services"] if each["service"] == "web" and
                     each["version"] == version and each["mode"] == "watching"), None)

    found = wait_until(now, 60, 0.3)
    assert found, daemon.said()
    return found


def test_the_next_version_inherits_and_old_behaviour_is_told_as_such(agent, web):
    daemon = agent().start()
    first = web.replica("web-1", version="1")
    with web.load(first):
        for _ in range(40):  # a command is what only the first version does
            web.run(first, OLD_ONLY)
        learned(daemon, "1")
        for _ in range(3):
            web.run(first, OLD_ONLY)
    first.stop()

    second = web.replica("web-2", version="2")
    with web.load(second):
        now = learned(daemon, "2")
    assert "web, version 2: starts from version 1, which knows" in daemon.said()
    assert now["alerts"] == 0
    assert now["laid_aside"] > 0

    web.run(second, OLD_ONLY)
    alert = daemon.wait_alert(second.id, detector="stide")
    assert alert["old_novelties"] > 0
    assert {each["old_version"] for each in alert["unknown"]} >= {"1"}
    if alert["old_behaviour"]:
        assert "shows old behaviour again" in alert["message"]
        assert "of version 1 that version 2 had not shown" in alert["message"]

    web.run(second, "cat /proc/self/mountinfo | sort | head -3; ls -l /etc")
    graver = daemon.wait_alert(second.id, detector="stide", old_behaviour=False)
    assert graver["old_novelties"] < graver["novelties"] or graver["new_facts"] > 0
    assert "left its profile" in graver["message"]


def test_reuse_can_be_switched_off(agent, web):
    quickly = {"interval": "1s", "sigma": 5, "steady": 3, "min_calls": 100}
    daemon = agent(learn={**quickly, "reuse": False}).start()
    first = web.replica("web-1", version="1")
    with web.load(first):
        learned(daemon, "1")
    second = web.replica("web-2", version="2")
    with web.load(second):
        assert learned(daemon, "2")["laid_aside"] == 0
    assert "starts from version" not in daemon.said()
