"""A campaign against the shop: attacked, changed and watched; what is written down of it is true."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
from agent import Skink
from conftest import SOURCE, wait_until
from testbed_shop import shop_up

sys.path[:0] = [str(SOURCE / "bench/campaign"), str(SOURCE / "testbed")]
import exposure  # noqa: E402  pylint: disable=wrong-import-position
from system import SERVICES  # noqa: E402  pylint: disable=wrong-import-position

NAME = f"campaign-{os.getpid()}"
CONTAINERS = f"skink-testbed-{NAME}-"
CAMPAIGN = """\
name: short
seed: 3
load: {shoppers: 5, think: 0.2}
learn: {training: 15s, validation: 5s, wait: 10s}
gap: 2s..3s
steps:
  - attack: ssrf
    replica: media-2
  - scale: cart
    count: 3
  - attack: deserialise_yaml
    aside: true
  - deploy: nothing
    version: "2.0"
  - scale: cart
    count: 2
"""


@pytest.fixture(name="nothing_left", autouse=True)
def nothing_left_fixture():
    """The shop outlives a test: `up` looks for what is left."""


@pytest.fixture(name="up", scope="module")
def up_fixture(root, program):
    """The shop, for all tests of this file."""
    with shop_up(program, NAME) as made:
        yield made


@pytest.fixture(name="played", scope="module")
def played_fixture(up, skink_bin, tmp_path_factory):
    """The short campaign, played while a daemon watches."""
    path = tmp_path_factory.mktemp("campaign")
    file, data = path / "short.yml", path / "set"
    file.write_text(CAMPAIGN)
    with Skink(skink_bin, path / "agent", {"oci": [f"{up['directory']}/oci"]}) as daemon:
        with exposure.Sampler(lambda: daemon.status()["services"]) as sampler:
            done = subprocess.run([skink_bin, "inject", file, "--system", NAME, "-o", data,
                                   "--socket", daemon.socket], capture_output=True, text=True,
                                  timeout=120, check=False)
        print(done.stderr)
        assert done.returncode == 0, done.stderr
        (data / "samples.json").write_text(json.dumps(sampler.samples))
        yield data


def lines(path):
    """A file of JSON lines, by their order."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_truth(played):
    """Every step is there, with what it did; one that cannot be done has failed."""
    truth = {line["step"]: line for line in lines(played / "truth.jsonl")}
    assert list(truth) == ["training", "waiting", "validation", "01-ssrf", "02-scale-cart",
                           "03-deserialise_yaml", "04-deploy-nothing", "05-scale-cart"]
    attack = truth["01-ssrf"]
    assert attack["succeeded"] and attack["outcome"] == "done" and not attack["aside"]
    assert attack["entry"] == "media" and attack["path"] == ["edge", "media", "payment"]
    assert attack["replicas"]["media"] == "media-2"
    assert attack["from"] < attack["begin"] < attack["end"] < attack["until"]
    assert truth["03-deserialise_yaml"]["aside"] and truth["02-scale-cart"]["count"] == 3
    assert truth["04-deploy-nothing"]["outcome"] == "failed"
    assert "exit code 2" in truth["04-deploy-nothing"]["why"]
    assert truth["05-scale-cart"]["outcome"] == "done"
    assert sum(line["load"]["requests"] for line in truth.values()) > 100
    assert all(line["load"]["failures"] == 0 for line in truth.values()), truth


def test_campaign_json(played):
    whole = json.loads((played / "campaign.json").read_text())
    assert whole["state"] == "done" and whole["seed"] == 3 and whole["campaign"] == CAMPAIGN
    assert whole["steps"]["failed"] >= 1 and whole["steps"]["interrupted"] == 0
    assert whole["calls"]["recorded"] > 10000 and whole["calls"]["replicas"] > 30
    assert whole["calls"]["lost"] == sum(line["calls"]["lost"]
                                         for line in lines(played / "truth.jsonl"))


