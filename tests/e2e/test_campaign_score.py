"""The scores of a campaign, against a small one whose figures are known by hand."""

import json
import subprocess
import sys
import threading
from datetime import datetime, timezone
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RANK = ROOT / "build/bench/rank"
sys.path.insert(0, str(ROOT / "bench/campaign"))
import cases  # noqa: E402  pylint: disable=wrong-import-position
import entry  # noqa: E402  pylint: disable=wrong-import-position
import exposure  # noqa: E402  pylint: disable=wrong-import-position
import intervals  # noqa: E402  pylint: disable=wrong-import-position
import score  # noqa: E402  pylint: disable=wrong-import-position

BEGIN = 1_800_000_000


def at(seconds: float) -> str:
    return datetime.fromtimestamp(BEGIN + seconds, timezone.utc).isoformat(
        timespec="microseconds").replace("+00:00", "Z")


def attack(name: str, begin: float, path: list[str], entry: str, **more) -> dict:
    return {"step": name, "kind": "attack", "name": name, "begin": at(begin), "end": at(begin + 5),
            "from": at(begin - 5), "until": at(begin + 60), "outcome": "done", "aside": False,
            "succeeded": True, "entry": entry, "path": path, "replicas": {}} | more


def alert(name: str, service: str, time: float, detector: str = "stide") -> dict:
    return {"type": "alert", "id": name, "state": "open", "time": at(time),
            "first_seen": at(time - 0.25), "last_seen": at(time), "service": service,
            "detector": detector, "message": f"{service} left its profile"}


def flow(caller: str, callee: str) -> dict:
    return {"from": caller, "to": callee, "transport": "tcp", "port": 80, "new": False,
            "first_seen": at(-1000), "last_seen": at(2000), "count": 5}


