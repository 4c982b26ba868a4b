"""Who speaks to whom, both ends joined: real containers, through a proxy, translated addresses, IPv6,
UDP and unix sockets. What the daemon saw is what it keeps in flows.json."""

import json
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import network
import pytest
from conftest import wait_until
from containers import Image

SETTLED = 7  # a peer that is unknown for five seconds is taken for outside
TRANSPORTS = ("tcp", "udp", "unix")
STAY = "\nimport time\nwhile True: time.sleep(60)"
WEB = "from http.server import *\nHTTPServer(('{bind}', 8000), SimpleHTTPRequestHandler).serve_forever()"
WEB6 = """\
import http.server, socket
class Server(http.server.HTTPServer):
    address_family = socket.AF_INET6
Server(("::", 8000), http.server.SimpleHTTPRequestHandler).serve_forever()"""
ASK = """\
import time, urllib.request
for _ in range(100):
    try:
        urllib.request.urlopen("http://{address}/", timeout=5).read()
        break
    except OSError:
        time.sleep(0.1)
"""
ECHO_UDP = """\
import socket
server = socket.socket(socket.{family}, socket.SOCK_DGRAM)
server.bind(("", 5300))
while True:
    data, peer = server.recvfrom(100)
    server.sendto(data, peer)"""
ASK_UDP = """\
import socket, time
client = socket.socket(socket.{family}, socket.SOCK_DGRAM)
client.settimeout(0.2)
answers = 0
while answers < 3:
    client.sendto(b"?", ("{address}", 5300))
    try:
        answers += client.recvfrom(100)[0] == b"?"
    except OSError:
        time.sleep(0.1)
"""
# As HAProxy binds: under another name first, which is then moved to where clients look.
SERVE_UNIX = """\
import os, socket
server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
server.bind("/sockets/db.new")
os.chmod("/sockets/db.new", 0o777)
os.rename("/sockets/db.new", "/sockets/db")
server.listen()
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/sockets/log")
hidden = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
hidden.bind("\\0hidden")
hidden.listen()
while True:
    server.accept()[0].close()"""
CALL_UNIX = """\
import os, socket, time
def call(address):
    for _ in range(100):
        try:
            return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect(address)
        except OSError:
            time.sleep(0.1)
"""


@dataclass
class Graph:
    """The daemon and the containers of one test."""

    system: object
    daemon: object
    containers: list = field(default_factory=list)

    def container(self, service, command, pod=None, **image):
        """A started container; pod: another one whose network it shares. A text is Python."""
        if isinstance(command, str):
            command = ["/usr/bin/python3", "-S", "-B", "-c", command]
        made = self.system.container(f"{service}-1", Image(service, "1", command, **image))
        if pod:
            made.namespace = pod.namespace
        made.start()
        self.containers.append(made)
        return made

    def host(self, *lines, nft=""):
        """The host of the containers' network: lines of `ip`, and rules."""
        hub = self.system.network.hub
        network._ip(hub, *lines)
        with network.inside(hub):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
            subprocess.run(["nft", "-f", "-"], input=nft, text=True, check=True)

    def edges(self):
        """All flows when everything has come to rest: (from, to, transport, port): count."""
        for container in self.containers:
            service = container.image.service
            assert wait_until(lambda service=service: self.daemon.replicas(service)), service
        time.sleep(SETTLED)
        self.daemon.end()
        kept = json.loads((self.daemon.state / "flows.json").read_text())["flows"]
        return {(flow["from"], flow["to"], TRANSPORTS[flow["transport"]], flow["port"]):
                flow["count"] for flow in kept}


@pytest.fixture(name="graph")
def graph_fixture(system, agent):
    return Graph(system, agent().start())


def ask(address):
    return ASK.format(address=address) + STAY


def test_through_a_proxy(graph, program, tmp_path):
    haproxy = program("haproxy", "haproxy")
    store = graph.container("store", WEB.format(bind="0.0.0.0"))
    store.wait_port(8000)
    (tmp_path / "haproxy.cfg").write_text(
        "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n"
        f"listen store\n bind :8080\n server one {store.address}:8000\n")
    proxy = graph.container("proxy", [haproxy, "-db", "-f", "/etc/haproxy/haproxy.cfg"],
                            folders={"/etc/haproxy": tmp_path})
    graph.container("shop", ask(f"{proxy.address}:8080"))
    assert graph.edges().keys() == {("shop", "proxy", "tcp", 8080), ("proxy", "store", "tcp", 8000)}


