"""DOM-EGR-100: Sandboxes reach what is declared, and nothing else. Of the project that it is tried in nothing is declared."""

import json
from ipaddress import IPv4Address

import pulumi

from domicile.machine.files import File
from domicile.machine.namespace import NetworkNamespace
from domicile_host.settings import EgressPolicy

ALONE = True
UNKNOWN = "undecided"

DOOR = "100.96.0.1"
FILTER = f"""\
table inet domicile {{
    chain input {{
        type filter hook input priority filter; policy drop;
        iifname "sb*" ip daddr {DOOR} tcp dport {{ 3128, 8080 }} accept
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
    }}
    chain output {{
        type filter hook output priority filter; policy drop;
        ip daddr {{ 10.0.0.2 }} udp dport 53 accept
    }}
}}
"""


def _settings(*hosts: str) -> str:
    rules = [{"host": host} for host in hosts]
    policy = EgressPolicy.model_validate({"rules": rules, "resolvers": [IPv4Address("10.0.0.2")]})
    return json.dumps({"network": {"proxy_address": DOOR}, "egress": policy.model_dump(mode="json")})


def _host(settings: pulumi.Input[str], firewall: str = FILTER) -> None:
    NetworkNamespace("services", name="tried", addresses=[f"{DOOR}/32"], firewall=firewall, sysctls={})
    File("settings", path="/run/tried/settings.json", content=settings)
    bootstrap = {"static_resources": {"listeners": [], "clusters": []}}
    File("egress-bootstrap", path="/run/tried/bootstrap.json", content=json.dumps(bootstrap))


def passing(at):
    _host(_settings())


def failing(at):
    _host(
        _settings("attacker.example.com"),
        FILTER.replace("hook forward priority filter; policy drop", "hook forward priority filter; policy accept"),
    )


def unknown(at):
    _host(at.unknown)
