"""`skink learn`, `detect` and `trace info` on files, and the example of docs/learn-and-detect.md."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def make_trace(skink_bin):
    """bench/make_trace.c, built beside the program."""
    path = Path(skink_bin).parent / "bench" / "make_trace"
    if not path.exists():
        pytest.fail(f"{path} is not there (./do build)")

    def make(file, calls, seed=1):
        subprocess.run([path, file, str(calls), str(seed)], check=True, timeout=60)
        return file

    return make


def test_a_server_learned_is_normal_the_next_day(skink, make_trace, tmp_path):
    monday = make_trace(tmp_path / "monday.trace", 1_000_000)
    tuesday = make_trace(tmp_path / "tuesday.trace", 200_000, seed=2)
    profile = tmp_path / "bench.profile"
    learned = skink("learn", "-o", profile, "--interval", "100ms", "--sigma", "100", monday)
    assert learned.returncode == 0
    assert learned.stdout.rstrip().endswith("complete")
    checked = skink("detect", "--json", profile, monday, tuesday)
    assert checked.returncode == 0
    first, second = json.loads(checked.stdout)
    assert first["windows"]["mismatches"] == first["bags"]["mismatches"] == 0
    assert second["calls"] == 200_000
    assert not second["anomalous"]


def test_info_counts(skink, make_trace, tmp_path):
    trace = make_trace(tmp_path / "a.trace", 50_000)
    info = json.loads(skink("trace", "info", "--json", trace).stdout)
    assert info["calls"] == sum(info["alphabet"].values()) == 50_000
    assert (info["threads"], info["processes"], info["forks"], info["lost"]) == (8, 1, 8, 0)
    assert info["bytes_a_call"] == pytest.approx(trace.stat().st_size / 50_000)


def test_damage_is_refused_with_its_place(skink, make_trace, tmp_path):
    trace = make_trace(tmp_path / "a.trace", 200_000)
    content = trace.read_bytes()
    trace.write_bytes(content[:-1])
    for words in (["trace", "info", trace], ["learn", "-o", tmp_path / "p", trace]):
        refused = skink(*words)
        assert refused.returncode == 2
        assert f"{trace}: offset {len(content) - 1}: " in refused.stderr
    assert not (tmp_path / "p").exists()
    trace.write_bytes(content[:100_000] + b"\0\0\0\0" + content[100_004:])
    assert "checksum" in skink("trace", "info", trace).stderr


def test_options_that_cannot_be_are_refused(skink, source, tmp_path):
    trace = source / "tests" / "fuzz" / "seeds" / "trace" / "marks.trace"
    profile = tmp_path / "p.profile"
    assert skink("learn", "-o", profile, trace).returncode == 0
    assert "--threshold" in skink("detect", "--frame", "5", profile, trace).stderr
    for words in (
        ["learn", trace],
        ["learn", "-o", profile, "--window", "17", trace],
        ["learn", "-o", profile, "--interval", "0s", trace],
        ["detect", "--epoch", "0", profile, trace],
        ["detect", trace, trace],
        ["trace", "show", trace],
    ):
        assert skink(*words).returncode == 2


def test_the_example_of_the_manual(root, skink_bin, source, tmp_path):
    text = (source / "docs" / "learn-and-detect.md").read_text()
    example = re.search(r"```sh\n(.*?)```", text, re.DOTALL)[1]
    path = f"{Path(skink_bin).parent}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["sh", "-ec", example],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr
    again, foul = (line for line in ran.stdout.splitlines() if line.endswith(".trace"))
    assert "  normal " in again
    assert "  anomalous " in foul
    assert "STIDE alarm" in ran.stdout
    shutil.rmtree(tmp_path)