def test_a_caller_that_has_gone_was_not_outside(graph):
    store = graph.container("store", WEB.format(bind="0.0.0.0"))
    store.wait_port(8000)
    shop = graph.container("shop", ask(f"{store.address}:8000"))

    assert wait_until(lambda: graph.daemon.replicas("shop"))
    time.sleep(SETTLED)
    graph.containers.remove(shop)
    shop.stop()
    assert wait_until(lambda: not graph.daemon.replicas("shop"))
    assert graph.edges().keys() == {("shop", "store", "tcp", 8000)}


def test_a_published_port(graph, program):
    """The host translates both addresses, as an engine does for a published port that one of its own
    containers calls; the server sees the host."""
    program("nft", "nftables")
    store = graph.container("store", WEB.format(bind="0.0.0.0"))
    store.wait_port(8000)
    graph.host("address add 10.77.0.254/24 dev br0", nft=f"""
        table ip nat {{
            chain to {{ type nat hook prerouting priority dstnat;
                tcp dport 8080 dnat to {store.address}:8000; }}
            chain from {{ type nat hook postrouting priority srcnat;
                ip saddr 10.77.0.0/24 masquerade; }}
        }}""")
    graph.container("shop", ask("10.77.0.254:8080"))
    assert graph.edges() == {("shop", "store", "tcp", 8080): 0, ("shop", "store", "tcp", 8000): 1}


def test_an_address_of_a_service(graph, program):
    """The caller's side translates whom it calls, as Kubernetes does with a service's address."""
    program("nft", "nftables")
    store = graph.container("store", WEB.format(bind="0.0.0.0"))
    store.wait_port(8000)
    shop = graph.system.container("shop-1", Image("shop", "1", [
        "/usr/bin/python3", "-S", "-B", "-c", ask("10.96.0.1:80")]))
    network._ip(shop.namespace, "route add 10.96.0.1 dev eth0")
    with network.inside(shop.namespace):
        subprocess.run(["nft", "-f", "-"], text=True, check=True, input=f"""
            table ip nat {{
                chain to {{ type nat hook output priority -100;
                    ip daddr 10.96.0.1 tcp dport 80 dnat to {store.address}:8000; }}
            }}""")
    shop.start()
    graph.containers.append(shop)
    assert graph.edges() == {("shop", "store", "tcp", 80): 0, ("shop", "store", "tcp", 8000): 1}


def test_ipv6(graph):
    store = graph.container("store", WEB6)
    network._ip(store.namespace, "address add fd77::1/64 dev eth0 nodad")
    names = graph.container("names", ECHO_UDP.format(family="AF_INET6"))
    network._ip(names.namespace, "address add fd77::2/64 dev eth0 nodad")
    shop = graph.system.container("shop-1", Image("shop", "1", [
        "/usr/bin/python3", "-S", "-B", "-c",
        ASK.format(address="[fd77::1]:8000")
        + ASK_UDP.format(family="AF_INET6", address="fd77::2") + STAY]))
    network._ip(shop.namespace, "address add fd77::3/64 dev eth0 nodad")
    shop.start()
    graph.containers.append(shop)
    assert graph.edges().keys() == {("shop", "store", "tcp", 8000), ("shop", "names", "udp", 5300)}


def test_datagrams(graph):
    """Both ends are known, and what the server sends back is no call."""
    names = graph.container("names", ECHO_UDP.format(family="AF_INET"))
    graph.container("shop", ASK_UDP.format(family="AF_INET", address=names.address) + STAY)
    edges = graph.edges()
    assert edges.keys() == {("shop", "names", "udp", 5300)} and sum(edges.values()) >= 3


def test_a_client_outside_sends_datagrams(graph):
    """Nobody sees the sender, so the receiver says that it was called."""
    names = graph.container("names", ECHO_UDP.format(family="AF_INET"))
    client = graph.system.host("client")
    graph.system.spawn(["/usr/bin/python3", "-S", "-c",
                        ASK_UDP.format(family="AF_INET", address=names.address)], client).wait(20)
    assert graph.edges().keys() == {("(outside)", "names", "udp", 5300)}


def test_unix_sockets(graph, tmp_path):
    """Two containers that share a folder, which each has at a place of its own; and one that shares
    the network of another, and so its abstract names."""
    shared = tmp_path / "sockets"
    shared.mkdir()
    shared.chmod(0o777)
    store = graph.container("store", SERVE_UNIX, volumes={"/sockets": shared})
    graph.container("shop", CALL_UNIX + 'call("/srv/../srv/db")\nos.chdir("/srv")\n'
                    'socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"!", "log")' + STAY,
                    volumes={"/srv": shared})
    graph.container("side", CALL_UNIX + 'call("\\0hidden")' + STAY, pod=store)
    graph.container("lost", CALL_UNIX + 'call("/tmp/nobody")' + STAY)
    assert graph.edges() == {("shop", "store", "unix", 0): 2, ("side", "store", "unix", 0): 1}
