#!/usr/bin/env python3
"""The testbed's shop under watch: learned, left alone, attacked, and scored.

    ./do campaign [--learn FILE] [--benign FILE] [--attacks FILE] [--state DIR] [--out FILE]

Brings the shop up, starts a daemon with its default settings, and plays three campaigns
(docs/campaigns.md) with `skink inject`: one in which it learns, one of nothing but benign load and
changes, and the attacks. What was found, the false alarms, and where the true entry was put goes to
the screen and to a JSON file. With the default campaigns it takes about four hours.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import score
from cases import read

ROOT = score.ROOT
SKINK = ROOT / "build/skink"
SHOP = ROOT / "testbed/shop"
CAMPAIGNS = ROOT / "testbed/campaigns"
NAME = "campaign"
PATIENCE = 300  # seconds, for what takes a moment
PARTS = ("learn", "benign", "attacks")


def say(*words) -> None:
    print(time.strftime("%H:%M:%S"), *words, flush=True)


def run(*words, timeout: float | None = PATIENCE) -> str:
    return subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, text=True,
                          check=True, timeout=timeout).stdout


@contextmanager
def shop():
    run(SHOP, "--name", NAME, "up")
    try:
        yield
    finally:
        run(SHOP, "--name", NAME, "down")


@contextmanager
def daemon(directory: Path, known: Path | None):
    """One with default settings that sees nothing but the shop, and knows nothing yet but the
    profiles and flows of another one's state directory."""
    if known:
        shutil.copytree(known / "profiles", directory / "state/profiles")
        shutil.copy(known / "flows.json", directory / "state")
    settings = {"state_dir": str(directory / "state"), "socket": str(directory / "socket"),
                "engines": {"docker": "off", "podman": "off", "lxc": "off",
                            "oci": [f"/run/skink-testbed/skink-testbed-{NAME}/oci"]}}
    (directory / "skink.yml").write_text(json.dumps(settings))
    with open(directory / "daemon.log", "w", encoding="utf-8") as log, subprocess.Popen(
            [SKINK, "run", "--config", directory / "skink.yml"],
            stdout=log, stderr=log, start_new_session=True) as skink:
        try:
            yield directory / "socket"
        finally:
            skink.terminate()
            try:
                skink.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                skink.kill()


def services(socket: Path) -> list[dict]:
    return json.loads(run(SKINK, "status", "--json", "--socket", socket))["services"]


def play(campaign: Path, directory: Path, socket: Path) -> None:
    """A signal ends the campaign tidily before it ends this."""
    say(f"playing {campaign.name}")
    with subprocess.Popen([SKINK, "inject", campaign, "-o", directory, "--system", NAME,
                           "--socket", socket], start_new_session=True) as child:
        try:
            code = child.wait()
        except BaseException:
            child.terminate()
            child.wait(PATIENCE)
            raise
    if code:
        raise SystemExit(f"campaign: {campaign.name}: skink inject ended with {code}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    for part in PARTS:
        parser.add_argument(f"--{part}", type=Path, default=CAMPAIGNS / f"{part}.yml")
    parser.add_argument("--state", type=Path, help="begin with what another run learned: its state directory")
    parser.add_argument("--directory", type=Path, default=ROOT / "build/campaign",
                        help="where the data sets go; what was there before is removed")
    parser.add_argument("--out", type=Path, default=ROOT / "build/campaign.json")
    options = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("campaign: needs root (use ./do campaign)")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    shutil.rmtree(options.directory, ignore_errors=True)
    options.directory.mkdir(parents=True)
    with daemon(options.directory, options.state) as socket, shop():
        for part in PARTS:
            play(getattr(options, part), options.directory / part, socket)
            watched = services(socket)
            learning = [one["service"] for one in watched if one["mode"] == "learning"]
            say(f"{len(watched)} services are watched;", "still learned:" if learning else
                "all have been learned", *learning)
    attacks = read(options.directory / "attacks")
    result = score.circumstances(attacks) | score.score(
        attacks, read(options.directory / "benign"), len(watched), ROOT / "build/bench/rank")
    result |= {"not_learned": learning, "began_with_profiles": bool(options.state)}
    score.show(result)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    say(f"written to {options.out}")


if __name__ == "__main__":
    main()
