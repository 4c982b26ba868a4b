#!/usr/bin/env python3
"""The testbed's shop under watch: learned, left alone, attacked, and scored.

    ./do campaign [PART...] [--learn FILE] [--benign FILE] [--attacks FILE] [--save]

Plays three campaigns (docs/campaigns.md) with `skink inject`: `learn`, in which a daemon with its
default settings learns; `benign`, nothing but load and changes; and `attacks`. For each part it
brings the shop up and starts a daemon that knows what the parts before have learned. What was found,
the false alarms, and where the true entry was put goes to the screen and to build/campaign.json;
with --save also to docs/results/campaign.json.

All three take about four hours. They can be had in several sittings: `learn` begins anew, `attacks`
replaces the attacks that were played before, and each `benign` adds to the benign hours.
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
from exposure import Sampler, look

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


def keep(state: Path, learned: Path) -> None:
    """What a daemon has learned, its profiles and flows, for the next one."""
    shutil.rmtree(learned, ignore_errors=True)
    shutil.copytree(state / "profiles", learned / "profiles")
    shutil.copy(state / "flows.json", learned)


@contextmanager
def daemon(directory: Path, learned: Path):
    """One with default settings that sees nothing but the shop."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    if learned.exists():
        shutil.copytree(learned, directory / "state")
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


def free(directory: Path) -> Path:
    """The first of directory-1, directory-2, … that is not there."""
    number = 1
    while (found := directory.with_name(f"{directory.name}-{number}")).exists():
        number += 1
    return found


def play_part(part: str, campaign: Path, directory: Path) -> None:
    learned, agent = directory / "learned", directory / "agent"
    if part == "learn":
        shutil.rmtree(directory, ignore_errors=True)
    elif not learned.exists():
        raise SystemExit(f"campaign: {part}: nothing has been learned (./do campaign learn)")
    data = free(directory / part) if part == "benign" else directory / part
    shutil.rmtree(data, ignore_errors=True)
    with daemon(agent, learned) as socket, shop():
        with Sampler(lambda: services(socket)) as sampler:
            play(campaign, data, socket)
        end = look(services(socket))
    say(f"{end['watched']} services were watched;", "still learned:" if end["learning"] else
        "all have been learned", *end["learning"])
    (data / "services.json").write_text(json.dumps(end | {"samples": sampler.samples}))
    if part != "attacks":  # what the intruder did is not to be learned
        keep(agent / "state", learned)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="learn, benign, attacks; all three")
    for part in PARTS:
        parser.add_argument(f"--{part}", type=Path, default=CAMPAIGNS / f"{part}.yml")
    parser.add_argument("--directory", type=Path, default=ROOT / "build/campaign",
                        help="where the data sets go")
    parser.add_argument("--out", type=Path, default=ROOT / "build/campaign.json")
    parser.add_argument("--save", action="store_true", help=f"write it into {score.SAVED}, too")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: no such part (there are: {', '.join(PARTS)})")
    if os.geteuid() != 0:
        raise SystemExit("campaign: needs root (use ./do campaign)")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for part in options.parts or PARTS:
        play_part(part, getattr(options, part), options.directory)
    if (options.directory / "attacks").exists():
        for written in score.write(options.directory, options.out, options.save):
            say(f"written to {written}")


if __name__ == "__main__":
    main()
