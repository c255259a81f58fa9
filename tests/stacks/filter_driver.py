"""Puts a machine's packet filter into force in a namespace that stands for the machine, and tells who reaches what.

Started by `test_machines.py` under `unshare --net --mount`: python filter_driver.py FILTER USER PORTS.
"""

import json
import subprocess
import sys

from network_driver import ELSEWHERE, MACHINE, METADATA, reaches, serving, world


def main():
    rules, user, ports = sys.argv[1], int(sys.argv[2]), [int(port) for port in sys.argv[3:]]
    world()
    places = [(MACHINE[0], port) for port in ports]
    servers = [serving(place, "vpc") for place in (METADATA, ELSEWHERE)] + [serving(place) for place in places]
    before = reaches(METADATA, user)
    subprocess.run(["nft", "-f", rules], check=True)
    found = {
        "service before": before,
        "root": reaches(METADATA),
        "service": reaches(METADATA, user),
        "elsewhere": reaches(ELSEWHERE, user),
        "inwards": [port for _, port in places if reaches((MACHINE[0], port), namespace="vpc")],
    }
    for server in servers:
        server.kill()
        server.wait()
    print(json.dumps(found))


main()
