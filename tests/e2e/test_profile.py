"""`skink profile` on files: what lies in tests/fuzz/seeds/profile, whole and damaged."""

import json
import shutil

import pytest


@pytest.fixture
def state(tmp_path, source):
    """A state directory with the profiles web@1.2, web@2 (damaged) and café@-."""
    seeds = source / "tests" / "fuzz" / "seeds" / "profile"
    profiles = tmp_path / "profiles"
    profiles.mkdir()
    shutil.copy(seeds / "learned.profile", profiles / "web@1.2.profile")
    shutil.copy(seeds / "calls.profile", profiles / "caf%C3%A9@-.profile")
    (profiles / "web@2.profile").write_bytes((seeds / "learned.profile").read_bytes()[:500])
    (profiles / "web@1.2.profile.refused").write_text("not ours to list")
    return tmp_path


def test_ls_shows_the_damaged_with_the_others(skink, state):
    table = skink("profile", "ls", "--state-dir", state)
    assert table.returncode == 0
    assert len(table.stdout.splitlines()) == 4
    assert "cut off at byte 500" in table.stdout
    listed = json.loads(skink("profile", "ls", "--json", "--state-dir", state).stdout)
    assert [entry.get("service") for entry in listed] == ["café", "web", None]
    assert "byte 500" in listed[2]["damage"]


def test_names_are_found_and_ambiguous_ones_refused(skink, state):
    assert skink("profile", "show", "café", "-d", state).returncode == 0
    assert "not steady yet (4 of 5" in skink("profile", "show", "web@1.2", "-d", state).stdout
    ambiguous = skink("profile", "show", "web", "-d", state)
    assert ambiguous.returncode == 2
    assert "web@1.2, web@2" in ambiguous.stderr
    damaged = skink("profile", "growth", "web@2", "-d", state)
    assert damaged.returncode == 2
    assert "cut off at byte 500" in damaged.stderr
    assert skink("profile", "show", "nobody", "-d", state).returncode == 2


def test_show_spells_the_patterns(skink, state):
    shown = json.loads(
        skink("profile", "show", "web@1.2", "-d", state, "--json", "--patterns").stdout
    )
    assert len(shown["patterns"]["windows"]) == shown["windows"] == 20
    assert {len(bag) for bag in shown["patterns"]["bags"]} == {6}
    assert set(sum(shown["patterns"]["windows"], [])) <= set(shown["alphabet"])
    assert shown["detectors"]["stide"]["proposed_threshold"] == 10


def test_growth_is_drawn(skink, state, tmp_path):
    picture = tmp_path / "web.svg"
    assert skink("profile", "growth", "web@1.2", "-d", state, "--svg", picture).returncode == 0
    assert picture.read_text().rstrip().endswith("</svg>")
    points = json.loads(skink("profile", "growth", "web@1.2", "-d", state, "--json").stdout)
    assert [point["patterns"] for point in points["points"]][:4] == [0, 15, 30, 40]


def test_rm_removes_one_even_when_damaged(skink, state):
    assert skink("profile", "rm", "web", "-d", state).returncode == 2
    assert skink("profile", "rm", "web@2", "-d", state).returncode == 0
    assert skink("profile", "show", "web", "-d", state).returncode == 0
    left = {path.name for path in (state / "profiles").iterdir()}
    assert left == {"web@1.2.profile", "caf%C3%A9@-.profile", "web@1.2.profile.refused"}
