"""`domicile check`: validates a stack's configuration and touches nothing."""

from __future__ import annotations

from domicile.cli.exit import print_json
from domicile.cli.project import Json, Stack, configuration


def check(stack: Stack = "local", json: Json = False) -> None:
    """Validate a stack's configuration, whole, and touch nothing.

    Every fault is listed with its path, its value, what is allowed and the fix. With --json: the configuration in force, or the faults.
    """
    config = configuration(stack, json)
    if json:
        print_json(config.model_dump(mode="json", by_alias=True))
        return
    rules = len(config.egress.rules)
    print(f"stack {stack}: the configuration is right")
    print(
        f"  {config.platform}, jurisdiction {config.jurisdiction}, control plane {config.control_plane.kind} ({config.control_plane.url})"
    )
    host = config.worker_host
    print(f"  environment {config.environment.shown}, {host.capacity} sessions at once, {host.warm} sandboxes warm")
    if config.aws:
        zones, account = ", ".join(config.aws.zones), config.aws.account
        print(f"  AWS {config.aws.region} ({zones}), account {account}; where data lies: `domicile residency {stack}`")
    print(f"  egress: {rules} {'rule' if rules == 1 else 'rules'}; audit sinks beside the archive: {len(config.audit.sinks)}")
