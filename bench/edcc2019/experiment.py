"""The experiment: MariaDB in a container, populated, recorded under TPC-C, learned sixteen times.

What was measured goes as JSON into the output folder, a table and a figure beside it. Whatever
ends it, all that it started ends with it.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import report
from server import ENGINES, NAME, run

BUILD = Path(__file__).resolve().parents[2] / "build"
SKINK = BUILD / "skink"
TPCC, CURVES = BUILD / "bench/edcc2019/tpcc", BUILD / "bench/edcc2019/curves"
INTERVAL = "100s"  # the paper's
PAPER = {"warehouses": 100, "clients": 50, "minutes": 24 * 60}
SMALL = {"warehouses": 4, "clients": 8, "minutes": 40}


def say(text):
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def tpcc(server, verb, **options):
    """Runs the load's program in the container's network; what it printed."""
    words = [f"--{name}={value}" for name, value in options.items()]
    return run(*server.enter(TPCC, verb, *words))


@contextmanager
def child(*command, **options):
    """A process that ends with the block: by SIGINT, as a recorder likes it, else by SIGKILL."""
    process = subprocess.Popen([*map(str, command)], **options)
    try:
        yield process
        process.send_signal(signal.SIGINT)
        process.wait(60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@contextmanager
def recorded(server, output, **options):
    """All calls of the container while the block runs."""
    with child(SKINK, "record", "--cgroup", server.cgroup(), "-o", output, **options) as recorder:
        time.sleep(2)
        if recorder.poll() is not None:
            raise RuntimeError("skink record has ended early")
        yield recorder
    if recorder.returncode != 0:
        raise RuntimeError(f"skink record ended with {recorder.returncode}")


def learn_from_file(server, trace, load):
    with recorded(server, trace):
        done = load()
    say(f"recorded {trace.stat().st_size / 1e6:.0f} MB; learning")
    return done, json.loads(run(CURVES, trace, INTERVAL))


def learn_from_stream(server, folder, load):
    """Learns while it is recorded: a day's calls need not fit the disk."""
    with open(folder / "curves.json", "w+b") as said:
        with recorded(server, "-", stdout=subprocess.PIPE) as recorder:
            learner = subprocess.Popen([CURVES, "-", INTERVAL], stdin=recorder.stdout, stdout=said,
                                       start_new_session=True)  # Ctrl-C ends the recorder only
            recorder.stdout.close()
            done = load()
        if learner.wait() != 0:
            raise RuntimeError(f"curves ended with {learner.returncode}")
        said.seek(0)
        return done, json.load(said)


def experiment(server, folder, options):
    """Everything with a server that answers."""
    scale = {"warehouses": options.warehouses, "clients": options.clients}
    say(f"populating {options.warehouses} warehouses")
    tpcc(server, "load", warehouses=options.warehouses, clients=min(options.warehouses, 2))
    say(f"{options.clients} clients for {options.minutes:g} minutes")

    def load():
        return json.loads(tpcc(server, "run", **scale, seconds=round(60 * options.minutes)))

    done, measured = (learn_from_stream(server, folder, load) if options.stream else
                      learn_from_file(server, options.keep or folder / "trace", load))
    print(tpcc(server, "check"), file=sys.stderr)
    engine_version, mariadb = server.versions()
    return {
        "engine": options.engine, "engine_version": engine_version, "mariadb": mariadb,
        "kernel": platform.release(), "processors": os.cpu_count(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()), **scale, "minutes": options.minutes,
        "transactions": done, **measured}


def parse():
    parser = argparse.ArgumentParser(prog="bench/edcc2019/run", description=__doc__)
    setting = parser.add_mutually_exclusive_group(required=True)
    setting.add_argument("--small", dest="setting", action="store_const", const=SMALL,
                         help="4 warehouses, 8 clients, 40 minutes")
    setting.add_argument("--paper", dest="setting", action="store_const",
                         const={**PAPER, "stream": True},
                         help="100 warehouses, 50 clients, 24 hours, learned as a stream")
    parser.add_argument("--engine", choices=ENGINES, default="docker")
    parser.add_argument("--warehouses", type=int)
    parser.add_argument("--clients", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--stream", action="store_true", default=None,
                        help="learn while recording, keep no recording")
    parser.add_argument("--keep", type=Path, metavar="TRACE", help="keep the recording")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"),
                        help="where database and recording lie meanwhile (default /var/tmp)")
    parser.add_argument("--output", type=Path, default=BUILD / "edcc2019",
                        help="where the results go (default build/edcc2019)")
    options = parser.parse_args()
    for name, value in options.setting.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    options.stream = options.stream and not options.keep
    return options


def measure(options):
    options.output.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f"{NAME}-", dir=options.folder) as folder:
        with ENGINES[options.engine](Path(folder)) as server:
            result = experiment(server, Path(folder), options)
    (options.output / f"{options.engine}.json").write_text(json.dumps(result) + "\n")
    report.write(options.output)


def main():
    options = parse()
    if os.geteuid() != 0:
        sys.exit("bench/edcc2019/run: containers and recordings need root (sudo)")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        measure(options)
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        sys.exit(f"bench/edcc2019/run: {error}")


if __name__ == "__main__":
    main()
