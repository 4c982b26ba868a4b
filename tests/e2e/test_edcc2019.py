"""The training experiment (bench/edcc2019): its load is TPC-C, its curves are what Skink learns."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SOURCE

sys.path.insert(0, str(SOURCE / "bench/edcc2019"))

pytestmark = pytest.mark.usefixtures("root")


@pytest.fixture(name="built")
def built_fixture(skink_bin):
    """The path of one of the experiment's programs."""

    def find(name):
        path = Path(skink_bin).parent / "bench/edcc2019" / name
        if not path.exists():
            pytest.skip(f"needs {path.name} (apt-get install libmariadb-dev, and build anew)")
        return path

    return find


def test_the_load_keeps_the_database_consistent(built, program, tmp_path):
    program("mariadbd", "mariadb-server")
    program("runc", "runc")
    import server  # pylint: disable=import-outside-toplevel # needs the package's user

    tpcc = built("tpcc")
    with server.InRunc(tmp_path) as mariadb:
        server.run(*mariadb.enter(tpcc, "load", "--clients=2"))
        done = json.loads(server.run(*mariadb.enter(tpcc, "run", "--clients=4", "--seconds=2")))
        checked = server.run(*mariadb.enter(tpcc, "check"))
    assert re.findall(r"3\.3\.2\.(\d) .*: holds", checked) == ["1", "2", "3", "4"]
    transactions = sum(done[kind] for kind in ("new_order", "payment", "order_status", "delivery",
                                               "stock_level"))
    assert transactions > 20 and done["new_order"] > done["delivery"]


def test_the_curves_are_what_skink_learns(built, skink, tmp_path):
    trace, profile = tmp_path / "trace", tmp_path / "profile"
    ran = skink("record", "-o", trace, "--", "sh", "-c", "ls -lR /etc | sort | gzip >/dev/null")
    assert ran.returncode == 0, ran.stderr
    said = subprocess.run([built("curves"), trace], check=True, stdout=subprocess.PIPE).stdout
    curves = {(curve["algorithm"], curve["length"], curve["of"]): curve["patterns"]
              for curve in json.loads(said)["curves"]}
    assert len(curves) == 16
    for length in range(3, 7):
        learned = skink("learn", "-o", profile, "--window", length, "--bag", length, trace).stdout
        windows, bags = re.search(r"(\d+) windows of .* and (\d+) bags of", learned).groups()
        assert curves["STIDE", length, "thread"] == int(windows)
        assert curves["BoSC", length, "thread"] == int(bags)
        assert curves["STIDE", length, "container"] >= curves["BoSC", length, "container"] > 0
