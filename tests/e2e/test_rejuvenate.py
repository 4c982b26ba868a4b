"""Replicas renewed before anything has happened, and replaced by another variant after it has."""

import os
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import wait_until
from haproxy import Balancer, Client, starter
from intruder import LOOK, attack
from test_response import ask, listed, measures, responding, wait_measure
from test_tolerance import web_of

# They are to be renewed at two seconds of age, and no capacity is too low.
AGEING = {"eta": "4s", "beta": 3, "floor": 0}


def test_renewed_one_by_one_by_the_schedule(skink, program, watching, web, tmp_path):
    """First that is only said; then one is renewed when a person approves it, the next one at once;
    a third one would cost what is kept for intruders. No request fails."""
    haproxy = program("haproxy", "haproxy")
    third, fourth = web.container("web-3"), web.container("web-4")
    admin = tmp_path / "haproxy" / "admin"
    settings = {"budget": 4, "balancer": str(admin), "backend": "shop",
                "replace": starter(tmp_path / "replace", third, fourth)}
    daemon, first, second = watching("web-1", "web-2", **responding(**settings))
    with Balancer(haproxy, web, admin.parent, [first, second]) as balancer, Client(web) as client:
        daemon.reload(tolerance=AGEING)
        plan, = wait_until(lambda: listed(skink, daemon, "plan"))
        assert (plan["state"], plan["cause"], plan["chosen"]) == ("observed", "age", ["renew"])
        daemon.reload(**responding(policy="ask", **settings))
        assert wait_until(lambda: len(listed(skink, daemon, "plan")) == 2)
        plan = listed(skink, daemon, "plan")[1]
        assert plan["state"] == "waits for approval" and measures(skink, daemon) == []
        ask(skink, daemon, "approve", plan["number"])
        wait_measure(skink, daemon, "renew", "done", 15)
        daemon.reload(**responding(policy="act", **settings))
        assert wait_until(lambda: len(measures(skink, daemon, "renew", "done")) == 2, 15), \
            daemon.said()
        assert wait_until(lambda: "is kept for intruders" in web_of(skink, daemon)["next"]["reason"])
        assert wait_until(lambda: list(balancer.states().values()) == ["UP", "UP"]), "forgotten"
    one, two = measures(skink, daemon, "renew")
    assert two["begun"] - two["took_ms"] * 1e6 >= one["begun"], "both at once"
    assert {first.state(), second.state()} == {"stopped"}
    assert {third.state(), fourth.state()} == {"running"}
    service = web_of(skink, daemon)
    assert {each["name"] for each in service["replicas"]} == {third.id, fourth.id}
    assert service["renewed"] == 2 and "rejuvenation: age" in ask(skink, daemon, "plan")
    assert client.asked > 100 and client.failed == []
    assert daemon.lines() == []  # their end was an ordered one


def test_a_suspect_one_is_kept(skink, watching, web, tmp_path):
    """The alert alone was no reason, the service being worth nothing; that he may stay is one."""
    fresh = web.container("web-3")
    daemon, replica = watching(services={"web": {
        "harm": {"criticality": 0},
        "respond": {"policy": "act", "replace": starter(tmp_path / "replace", fresh)}}})
    attack(web, replica)
    wait_measure(skink, daemon, "replace", "in force")
    assert replica.state() == "paused" and fresh.state() == "running"
    wait_measure(skink, daemon, "evidence", "done")
    assert not measures(skink, daemon, "renew")
    alert, renewal = listed(skink, daemon, "plan")
    assert (alert["state"], renewal["cause"]) == ("nothing to do", "belief")
    assert wait_until(lambda: {each["name"] for each in web_of(skink, daemon)["replicas"]} ==
                      {fresh.id})


