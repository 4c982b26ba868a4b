"""Who reaches the control socket may look; who may change something is another question."""

import grp
import json
import subprocess
import sys
import tempfile

import pytest
from agent import Skink

GROUP, OPERATORS = "users", "operator"
NOBODY = 65534
ASK = """
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
client.sendall(sys.argv[2].encode() + b"\\n")
print(client.makefile().readline())
"""


@pytest.fixture(name="run")
def run_fixture(root, skink_bin, tmp_path):
    """Starts a daemon whose socket every user can get to."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["chmod", "755", directory], check=True)
        daemon = Skink(skink_bin, tmp_path / "agent", {}, socket=f"{directory}/socket", group=GROUP)
        daemon.socket = f"{directory}/socket"

        def run(**settings):
            daemon.configure(**settings)
            return daemon.start()

        yield run
        daemon.end()


def ask(daemon, groups, user=NOBODY, **request):
    """As a user in these groups."""
    ran = subprocess.run([sys.executable, "-c", ASK, daemon.socket, json.dumps(request)], user=user,
                         group=user, extra_groups=[grp.getgrnam(name).gr_gid for name in groups],
                         capture_output=True, text=True, cwd="/", timeout=20, check=True)
    return json.loads(ran.stdout)


def test_root_alone_operates(run):
    daemon = run()
    assert ask(daemon, [GROUP], verb="status")["ok"]
    for verb in ("undo", "approve", "accept"):
        for groups in ([GROUP], [GROUP, OPERATORS], [GROUP, "root"]):
            answer = ask(daemon, groups, verb=verb, number=1, alert="1", by={"uid": 0, "pid": 1})
            assert answer["error"].startswith(f"{verb}: refused to user {NOBODY} (be root")
        assert "no such" in ask(daemon, [], user=0, verb=verb, number=1, alert="1")["error"]
    assert "refused to user" in ask(daemon, [GROUP], verb="forget")["error"]
    assert "refused to user" in daemon.said()
    dissent = ask(daemon, [GROUP], verb="dissent", replica="web-1", request="GET /", why="other")
    assert dissent["error"] == "web-1: no such replica is watched"


def test_the_operators(run):
    daemon = run(operators=OPERATORS)
    assert "refused" in ask(daemon, [GROUP], verb="undo", number=1)["error"]
    assert "no such measure" in ask(daemon, [GROUP, OPERATORS], verb="undo", number=1)["error"]
    assert "no such plan" in ask(daemon, [GROUP, OPERATORS], verb="approve", number=1)["error"]
