"""`skink profile export --seccomp`: containers under the filter that it writes."""

import json
import subprocess
from http.client import HTTPException

import pytest

from engines import dockerd, make_bundle

READS = ("/usr/bin/cat", "/proc/self/status")
MAKES_FOLDER = ("/usr/bin/mkdir", "/dev/shm/new")  # a call that reading a file does not need


@pytest.fixture
def reader_filter(skink, root, tmp_path):
    """reader_filter("runc") is the filter of what `cat` does, as a file."""
    trace, profile = tmp_path / "cat.trace", tmp_path / "cat.profile"
    assert skink("record", "-o", trace, "--", *READS).returncode == 0
    assert skink("learn", "-o", profile, "--window", 2, "--bag", 2, trace).returncode == 0

    def export(runtime):
        written = tmp_path / f"{runtime}.json"
        done = skink("profile", "export", profile, "--seccomp", "--runtime", runtime, "-o", written)
        assert done.returncode == 0, done.stderr
        return written

    return export


@pytest.mark.parametrize("runtime, no_new_privileges",
                         [("runc", False), ("runc", True), ("runc-no-new-privs", True)])
def test_runc_starts_what_was_seen_and_refuses_the_rest(reader_filter, program, tmp_path, runtime,
                                                        no_new_privileges):
    program("runc", "runc")

    def contained(command):
        bundle = make_bundle(tmp_path / command[0].rpartition("/")[2], command=command)
        config = json.loads((bundle / "config.json").read_text())
        config["linux"]["seccomp"] = json.loads(reader_filter(runtime).read_text())
        config["process"]["noNewPrivileges"] = no_new_privileges
        (bundle / "config.json").write_text(json.dumps(config))
        return subprocess.run(["runc", "--root", tmp_path / "state", "run", "--bundle", bundle,
                               f"skink-export-{command[0][-3:]}"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)

    read = contained(READS)
    assert "Seccomp:\t2" in read.stdout, read.stderr
    refused = contained(MAKES_FOLDER)
    assert refused.returncode != 0
    assert "Operation not permitted" in refused.stderr


def test_docker_takes_the_same_file(reader_filter, program, tmp_path, engines_cgroups):
    with dockerd(tmp_path / "docker", program) as docker:
        def contained(*command, **options):
            return docker("run", "--rm", "--net=none", "-v", "/usr:/usr:ro", "--security-opt",
                          f"seccomp={reader_filter('runc')}", "skel:1", *command, **options)

        assert "Seccomp:\t2" in contained(*READS)
        with pytest.raises(subprocess.CalledProcessError) as refused:
            contained(*MAKES_FOLDER, stderr=subprocess.PIPE)
        assert "Operation not permitted" in refused.value.stderr


def test_a_service_works_under_the_filter_learned_from_it(skink, watching, web):
    daemon, replica = watching("web-1")
    daemon.end()  # writes the profile
    profile, = daemon.state.glob("profiles/web@*.profile")
    exported = skink("profile", "export", profile, "--seccomp")
    replica.stop()
    config = replica.directory / "config.json"
    spec = json.loads(config.read_text())
    spec["linux"]["seccomp"] = json.loads(exported.stdout)
    config.write_text(json.dumps(spec))
    replica.start()
    replica.wait_port(8000)
    for _ in range(20):
        assert web.get(replica) == "hello\n"
    with pytest.raises((HTTPException, OSError)):  # the hole starts a shell: the fork is refused
        web.run(replica, "id")
    assert "PermissionError" in replica.log.read_text()
    assert web.get(replica) == "hello\n"