@pytest.mark.parametrize("contained", ["running", "paused"])
def test_what_a_daemon_that_died_had_begun_is_taken_back(contained, skink, program, watching, web,
                                                         tmp_path):
    """Nobody else has the token by which the old replica could ever be thawed. What contained it
    before has a token of its own."""
    haproxy = program("haproxy", "haproxy")
    fresh = web.container("web-3")
    admin, slow = tmp_path / "haproxy" / "admin", tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\ntouch {slow}.begun; sleep 2; {starter(tmp_path / 'replace', fresh)}\n")
    slow.chmod(0o755)
    daemon, first, second = watching("web-1", "web-2", **responding(
        policy="act", balancer=str(admin), backend="shop", replace=str(slow),
        **{"except": "stop,kill,decoy,quarantine,throttle,redirect,remap,shuffle,refuse" +
                     ("" if contained == "paused" else ",pause")}))
    with Balancer(haproxy, web, admin.parent, [first, second]) as balancer:
        attack(web, first)
        assert wait_until((tmp_path / "slow.begun").exists), daemon.said()
        hand, = find_hands(daemon.process.pid)
        assert wait_until(lambda: len(find_hands(hand)) == 1), "the evidence is taken"
        measure, = find_hands(hand)
        daemon.process.kill()
        daemon.process.wait()
        assert wait_until(lambda: fresh.state() == "running", 10)
        # Its parents are gone: it is ours.
        assert wait_until(lambda: os.waitpid(int(measure), os.WNOHANG)[0], 10), daemon.said()
        assert f"replace of {first.id}: nobody waits for it any more" in daemon.said()
        assert (first.state(), second.state()) == (contained, "running")
        assert set(balancer.states()) == {first.name, second.name}
        if contained == "running":
            assert wait_until(lambda: set(balancer.states().values()) == {"UP"}), balancer.states()
        daemon.start()
        in_force = [each["measure"] for each in measures(skink, daemon, state="in force")]
        assert in_force == (["pause"] if contained == "paused" else []), daemon.said()
        for each in measures(skink, daemon, "pause", "in force"):
            ask(skink, daemon, "undo", each["number"])
            assert wait_until(lambda: first.state() == "running")


def find_hands(parent):
    """The pids of a process's children that are a hand, or its measures."""
    def name(pid):
        with suppress(OSError):
            return Path(f"/proc/{pid}/comm").read_text()

    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [pid for pid in children if name(pid) == "skink-hand\n"]


def test_who_has_been_ended_is_left_alone(skink, watching, web, tmp_path):
    """The container that was replaced ends when that expires, and is not removed: it is suspect for
    ever, and there is nothing more to do about it."""
    fresh = web.container("web-3")
    daemon, replica = watching(**responding(
        policy="act", expiry="2s", replace=starter(tmp_path / "replace", fresh),
        **{"except": "hold,stop,kill,decoy"}))
    attack(web, replica)
    wait_measure(skink, daemon, "replace", "expired", 20)
    assert replica.state() == "stopped"

    def ended():
        (service,) = daemon.status()["services"]
        return {each["name"]: each["ended"] for each in service["replicas"]}

    assert wait_until(lambda: ended() == {replica.id: True, fresh.id: False}, 5)
    plans = len(listed(skink, daemon, "plan"))
    assert not wait_until(lambda: len(listed(skink, daemon, "plan")) > plans, 4), daemon.said()
    assert {each["name"] for each in web_of(skink, daemon)["replicas"]} == {fresh.id}


def test_a_renewal_that_fails_is_tried_later(skink, watching, tmp_path):
    """Each time later still: the book and the budget are not filled by what cannot be done."""
    daemon, _ = watching("web-1", "web-2", **responding(policy="act", replace="false"))[:2]
    daemon.reload(tolerance=AGEING)
    wait_measure(skink, daemon, "renew", "failed", 20)
    assert not wait_until(lambda: len(measures(skink, daemon, "renew")) > 2, 5), daemon.said()


def test_the_breach_does_not_open_a_variant(skink, program, watching, web, tmp_path):
    """After it another variant serves, at which the same attack fails; what is not patched is
    breached again, and it is reported again."""
    haproxy = program("haproxy", "haproxy")
    patched, same = web.container("web-3", "2", PATCHED="1"), web.container("web-4")
    admin = tmp_path / "haproxy" / "admin"
    settings = {"policy": "act", "budget": 20, "balancer": str(admin), "backend": "shop",
                "except": "hold,stop,kill"}
    variants = {"1": "false", "2": starter(tmp_path / "patched", patched)}
    daemon, first, second = watching("web-1", "web-2", **responding(**settings, variants=variants))
    with Balancer(haproxy, web, admin.parent, [first, second]), Client(web) as client:
        attack(web, first)
        replace = wait_measure(skink, daemon, "replace", "in force")
        assert replace["token"]["variant"] == "2"
        assert listed(skink, daemon, "plan")[0]["variant"] == "2"
        assert web.run(patched, LOOK) == "hello\n"

        # A version of its own, which begins with what the other one has learned.
        versions = {each["version"]: each for each in daemon.status()["services"]}
        assert [each["name"] for each in versions["2"]["replicas"]] == [patched.id]

        variants = {"patched": starter(tmp_path / "replace", same)}  # it is not
        daemon.reload(**responding(**settings, variants=variants))
        attack(web, second)
        assert wait_until(lambda: len(measures(skink, daemon, "replace", "in force")) == 2), \
            (daemon.said(), measures(skink, daemon), listed(skink, daemon, "plan"))
        assert "says that it is version 1" in measures(skink, daemon, "replace")[1]["why"]
        attack(web, same)
        daemon.wait_alert(same.id)
    assert {line["replica"]["name"] for line in daemon.lines()} == {first.id, second.id, same.id}
    assert client.failed == []
