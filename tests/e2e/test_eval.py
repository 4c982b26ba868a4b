"""`skink eval`: a data set made here, its JSON, sweeps, resuming after a kill, the report in a
browser, and ADFA-LD where it is there."""

import html.parser
import json
import os
import random
import re
import signal
import subprocess
import time
import zipfile
from pathlib import Path

import pytest

LOOP = "openat fstat read read close mmap write futex".split()
STRANGE = "execve setuid socket connect dup2 ptrace".split()


def make_trace(path, seed, attack=False):
    """A loop that sometimes skips a call; an attack has a strange piece in its middle."""
    draw = random.Random(seed)
    calls = [call for _ in range(30) for call in LOOP if draw.random() > 0.05]
    if attack:
        calls[60:60] = draw.choices(STRANGE, k=20)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(" ".join(calls))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with training, normal and attack traces of two kinds."""
    root = tmp_path_factory.mktemp("made")
    for i in range(40):
        make_trace(root / "training" / f"{i:02}", i)
        make_trace(root / "normal" / f"{i:02}", 100 + i)
    for i in range(10):
        make_trace(root / "attack" / "shell" / f"{i}", 200 + i, attack=True)
        make_trace(root / "attack" / "leak" / f"{i}", 300 + i, attack=True)
    (root / "normal" / "twin").write_text((root / "training" / "00").read_text())
    return root


def without_times(document):
    """The document but for what depends on the machine's speed, or on the secret of a table."""
    for detector in document["detectors"]:
        for key in ("calls_per_second", "learned_calls_per_second", "training_seconds", "memory"):
            assert detector["cost"].pop(key) > 0
    return document


def evaluated(skink, *words):
    ran = skink("eval", "--json", *words)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_what_the_json_holds(skink, made):
    document = evaluated(skink, made, "--detector", "stide:window=6", "--detector", "best")
    assert document["dataset"] == "folder"
    assert document["protocol"] == "official"
    assert document["traces"]["training"] == 40
    assert document["traces"]["repeated"] == 1
    stide, best = document["detectors"]
    assert (stide["name"], stide["params"]) == ("stide", {"window": 6})
    assert best["name"] == "best"
    assert best["specification"].startswith("markov:")
    for detector in (stide, best):
        low, high = detector["auc_interval"]
        assert low <= detector["auc"] <= high
        assert detector["auc"] > 0.95
        found = detector["tpr_at_fpr"]
        assert found["0.01"] <= found["0.05"] <= found["0.15"]
        assert {kind["kind"]: kind["samples"] for kind in detector["attacks"]} == {
            "leak": 10, "shell": 10}
        assert detector["at_threshold"]["recall"] > 0.9
        assert detector["at_threshold"]["false_alarms_per_hour"] is None  # no times
        assert detector["growth"][-1][1] == detector["cost"]["patterns"] > 50
        assert detector["roc"][0][0] == 0
        assert detector["roc"][-1] == [1, 1]


@pytest.mark.parametrize(
    "protocol", ["random:seed=3,share=0.5,times=2", "folds:k=3", "epochs:calls=50", "lid-ds"])
def test_each_protocol_gives_the_same_twice(skink, made, protocol):
    words = (made, "--protocol", protocol, "--detector", "stide:window=4")
    one = without_times(evaluated(skink, *words))
    assert one == without_times(evaluated(skink, *words, "--cores", "1", "--memory", "0"))
    assert len(one["detectors"][0]["splits"]) == {"random": 2, "folds": 3}.get(
        protocol.split(":")[0], 1)
    # An epoch of an attack's trace counts as one, though nothing strange is in most of them.
    assert one["detectors"][0]["auc"] > (0.55 if protocol.startswith("epochs") else 0.8)


def test_sweeps_and_tables(skink, made):
    words = ("--detector", "stide:window=3..5", "--detector", "bosc:bag=3/6", "--smooth", "1/20",
             "--score", "max", "--threshold", "2/5")
    document = evaluated(skink, made, *words)
    assert [(one["asked"], one["smooth"]) for one in document["detectors"]] == [
        (name, smooth)
        for name in [*(f"stide:window={n}" for n in (3, 4, 5)), "bosc:bag=3", "bosc:bag=6"]
        for smooth in (1, 20)
    ]
    given = document["detectors"][1]["at_given_thresholds"]
    assert [one["threshold"] for one in given] == [2, 5]
    assert given[0]["calls_to_detection"] <= given[1]["calls_to_detection"]
    table = skink("eval", made, *words).stdout
    assert "stide:window=4 smooth=20" in table
    # More detectors than stand beside each other: the rest stands below.
    kinds = table[table.index("by kind"):]
    assert kinds.count("\nshell ") == 2
    assert kinds.count("bosc:bag=6") == 2


