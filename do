#!/bin/sh
# Everything that is done with a clone of Skink. Each verb is complete in itself: it installs the
# Debian packages it needs (deploy/packages says which and why), builds, and runs.
set -eu
cd "$(dirname "$0")"
PATH=$PATH:/usr/sbin:/sbin # bpftool, for those who are not root

usage()
{
    cat <<'END'
usage: ./do VERB

  build       build build/skink
  demo        a shop in real containers, broken into and defended; writes build/demo.html (3 minutes)
  test        every test; the last line sums up
  bench       measure what Skink costs, beside its peers; `bench reuse`: how much sooner a new
              version is learned from the last one's profile (20 minutes, needs the npm registry);
              `bench replicas`: one service with 1 to 100 replicas (10 minutes)
  resilience  how well a service withstands an intruder: contained, replaced, unnoticed by shoppers;
              attempts against Skink itself (6 minutes; `availability`: another hour)
  campaign    the testbed's shop learned, left alone for two hours, attacked: what is found, what is
              not, false alarms, entry points (4 hours)
  install     install into /usr/local (or PREFIX): program, library, manual page, systemd unit
  clean       remove everything that was built

  lint        the static checks alone (`lint --fix` formats the sources)
  fuzz        the fuzz targets alone, SKINK_FUZZ_SECONDS each (6)
  test-fresh  the two commands, demo and test, in a minimal Debian 12 made for it
  test-vm     Skink in a virtual machine: Debian's 6.1 kernel, systemd, pure cgroup v2
END
}

as_root()
{
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Makes sure of the packages of each GROUP; a second time this costs nothing.
packages() # GROUP...
{
    missing=$(deploy/install-packages --missing "$@")
    [ -z "$missing" ] && return
    echo "do: $verb needs these Debian packages, installing them:"
    echo "$missing"
    as_root deploy/install-packages "$@"
    [ -d build ] || return 0
    meson configure build --clearcache # what was missing before is there now
    meson setup --reconfigure build >/dev/null
}

build() # [MESON OPTION...]
{
    [ -d build ] || meson setup build --prefix "${PREFIX:-/usr/local}" >/dev/null
    [ $# = 0 ] || meson configure build "$@"
    meson compile -C build
}

verb=${1:-help}
[ $# = 0 ] || shift
case $verb in
build)
    packages build
    build
    ;;
demo)
    packages build demo
    build
    as_root build/skink demo --report build/demo.html "$@"
    ;;
test | lint | fuzz)
    packages build demo testbed test
    build -Dwerror=true
    [ "$verb" = test ] || set -- "$verb" "$@"
    tests/suite "$@"
    ;;
bench)
    if [ "${1:-}" = reuse ]; then # what docs/results/reuse.md shows
        shift
        packages build reuse
        build
        as_root python3 bench/reuse/reuse.py "$@"
        exit
    fi
    packages build demo bench
    build
    if [ "${1:-}" = replicas ]; then # what docs/results/replicas.md shows
        shift
        as_root python3 bench/replicas.py "$@"
        exit
    fi
    as_root python3 bench/bench.py "$@"
    ;;
resilience)
    packages build demo resilience
    build
    as_root /usr/bin/python3 -B bench/resilience/resilience.py "$@"
    ;;
campaign)
    packages build testbed
    build
    as_root python3 bench/campaign/campaign.py "$@"
    ;;
install)
    packages build
    build
    as_root meson install -C build --no-rebuild
    as_root ldconfig # libskink is new
    echo 'do: to start it now and at every boot: systemctl daemon-reload && systemctl enable --now skink'
    ;;
test-fresh)
    packages fresh
    as_root tests/fresh/run "$@"
    ;;
test-vm)
    packages build vm
    build
    as_root tests/vm/run "$@"
    ;;
clean)
    rm -rf build build-asan build-fuzz
    ;;
help | -h | --help)
    usage
    ;;
*)
    echo "do: $verb: no such verb (./do help lists them)" >&2
    exit 2
    ;;
esac
