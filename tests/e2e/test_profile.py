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
    assert shown["detectors"]["stide"]["proposed_threshold"] == 15


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


@pytest.fixture
def learn(skink, tmp_path):
    """learn("1.2", "open read close ...") makes a profile of the service web and returns its path."""
    made = []

    def make(version, calls, *options):
        trace = tmp_path / f"{len(made)}.trace"
        trace.write_text(calls + "\n")
        profile = tmp_path / f"{len(made)}.profile"
        done = skink("learn", "-o", profile, "--service", "web", "--service-version", version,
                     "--window", 3, "--bag", 2, *options, trace)
        assert done.returncode == 0, done.stderr
        made.append(profile)
        return profile

    return make


BUSY = "openat read read write close openat read close"
IDLE = "openat read close"


def test_merge_gives_the_idle_what_the_busy_learned(skink, learn, tmp_path):
    busy, idle = learn("1.2", BUSY), learn("1.2", IDLE)
    merged, turned, twice = (tmp_path / name for name in ("m.profile", "t.profile", "w.profile"))
    told = skink("profile", "merge", busy, idle, "-o", merged)
    assert told.returncode == 0
    assert "web@1.2, 6 windows and 6 bags from 2 sources" in told.stdout
    skink("profile", "merge", idle, busy, "-o", turned)
    skink("profile", "merge", merged, idle, busy, merged, "-o", twice)
    assert merged.read_bytes() == turned.read_bytes() == twice.read_bytes()
    shown = json.loads(skink("profile", "show", merged, "--json", "--patterns").stdout)
    assert shown["calls"] == 11
    assert sorted(source["calls"] for source in shown["sources"]) == [3, 8]
    common = shown["patterns"]["windows"].index(["openat", "read", "close"])
    sources = shown["shown_by"]["windows"]
    assert sources[common] == [0, 1]
    assert sum(len(shown_by) for shown_by in sources) == len(sources) + 1


def test_merge_refuses_what_does_not_belong_together(skink, learn, tmp_path):
    one, other = learn("1.2", BUSY), learn("1.3", IDLE)
    refused = skink("profile", "merge", one, other, "-o", tmp_path / "m.profile")
    assert refused.returncode == 2
    assert "web@1.2 and web@1.3 are not the same service and version" in refused.stderr
    assert "give -o FILE" in skink("profile", "merge", one).stderr


def test_diff_weighs_what_is_new_more_than_what_has_gone(skink, learn):
    old, new = learn("1.2", BUSY), learn("1.3", IDLE + " fsync")
    table = skink("profile", "diff", old, new).stdout
    assert "calls of OLD only:\n    write\n" in table
    assert "windows of NEW only:\n    read close fsync\n" in table
    diff = json.loads(skink("profile", "diff", old, new, "--json").stdout)
    assert diff["calls"]["only_new"] == ["fsync"]
    assert diff["calls"]["similarity"] == pytest.approx(3 / (3 + 0.1 * 1 + 0.9 * 1))
    assert diff["windows"]["only_new"] == [["read", "close", "fsync"]]
    jaccard = json.loads(
        skink("profile", "diff", old, new, "--alpha", 1, "--beta", 1, "--json").stdout)
    assert jaccard["calls"]["similarity"] == pytest.approx(3 / 5)
    assert skink("profile", "diff", old, new, "--alpha", -1).returncode == 2
    assert skink("profile", "diff", old).returncode == 2


def test_export_allows_the_calls_of_the_service_and_no_others(skink, learn, tmp_path):
    profile = learn("1.2", "socket/32 write openat/32 openat read")
    exported = skink("profile", "export", profile, "--seccomp")
    assert "the filter may refuse what the service needs" in exported.stderr
    service, runtime = json.loads(exported.stdout)["syscalls"]
    assert service["names"] == ["openat", "read", "socket", "write"]
    assert "execve" in runtime["names"] and "comment" in runtime
    written = tmp_path / "filter.json"
    skink("profile", "export", profile, "--seccomp", "--runtime", "none", "-o", written)
    alone = json.loads(written.read_text())
    assert alone["syscalls"] == [service]
    assert alone["defaultAction"] == "SCMP_ACT_ERRNO"
    assert alone["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]
    assert skink("profile", "export", profile).returncode == 2
    assert skink("profile", "export", profile, "--seccomp", "--runtime", "x").returncode == 2


def test_reuse_learns_the_difference_only(skink, learn, tmp_path):
    old = learn("1.2", BUSY)
    begun = tmp_path / "begun.profile"
    told = skink("profile", "reuse", old, "--version", "1.3", "-o", begun)
    assert "web@1.3, 0 windows and 0 bags from 1 source, 12 patterns of earlier" in told.stdout
    assert skink("profile", "reuse", old, "--version", "1.2", "-o", begun).returncode == 2

    trace, new = tmp_path / "new.trace", tmp_path / "new.profile"
    trace.write_text(IDLE + " fsync openat read\n")
    learned = skink("learn", "--reuse", old, "--service-version", "1.3", "--interval", 2,
                    "--min-calls", 0, "-o", new, trace)
    assert learned.returncode == 0, learned.stderr
    shown = json.loads(skink("profile", "show", new, "--json", "--patterns").stdout)
    assert ["openat", "read", "close"] in shown["patterns"]["windows"]
    assert ["openat", "read", "read"] not in shown["patterns"]["windows"]
    assert shown["laid_aside"] == 12 - 3  # one window and two bags were shown again
    assert {source["version"] for source in shown["sources"]} == {"1.2", "1.3"}
    grown = json.loads(skink("profile", "growth", new, "--json").stdout)["points"]
    assert grown[0]["patterns"] == grown[1]["patterns"] == 12  # what was known is no growth
    assert grown[1]["steady"] and not grown[2]["steady"]

    # Until it is learned, what it began with is known; a detection with it raises nothing.
    back = tmp_path / "back.trace"
    back.write_text(BUSY + "\n")
    detected, = json.loads(skink("detect", "-p", begun, "--json", back).stdout)
    assert detected["windows"]["novelties"] == 0


def test_old_behaviour_is_told_from_new(skink, learn, tmp_path):
    old, new, trace = learn("1.2", BUSY), tmp_path / "new.profile", tmp_path / "steady.trace"
    trace.write_text((IDLE + " ") * 20 + "\n")
    learned = skink("learn", "--reuse", old, "--service-version", "1.3", "--interval", 5, "--stop",
                    "--sigma", 1000, "-o", new, trace)
    assert "complete" in learned.stdout or "no start seen" in learned.stdout
    shown = json.loads(skink("profile", "show", new, "--json").stdout)
    assert shown["calls"] == 25  # five intervals: the rest of the trace is left out
    back = tmp_path / "back.trace"
    back.write_text(BUSY + " ptrace\n")

    def novelties(*options):
        detected, = json.loads(
            skink("detect", *options, "--novelties", "--json", new, back).stdout)
        return {tuple(each["calls"]): each["old_version"] for each in detected["novelties"]
                if each["kind"] == "window"}

    assert novelties()["openat", "read", "read"] == "1.2"
    assert novelties()["read", "close", "ptrace"] is None
    assert set(novelties("--recall")) == {("read", "close", "ptrace")}
    assert "(as version 1.2 did)" in skink("detect", "--novelties", new, back).stdout
