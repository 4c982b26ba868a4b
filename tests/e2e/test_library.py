"""libskink as it is installed: the program of docs/library.md, built as that page says."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(name="installed", scope="module")
def fixture_installed(skink_bin, program, tmp_path_factory):
    """A root directory with everything that `./do install` installs."""
    root = tmp_path_factory.mktemp("installed")
    subprocess.run([program("meson", "meson"), "install", "-C", Path(skink_bin).parent,
                    "--no-rebuild", "--destdir", root], check=True, capture_output=True, timeout=60)
    return root


@pytest.fixture(name="environment", scope="module")
def fixture_environment(installed, program):
    program("pkg-config", "pkg-config")
    config, = installed.rglob("skink.pc")
    return {**os.environ, "PKG_CONFIG_PATH": str(config.parent),
            "PKG_CONFIG_SYSROOT_DIR": str(installed),
            "LD_LIBRARY_PATH": str(config.parent.parent)}


def run(command, environment, folder, check=True):
    return subprocess.run(["sh", "-c", command], env=environment, cwd=folder, check=check,
                          capture_output=True, text=True, timeout=60)


@pytest.fixture(name="judge", scope="module")
def fixture_judge(source, environment, program, tmp_path_factory):
    """Builds the manual's program and runs it: judge(PROFILE, TRACE)."""
    program("cc", "gcc")
    folder = tmp_path_factory.mktemp("judge")
    page = (source / "docs" / "library.md").read_text()
    (folder / "judge.c").write_text(re.search(r"```c\n(.*?)```", page, re.DOTALL)[1])
    build = next(line for line in page.splitlines() if line.startswith("cc "))
    run(build.replace("cc ", "cc -Wall -Wextra -Werror ", 1), environment, folder)
    return lambda *words: run(f"./judge {' '.join(map(str, words))}", environment, folder, False)


@pytest.mark.parametrize("odd", [False, True])
def test_the_program_of_the_manual_says_what_detect_says(judge, skink, tmp_path, odd):
    calm, other, profile = (tmp_path / name for name in ("calm.txt", "other.txt", "p.profile"))
    calm.write_text("read write close openat\n" * 100)
    other.write_text(calm.read_text() + "execve socket connect dup2\n" * 5 * odd)
    assert skink("learn", "-o", profile, calm).returncode == 0
    detected = skink("detect", "--json", profile, other)
    said = json.loads(detected.stdout)[0]
    judged = judge(profile, other)
    windows = said["windows"]
    alarms = windows["crossings"] + said["bags"]["crossings"]
    assert judged.stdout == (f"{windows['mismatches']} of {windows['checked']} windows unknown, "
                             f"{alarms} alarms\n"), judged.stderr
    assert judged.returncode == detected.returncode == odd


def test_it_says_what_is_wrong(judge, tmp_path):
    missing = judge(tmp_path / "none.profile", "-")
    assert missing.returncode == 2
    assert f"{tmp_path}/none.profile" in missing.stderr
    assert "usage: judge" in judge().stderr


def test_nothing_but_skink_can_be_seen(installed, program):
    library, = installed.rglob("libskink.so.0")
    listed = subprocess.run([program("nm", "binutils"), "-D", "--defined-only", library],
                            check=True, capture_output=True, text=True, timeout=60)
    names = {line.split()[-1] for line in listed.stdout.splitlines()}
    header, = installed.rglob("skink.h")
    declared = set(re.findall(r"\b(skink_[a-z_]+)\(", header.read_text()))
    assert names == declared


def test_the_header_is_also_one_of_cplusplus(environment, program, tmp_path):
    program("cc", "gcc")
    for language in ("c -std=c99", "c++ -std=c++11"):
        run(f"echo '#include <skink.h>' | cc -x {language} -Wall -Wextra -pedantic -Werror "
            "-fsyntax-only $(pkg-config --cflags skink) -", environment, tmp_path)


def test_the_versions_agree(environment, skink, tmp_path):
    version = run("pkg-config --modversion skink", environment, tmp_path).stdout.strip()
    assert skink("--version").stdout == f"skink {version}\n"
