"""Runs the tier's Envoy in a network namespace of its own beside a DNS server and a host, dials through it, prints what came of it.

Started by `test_tier.py` under `unshare --net`: python tier_driver.py BOOTSTRAP ENVOY CASES.
"""

import json
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection

from dnslib import QTYPE, RR, A
from dnslib.server import BaseResolver, DNSServer

HERE = "203.0.113.77"
ADDRESSES = {"rebound.example.com": "10.0.0.9", "refused.example.com": "198.51.100.9"}


class Resolver(BaseResolver):
    def resolve(self, request, handler):
        name = str(request.q.qname).rstrip(".").lower()
        reply = request.reply()
        if request.q.qtype == QTYPE.A:
            reply.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(ADDRESSES.get(name, HERE)), ttl=60))
        return reply


def echo(port):
    server = socket.create_server((HERE, port))
    while True:
        peer, _ = server.accept()
        peer.sendall(b"hello\n")
        peer.close()


def dial(request, port=3128):
    try:
        door = socket.create_connection((HERE, port), timeout=10)
    except ConnectionRefusedError:
        return 0, False
    with door:
        door.settimeout(10)
        door.sendall(request.encode())
        answer = b""
        while not answer.endswith(b"hello\n"):
            more = door.recv(4096)
            if not more:
                break
            answer += more
            if b"\r\n\r\n" in answer and not answer.startswith(b"HTTP/1.1 200"):
                break
    return int(answer.split()[1]), answer.endswith(b"hello\n")


def ready():
    connection = HTTPConnection(HERE, 8081, timeout=2)
    connection.request("GET", "/ready")
    return connection.getresponse().status


def main():
    bootstrap, program, cases = sys.argv[1:]
    for command in ("ip link set lo up", f"ip address add {HERE}/32 dev lo"):
        subprocess.run(command.split(), check=True)
    DNSServer(Resolver(), address=HERE, port=53).start_thread()
    for port in (443, 8443):
        threading.Thread(target=echo, args=(port,), daemon=True).start()
    envoy = subprocess.Popen(
        [program, "--config-path", bootstrap, "--disable-hot-restart", "--log-level", "error"], stdout=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + 30
        while True:
            try:
                status = ready()
                break
            except OSError:
                if time.monotonic() > end or envoy.poll() is not None:
                    raise
                time.sleep(0.05)
        print(json.dumps({"ready": status, **{name: dial(*case) for name, case in json.loads(cases).items()}}))
    finally:
        envoy.kill()
        envoy.wait()


main()