def write(directory: Path, steps: list[dict], alerts: list[dict],
          samples: list[dict] = ()) -> cases.DataSet:
    directory.mkdir()
    parts = {
        "truth.jsonl": steps, "alerts.jsonl": alerts,
        "incidents.jsonl": [{"alerts": [{"id": a["id"], "score": 0.9,
                                         "on_behalf_of": a.get("on_behalf_of")} for a in alerts]}],
        "flows.jsonl": [flow("(outside)", "edge"), flow("edge", "web"), flow("web", "db"),
                        flow("edge", "shop"), flow("shop", "db")]}
    for name, lines in parts.items():
        (directory / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    (directory / "campaign.json").write_text("{}")
    (directory / "services.json").write_text(json.dumps(
        {"watched": 24, "learning": ["late"], "samples": list(samples)}))
    return cases.read(directory)


@pytest.fixture(name="attacks")
def _attacks(tmp_path):
    return write(tmp_path / "attacks", [
        attack("deep", 100, ["edge", "web", "db"], "web"),
        attack("quiet", 200, ["edge", "shop"], "shop", aside=True),
        attack("late", 300, ["edge", "web"], "web"),
        attack("vain", 400, ["edge", "web"], "web", succeeded=False),
    ], [alert("a", "web", 100.5), alert("a", "web", 104), alert("b", "db", 103),
        alert("c", "edge", 201),  # passed on what it should: the intruder did not take it
        alert("d", "web", 316)])  # too late


def test_what_is_found(attacks):
    result = score.score(attacks, [], RANK)
    assert result["attacks"] == 3 and result["failed_attacks"] == ["vain"]
    rows = {row["attack"]: row for row in result["rows"]}
    assert [name for name, row in rows.items() if row["found"]] == ["deep"]
    assert (rows["deep"]["seconds_to_alert"], rows["deep"]["foreign_to_alert_ms"]) == (0.5, 250)
    assert (rows["deep"]["service"], rows["deep"]["detector"]) == ("web", "stide")
    assert rows["quiet"]["elsewhere"] == ["edge"]
    assert result["found"]["count"] == 1 and result["found_aside"]["of"] == 1
    assert result["found"]["interval"][0] < 1 / 3 < result["found"]["interval"][1]


def test_an_alert_that_is_open_already(tmp_path):
    """It tells of an attack when it names a fact that began with it, and not by being told again."""
    def told(state, time, *facts):
        return alert("a", "web", time) | {"state": state, "first_seen": at(50),
                                          "facts": [{"time": at(fact)} for fact in facts]}
    data = write(tmp_path / "open", [attack("first", 100, ["edge", "web"], "web"),
                                     attack("second", 200, ["edge", "web"], "web"),
                                     attack("third", 300, ["edge", "web"], "web")],
                 [told("open", 51), told("growing", 101), told("growing", 202, 201.5),
                  told("growing", 302, 201.5)])
    assert {one.name: [(a.time - BEGIN, a.opened) for a in one.found] for one in data.attacks} == {
        "first": [], "second": [(202, False)], "third": []}


def test_where_the_entry_is_put(attacks):
    result = score.score(attacks, [], RANK)
    place = {row["attack"]: row["entry_place"] for row in result["rows"]}
    assert place["deep"]["trees"] == 1 and place["deep"]["earliest"] == 1
    assert place["deep"]["ingress"] > 1  # it is the edge
    assert place["late"] == {}  # no alert in time, nothing to rank
    assert set(result["rankers"]) == {"as_seen", "removed", "added"}
    one = result["rankers"]["as_seen"]["trees"]
    assert one["attacks"] == 1 and one["entry_ac1"]["value"] == 1  # of those with several services


def test_the_entry_figures_over_other_attacks(tmp_path):
    data = write(tmp_path / "several", [
        attack("onward", 100, ["edge", "web", "db"], "web"),
        attack("unseen", 200, ["edge", "web", "db"], "web"),
        attack("behind", 300, ["edge", "web", "db"], "db"),  # db alone was taken, and alarmed
        attack("through", 400, ["edge", "shop"], "shop"),  # one service, but another one alarms
    ], [alert("a", "web", 101), alert("b", "db", 301), alert("c", "edge", 401)])
    result = score.score(data, [], RANK)
    assert result["rankers"]["as_seen"]["earliest"]["attacks"] == 2  # onward, behind
    assert result["entry_ac1"]["value"] == 1
    every = result["entry_all"]["earliest"]
    assert every["attacks"] == 3 and every["entry_ac1"]["value"] == pytest.approx(2 / 3)
    assert every["entry_mean_rank"]["value"] == pytest.approx((1 + 1 + 4) / 3)  # of four services
    spread = result["entry_spread"]["earliest"]  # onward, through
    assert spread["attacks"] == 2 and spread["entry_ac1"]["value"] == 0.5
    assert spread["entry_ac1"]["interval"] == (0, 1)


def benign(directory: Path, alerts: list[dict], samples: list[dict] = ()) -> cases.DataSet:
    """An hour of it, after ten minutes of training."""
    stretch = {"kind": "benign", "outcome": "done"}
    return write(directory, [
        stretch | {"name": "training", "from": at(0), "until": at(600)},
        stretch | {"name": "benign", "from": at(600), "until": at(600 + 3600)}], alerts, samples)


def sample(seconds: float, *learning: str) -> dict:
    return {"time": at(seconds), "watched": 24, "learning": list(learning), "load": seconds / 100}


def test_false_alarms_are_counted_by_service_and_day(attacks, tmp_path):
    two = [benign(tmp_path / "benign-1", [alert("x", "web", 300), alert("y", "web", 1000)]),
           benign(tmp_path / "benign-2", [alert("z", "db", 3000)])]
    result = score.score(attacks, two, RANK)
    found = result["false_alarms_per_watched_service_day"]
    assert found["count"] == 2
    assert found["value"] == pytest.approx(1)  # two in two hours of 24 services: two days
    assert found["interval"] == pytest.approx((0.121, 3.612), abs=0.001)
    judged = result["false_alarms_per_service_day"]  # without samples: the end stands for all
    assert judged["service_days"] == pytest.approx(23 / 12)
    assert (judged["count"], judged["hours"]) == (2, 2)


def test_services_that_are_still_learned_are_not_judged(attacks, tmp_path):
    """web for the first half of the hour, shop for all of it; the training does not count."""
    data = benign(tmp_path / "benign-1", [alert("y", "db", 1000)], [
        sample(0, "db", "shop", "web"), sample(500, "shop", "web"), sample(2400, "shop")])
    result = score.score(attacks, [data], RANK)
    judged = result["false_alarms_per_service_day"]
    assert judged["hours_learning"] == pytest.approx({"shop": 1, "web": 0.5})
    assert judged["service_days"] == pytest.approx(22.5 / 24)
    assert judged["value"] == pytest.approx(24 / 22.5)
    assert result["false_alarms_per_watched_service_day"]["value"] == pytest.approx(1)


def test_a_look_at_the_services():
    """By name, and only what runs."""
    def service(name, mode, *ended):
        return {"service": name, "mode": mode, "replicas": [{"ended": one} for one in ended]}
    said = [service("web", "watching", True, False), service("web", "learning", False),
            service("db", "watching", False), service("old", "learning", True),
            service("spared", "off", False)]
    look = exposure.look(said)
    assert (look["watched"], look["learning"]) == (2, ["web"])


def test_samples_are_taken_while_a_part_is_played(monkeypatch):
    """A daemon that does not answer now and then costs a sample and nothing else."""
    monkeypatch.setattr(exposure, "EVERY", 0.01)
    answers, enough = [], threading.Event()

    def ask():
        answers.append(1)
        if len(answers) == 2:
            raise subprocess.TimeoutExpired("skink", 300)
        if len(answers) == 4:
            enough.set()
        return []

    with exposure.Sampler(ask) as sampler:
        assert enough.wait(10)
    assert len(sampler.samples) == len(answers) - 1


def test_what_is_saved_says_when_and_on_what_load(tmp_path, monkeypatch):
    saved = tmp_path / "saved.json"
    monkeypatch.setattr(score, "SAVED", saved)
    write(tmp_path / "attacks", [attack("deep", 100, ["edge", "web", "db"], "web")],
          [alert("a", "web", 101)])
    benign(tmp_path / "benign-1", [], [sample(600), sample(700), sample(900)])
    about = {"begin": at(0), "end": at(9), "commit": "c0ffee", "kernel": "6.1",
             "load": {"requests": 9, "failures": 0}}
    for part in ("attacks", "benign-1"):
        (tmp_path / part / "campaign.json").write_text(json.dumps(about))
    assert score.write(tmp_path, tmp_path / "out.json") == [tmp_path / "out.json"]
    assert not saved.exists()
    score.write(tmp_path, tmp_path / "out.json", save=True)
    result = json.loads(saved.read_text())
    assert (result["date"], result["commit"], result["kernel"]) == (at(0), "c0ffee", "6.1")
    assert result["not_learned"] == ["late"]
    benign_part, attacks_part = result["parts"]
    assert (benign_part["part"], attacks_part["part"]) == ("benign-1", "attacks")
    assert benign_part["machine_load"] == {"median": 7, "most": 9}
    assert attacks_part["machine_load"] is None and attacks_part["requests"] == 9


def test_intervals_are_those_of_the_tables():
    assert intervals.share(23, 25) == pytest.approx((0.7397, 0.9902), abs=1e-4)
    assert intervals.share(0, 10) == pytest.approx((0, 0.3085), abs=1e-4)
    assert intervals.rate(0, 1) == pytest.approx((0, 3.6889), abs=1e-4)
    low, high = intervals.mean([1, 1, 2, 3], seed=1)
    assert 1 <= low < 1.75 < high <= 3


def test_the_caller_that_an_alert_names_is_replayed(tmp_path):
    """Both web and shop call db, which alone has alarmed."""
    places = {}
    for named in (None, "web", "shop"):
        data = write(tmp_path / str(named), [attack("injection", 100, ["edge", "web", "db"], "web")],
                     [alert("a", "db", 101) | {"on_behalf_of": named}])
        places[named] = entry.places(RANK, data, "as_seen", 1)["injection"]["trees"][0]
    assert places["web"] < places[None] < places["shop"]