def test_what_cannot_be_is_refused(skink, made, tmp_path):
    for words, why in (
        ([tmp_path], "not a data set"),
        ([made, "-d", "oracle"], "no detector is called"),
        ([made, "-d", "stide:window=9..3"], "range"),
        ([made, "-p", "validated"], "no validation traces"),
        ([made, "-p", "fold"], "no such protocol"),
        ([made, "--score", "median"], "mean or max"),
        ([made, "--smooth", "0"], "--smooth"),
        ([made, "--report", tmp_path / "no" / "where.html"], "No such file"),
    ):
        refused = skink("eval", *words)
        assert refused.returncode == 2
        assert why in refused.stderr


def test_a_killed_sweep_goes_on(skink, skink_bin, made, tmp_path):
    journal = tmp_path / "sweep.jsonl"
    words = ["eval", "--json", made, "-d", "stide:window=2..16", "-d", "best", "--rounds", "4000"]
    whole = without_times(json.loads(skink(*words).stdout))
    running = subprocess.Popen([skink_bin, *map(str, words), "--resume", str(journal)],
                               stdout=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while time.monotonic() < end and (not journal.exists() or journal.read_text().count("\n") < 4):
        time.sleep(0.001)
    running.send_signal(signal.SIGKILL)
    running.wait()
    done = journal.read_text().count("\n") - 1
    assert 3 <= done < 16
    journal.write_text(journal.read_text() + '{"key": "torn')
    resumed = json.loads(skink(*words, "--resume", journal).stdout)
    assert journal.read_text().count("\n") == 1 + 16
    assert without_times(resumed) == whole
    # Once more: nothing is left to do, and the speeds are those that were noted.
    noted = {json.loads(line)["key"] for line in journal.read_text().splitlines()[1:]}
    assert len(noted) == 16
    other = skink("eval", made, "-d", "stide", "--resume", journal, "--protocol", "folds")
    assert other.returncode == 2
    assert "another evaluation" in other.stderr


class Page(html.parser.HTMLParser):
    """What a page loads, and whether every element is closed in order."""

    def __init__(self):
        super().__init__()
        self.tags, self.ids, self.loads = [], set(), []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        self.ids.add(attributes.get("id"))
        self.loads += [value for name, value in attrs if name in ("src", "href")]


@pytest.fixture
def browse(program, tmp_path):
    """Runs headless Chromium on a file: browse(path, "--dump-dom")."""
    chromium = program("chromium", "chromium")

    def run(path, *words):
        ran = subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             f"--user-data-dir={tmp_path}/chromium", *words, path.as_uri()],
            capture_output=True, timeout=120, check=False, cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr.decode()
        return ran.stdout.decode()

    return run


# Asks the page itself: which texts of a picture meet each other, or leave their picture?
LOOK = """
<script>
const bad = [];
for (const svg of document.querySelectorAll('figure svg')) {
  const frame = svg.getBoundingClientRect();
  const boxes = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
  boxes.forEach(([text, a], i) => {
    if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.top < frame.top - 1 ||
        a.bottom > frame.bottom + 1) bad.push('outside: ' + text);
    for (const [other, b] of boxes.slice(i + 1))
      if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3)
        bad.push('meet: ' + text + ' | ' + other);
  });
}
if (document.documentElement.scrollWidth > innerWidth) bad.push('wider than the window');
document.title = JSON.stringify({bad, lines: document.querySelectorAll('#roc polyline').length,
  bars: document.querySelectorAll('#attacks rect').length,
  rows: document.querySelectorAll('#curves tr').length});
</script>
"""


