"""Runs a machine's network program in a namespace that stands for the machine, and tells who reaches what.

Started by `test_worker_hosts.py` under `unshare --net --mount`: python network_driver.py PROGRAM.
"""

import json
import os
import subprocess
import sys

METADATA, DOOR, ELSEWHERE = ("169.254.169.254", 80), ("10.64.0.30", 3128), ("203.0.113.9", 443)
MACHINE, INSIDE = ("10.64.0.4", 9), "domicile-tokyo"
GATEWAY, EGRESS = 65530, 65531
SERVE = """import socket, sys
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
print(flush=True)
while True: server.accept()[0].close()"""
DIAL = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=1)"


def inside(namespace):
    return ["ip", "netns", "exec", namespace] if namespace else []


def reaches(place, uid=0, namespace=None):
    command = [*inside(namespace), "setpriv", f"--reuid={uid}", "--clear-groups", sys.executable, "-c", DIAL, place[0], str(place[1])]
    return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0


def serving(place, namespace=None):
    command = [*inside(namespace), "setpriv", "--pdeathsig=KILL", sys.executable, "-c", SERVE, place[0], str(place[1])]
    server = subprocess.Popen(command, stdout=subprocess.PIPE)
    server.stdout.readline()
    return server


def world():
    """This namespace as a machine, beside one that stands for the VPC and what lies behind it."""
    os.makedirs("/run/netns", exist_ok=True)
    for command in (
        "mount --make-rprivate /",
        "mount -t tmpfs tmpfs /run/netns",
        "ip link set lo up",
        "ip netns add vpc",
        "ip link add eth0 type veth peer name eth0 netns vpc",
        f"ip address add {MACHINE[0]}/24 dev eth0",
        "ip link set eth0 up",
        "ip -n vpc link set lo up",
        "ip -n vpc link set eth0 up",
        "ip -n vpc address add 10.64.0.1/24 dev eth0",
        *(f"ip -n vpc address add {place[0]}/32 dev lo" for place in (METADATA, DOOR, ELSEWHERE)),
        "ip route add default via 10.64.0.1",
        f"ip route add {DOOR[0]}/32 via 10.64.0.1",
    ):
        subprocess.run(command.split(), check=True)


def main():
    world()
    subprocess.run(["bash", sys.argv[1]], check=True, stdout=sys.stderr)
    servers = [serving(place, "vpc") for place in (METADATA, DOOR, ELSEWHERE)] + [serving(MACHINE)]
    found = {
        "root": reaches(METADATA),
        "gateway": reaches(METADATA, GATEWAY),
        "service": reaches(METADATA, namespace=INSIDE),
        "second door": reaches(DOOR, EGRESS, INSIDE),
        "elsewhere": reaches(ELSEWHERE, EGRESS, INSIDE),
        "inwards": reaches(MACHINE, namespace="vpc"),
    }
    subprocess.run([*inside(INSIDE), "nft", "flush", "ruleset"], check=True)
    found["service without its own filter"] = reaches(METADATA, namespace=INSIDE)
    for server in servers:
        server.kill()
        server.wait()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