def test_calls(played, skink):
    """Each replica has a trace in each part, a new one from its own beginning."""
    part = played / "calls" / "02-scale-cart"
    assert {path.name for path in (part / "cart").iterdir()} == {
        "cart-1.trace", "cart-2.trace", "cart-3.trace"}
    shown = json.loads(skink("trace", "info", "--json", part / "cart" / "cart-3.trace").stdout)
    assert shown["execs"] >= 1, shown  # the program's own start
    assert not (played / "calls" / "training" / "cart" / "cart-3.trace").exists()
    assert (played / "calls" / "03-deserialise_yaml" / "orders").is_dir()


def test_alerts(played):
    """What the daemon told within the campaign, and who called whom."""
    whole = json.loads((played / "campaign.json").read_text())
    alerts = lines(played / "alerts.jsonl")
    assert all(whole["begin"] <= alert["time"] <= whole["end"] for alert in alerts)
    truth = {line["step"]: line for line in lines(played / "truth.jsonl")}
    begin = truth["03-deserialise_yaml"]["begin"]
    assert any(alert["service"] == "orders" and alert["last_seen"] >= begin for alert in alerts)
    assert any(datetime.fromisoformat(line["time"]) for line in lines(played / "incidents.jsonl"))
    flows = {(flow["from"], flow["to"]) for flow in lines(played / "flows.jsonl")}
    assert ("cart-lb", "cart") in flows, flows


def test_exposure(played):
    """What a daemon says of its services while a campaign is played is sampled for the scores."""
    samples = json.loads((played / "samples.json").read_text())
    assert len(samples) >= 2 and samples[-1]["watched"] == 24, samples
    assert set(samples[-1]["learning"]) < {"edge", "db", "redis", "queue"} | {
        f"{name}{end}" for name in SERVICES for end in ("", "-lb")}


def test_eval(played, skink):
    """`eval` knows the set by looking, and judges each service by itself."""
    done = skink("eval", played, "--json", "--smooth", 20, "--detector", "stide:window=6")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["dataset"] == "campaign" and found["protocol"] == "lid-ds"
    detector = found["detectors"][0]
    assert detector["at_threshold"]["attacks"] == 2
    assert {kind["kind"] for kind in detector["attacks"]} == {"ssrf", "deserialise_yaml"}
    assert {"cart", "orders", "media"} <= {split["service"] for split in detector["splits"]}


def test_interrupted(up, skink_bin, tmp_path):
    """Ctrl-C ends load, attack and recording; what was written until then is valid."""
    file, data = tmp_path / "long.yml", tmp_path / "set"
    file.write_text("name: long\nlearn: {training: 1s, validation: 1s}\ngap: 1s\nrecord: false\n"
                    "steps:\n  - attack: sql_dump_slow\n  - attack: ssrf\n")
    with subprocess.Popen([skink_bin, "inject", file, "--system", NAME, "-o", data,
                           "--socket", tmp_path / "none"], stderr=subprocess.PIPE) as played:
        def children():
            listed = Path(f"/proc/{played.pid}/task/{played.pid}/children").read_text()
            return listed.split()

        assert wait_until(lambda: len(children()) == 2, 20)  # load, attack
        time.sleep(0.5)
        running = children()
        played.send_signal(signal.SIGINT)
        assert played.wait(30) == 0
    assert not [child for child in running if Path("/proc", child).exists()]
    assert json.loads((data / "campaign.json").read_text())["state"] == "interrupted"
    last = lines(data / "truth.jsonl")[-1]
    assert last["name"] == "sql_dump_slow" and last["outcome"] == "interrupted"
    assert not last["succeeded"] and last["calls"] is None
    assert (data / "alerts.jsonl").read_text() == ""


def test_seed(skink, source):
    """A dry run says the same each time, and touches nothing."""
    file = source / "testbed" / "campaigns" / "attacks.yml"
    first, second = skink("inject", "-n", file), skink("inject", "-n", file)
    assert first.returncode == 0 and first.stdout == second.stdout
    assert first.stdout.count("attack ") == 25 and first.stdout.count("aside") == 8