def test_the_report_in_a_browser(skink, made, tmp_path, browse):
    report = tmp_path / "report.html"
    ran = skink("eval", made, "-d", "stide:window=3..6", "-d", "bosc:bag=3..8", "-o", report)
    assert ran.returncode == 0, ran.stderr
    page = Page()
    page.feed(report.read_text())
    assert not page.loads
    assert "script" not in page.tags
    assert {"curves", "roc", "roc-left", "attacks", "growth", "thresholds", "costs"} <= page.ids
    looked = tmp_path / "looked.html"
    looked.write_text(report.read_text().replace("</body>", LOOK + "</body>"))
    for size in ("1100,2600", "600,3000"):
        dom = browse(looked, "--dump-dom", f"--window-size={size}")
        told = json.loads(html.unescape(re.search(r"<title>(.*?)</title>", dom)[1]))
        assert told == {"bad": [], "lines": 8, "bars": 16, "rows": 11}
    browse(report, f"--screenshot={tmp_path}/report.png", "--window-size=1100,2600")
    assert (tmp_path / "report.png").stat().st_size > 50_000
    browse(report, f"--print-to-pdf={tmp_path}/report.pdf", "--no-pdf-header-footer")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_the_example_of_the_manual(skink_bin, source, tmp_path):
    text = (source / "docs" / "eval.md").read_text()
    example = re.search(r"```sh\n(.*?)```", text, re.DOTALL)[1]
    path = f"{Path(skink_bin).parent}:{os.environ['PATH']}"
    ran = subprocess.run(["sh", "-ec", example], cwd=tmp_path, env={**os.environ, "PATH": path},
                         capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "stide:window=6" in ran.stdout
    assert (tmp_path / "report.html").exists()


# ---- published sets ----


def lid_ds_calls(second, calls):
    """The text of LID-DS 2021: a call's beginning and end, 1 ms apart."""
    lines, now = [], 1_631_252_000_000_000_000 + second * 10**9
    for call in calls:
        lines += [f"{now} 33 70 apache2 71 {call} > fd=3(<f>/a) size=10 ",
                  f"{now + 10} 33 70 apache2 71 {call} < res=10 data=aGVsbG8= "]
        now += 10**6
    return "\n".join(lines) + "\n"


def pack_recording(path, text, exploit=None):
    """A recording as the set's authors pack it: four files of one name, deflated."""
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "container": [{"ip": "172.18.0.2", "name": "victim", "role": "victim"},
                      {"ip": "172.18.0.3", "name": "user_0", "role": "normal"}],
        "exploit": exploit is not None, "exploit_name": "run", "image": "victim:latest",
        "recording_time": 1,
        "time": {"container_ready": {"absolute": 1_631_252_000.1, "source": "LOG"},
                 "exploit": [{"absolute": exploit, "name": "run", "source": "LOG"}] if exploit
                 else [],
                 "warmup_end": {"absolute": 1_631_252_000.2, "source": "PYTHON"}}}
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=8) as packed:
        packed.writestr(path.stem + ".json", json.dumps(about))
        packed.writestr(path.stem + ".sc", text)
        packed.writestr(path.stem + ".pcap", b"\xd4\xc3\xb2\xa1" + bytes(300))
        packed.writestr(path.stem + ".res", "timestamp,cpu_usage\n1,2\n")


def test_lid_ds_2021_as_its_authors_pack_it(skink, tmp_path):
    scenario = tmp_path / "LID-DS-2021" / "CVE-2014-0160"
    for i in range(4):
        normal = lid_ds_calls(i, LOOP * 20)
        pack_recording(scenario / "training" / f"calm_{i}.zip", normal)
        pack_recording(scenario / "validation" / f"even_{i}.zip", normal)
        pack_recording(scenario / "test" / "normal" / f"mild_{i}.zip", normal)
        # Something new at 40 ms is a false alarm; the exploit is at 100 ms, seen from 120 ms on.
        begin = 1_631_252_000 + i
        calls = LOOP * 5 + ["mprotect"] + LOOP * 10 + STRANGE + LOOP
        pack_recording(scenario / "test" / "normal_and_attack" / f"wild_{i}.zip",
                       lid_ds_calls(i, calls), begin + 0.1)
    (scenario / "training" / "distinct_syscalls.json").write_text('{"distinct_syscalls": 8}')
    document = evaluated(skink, scenario, "-d", "stide:window=3", "--scope", "thread")
    assert (document["dataset"], document["protocol"]) == ("lid-ds-2021", "lid-ds")
    assert document["traces"] == {
        "training": 4, "validation": 4, "normal": 4, "attack": 4, "calls": 4 * 3 * 160 + 4 * 135,
        "faults": 0, "repeated": document["traces"]["repeated"], "attacks_like_normal": 0}
    stide = document["detectors"][0]
    found = stide["at_threshold"]
    assert (found["attacks"], found["attacks_found"], found["false_alarms"]) == (4, 4, 4)
    assert found["precision"] == 0.5
    assert found["calls_to_detection"] == 22
    assert found["seconds_to_detection"] == pytest.approx(0.021, abs=0.0005)
    kind = stide["attacks"][0]
    assert (kind["kind"], kind["samples"], kind["recall"]) == ("CVE-2014-0160", 4, 1)
    assert kind["calls_to_detection"] == 22
    assert kind["seconds_to_detection"] == found["seconds_to_detection"]


@pytest.fixture(scope="module")
def adfa_ld(tmp_path_factory):
    """The published set, which may not be passed on: from $SKINK_DATA, packed or not."""
    data = Path(os.environ.get("SKINK_DATA", "/nonexistent"))
    if (data / "adfa-ld").exists():
        return data / "adfa-ld"
    packed = data / "adfa-ld.tar.zst"
    if not packed.exists():
        pytest.skip("data: needs adfa-ld.tar.zst in $SKINK_DATA")
    folder = tmp_path_factory.mktemp("adfa")
    subprocess.run(["tar", "-C", folder, "--zstd", "-xf", packed], check=True)
    return folder


def test_adfa_ld_gives_the_published_figures(skink, adfa_ld):
    document = evaluated(skink, adfa_ld, "-d", "stide:window=3/6/10", "-d", "best")
    areas = {one["asked"]: one["auc"] for one in document["detectors"]}
    assert areas["stide:window=3"] == pytest.approx(0.695, abs=0.003)
    assert areas["stide:window=6"] == pytest.approx(0.827, abs=0.003)
    assert areas["stide:window=10"] == pytest.approx(0.828, abs=0.003)
    assert areas["best"] > 0.84
