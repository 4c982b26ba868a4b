"""What voting costs: requests a second and latency through `skink vote` and through HAProxy, before
the same three servers, in turns within one run.

    python3 bench/vote.py [--json FILE]

HAProxy asks one of the three, the front all of them and compares. Two pages: one that is the same of all
servers, and one with a time and an id in it, which are noise. Servers, balancers and clients share the
processors.
"""

import argparse
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from result import Row, facts, write_json
from rig import BUILD

ROUNDS, SECONDS, CLIENTS = 5, 2, 16
SERVERS = (18081, 18082, 18083)
FRONTS = {"haproxy": 18080, "vote": 18090}
PAGES = {"plain": "/plain", "noisy": "/noisy"}
TEXT = "All work and no play makes Jack a dull boy. " * 22  # about 1 KiB

NGINX = """worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error;
events {{ worker_connections 2048; }}
http {{ access_log off; keepalive_requests 10000000; default_type text/html;
client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
uwsgi_temp_path {folder}; scgi_temp_path {folder};
server {{ {listen} location /plain {{ return 200 "<p>{text}</p>"; }}
location /noisy {{ return 200 "<p>It is $msec.</p><p>{text}</p><i>$request_id</i>"; }} }} }}
"""
HAPROXY = """defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 2s
frontend front
  bind 127.0.0.1:{port}
  default_backend shop
backend shop
  balance roundrobin
{servers}
"""


@contextmanager
def running(*command: str, port: int):
    """A process that ends with the block; the block begins once it listens."""
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 10
            while socket.socket().connect_ex(("127.0.0.1", port)) and time.monotonic() < end:
                time.sleep(0.05)
            yield process.pid
        finally:
            process.terminate()


def start(stack: ExitStack, folder: Path) -> dict[str, int]:
    """The fronts' processes."""
    listen = " ".join(f"listen 127.0.0.1:{port};" for port in SERVERS)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, listen=listen, text=TEXT))
    servers = "\n".join(f"  server s{port} 127.0.0.1:{port}" for port in SERVERS)
    (folder / "haproxy.cfg").write_text(HAPROXY.format(port=FRONTS["haproxy"], servers=servers))
    replicas = [f"--replica=s{port}=127.0.0.1:{port}" for port in SERVERS]
    commands = {
        "haproxy": ["/usr/sbin/haproxy", "-f", f"{folder}/haproxy.cfg"],
        "vote": [str(BUILD / "skink"), "vote", "--alone", "--pair=s18081,s18082", *replicas,
                 "--listen", f"127.0.0.1:{FRONTS['vote']}"],
    }
    stack.enter_context(running("/usr/sbin/nginx", "-c", f"{folder}/nginx.conf", port=SERVERS[0]))
    return {front: stack.enter_context(running(*command, port=FRONTS[front]))
            for front, command in commands.items()}


def cpu_seconds(pid: int) -> float:
    """Of the process and its threads, those that have ended, too."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(front: str, pid: int, page: str) -> tuple[float, float, float]:
    """Requests a second, the median latency in ms, and the front's CPU time for one in us."""
    before = cpu_seconds(pid)
    said = subprocess.run(["wrk", "-t1", f"-c{CLIENTS}", f"-d{SECONDS}s", "--latency",
                           f"http://127.0.0.1:{FRONTS[front]}{PAGES[page]}"], capture_output=True,
                          text=True, check=True).stdout
    assert "Non-2xx" not in said and "Socket errors" not in said, said
    value, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", said).groups()
    requests = int(re.search(r"(\d+) requests in", said)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])
    return (rate, float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit],
            (cpu_seconds(pid) - before) / requests * 1e6)


def measure(pids: dict[str, int]) -> list[Row]:
    samples = {(page, front): [] for page in PAGES for front in FRONTS}
    for _ in range(ROUNDS):
        for page, front in samples:
            samples[page, front].append(load(front, pids[front], page))
    rows = []
    for (page, front), taken in samples.items():
        for what, unit, values in zip(("rate", "latency", "cpu"),
                                      ("requests/s", "ms, median", "us/request"), zip(*taken)):
            rows.append(Row(f"{front}_{page}_{what}", median(values), unit,
                            note=f"{min(values):.4g} to {max(values):.4g}"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="skink-vote-"))
    try:
        with ExitStack() as stack:
            rows = measure(start(stack, folder))
    finally:
        shutil.rmtree(folder)
    for row in rows:
        print(row.line())
    if options.json:
        write_json(options.json, {**facts(Path(__file__).parents[1]),
                                  "results": [row.json() for row in rows]})


if __name__ == "__main__":
    main()
