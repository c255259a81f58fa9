"""What a machine is told at its first start: an Ignition configuration in the settings bucket, and user data that points to it by hash.

Fedora CoreOS, because podman with Quadlet, an immutable system, automatic disk set-up and Ignition's own reading of `s3://` with the
instance's role are all in the image: a machine without a route out installs nothing. (Debian 12's podman has no Quadlet, and a Debian
image no podman at all.) Form: Ignition's specification 3.4.0.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from domicile.aws.names import Names
from domicile.worker_hosts.quadlet import AUTH_FILE, LOGIN_UNIT

VERSION = "3.4.0"
USER_DATA_BYTES = 16 << 10
"""EC2's limit, before base64."""

LOGIN = "/usr/local/bin/domicile-registry-login"
_MODE = 0o644


@dataclass(frozen=True)
class MachineFile:
    """A file that the machine has from its first start."""

    path: str
    content: str
    mode: int = _MODE


def configuration(names: Names, files: tuple[MachineFile, ...], quadlets: Mapping[str, str], units: Mapping[str, str]) -> str:
    """The whole configuration as JSON. `quadlets` by their service's name, `units` by their own."""
    containers = tuple(MachineFile(f"/etc/containers/systemd/{name}.container", text) for name, text in quadlets.items())
    login = MachineFile(LOGIN, _login_script(names), 0o755)
    every = {LOGIN_UNIT: _LOGIN, **units}
    return json.dumps(
        {
            "ignition": {"version": VERSION},
            "storage": {"files": [_file(file) for file in (login, *containers, *files)]},
            "systemd": {"units": [{"name": name, "enabled": True, "contents": text} for name, text in every.items()]},
        }
    )


def pointer(bucket: str, key: str, content: str) -> str:
    """User data: where the configuration is, and the hash without which it isn't taken. Far below EC2's limit."""
    digest = hashlib.sha512(content.encode()).hexdigest()
    replace = {"source": f"s3://{bucket}/{key}", "verification": {"hash": f"sha512-{digest}"}}
    text = json.dumps({"ignition": {"version": VERSION, "config": {"replace": replace}}})
    return base64.b64encode(text.encode()).decode()


def object_key(noun: str, content: str) -> str:
    """By its hash, so that machines of two releases each find their own."""
    return f"{noun}/{hashlib.sha256(content.encode()).hexdigest()}.ign"


def _file(file: MachineFile) -> dict[str, object]:
    source = "data:;base64," + base64.b64encode(file.content.encode()).decode()
    return {"path": file.path, "mode": file.mode, "overwrite": True, "contents": {"source": source}}


_LOGIN = f"""[Unit]
Description=Domicile registry login
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
RuntimeDirectory=domicile
RuntimeDirectoryPreserve=yes
UMask=0077
ExecStart={LOGIN}
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
"""


def _login_script(names: Names) -> str:
    """ECR's login with what the image has: curl signs by itself. Secrets go by standard input, never in arguments."""
    return f"""#!/bin/bash
set -euo pipefail
imds=http://169.254.169.254/latest
token=$(curl -sSf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$imds/api/token")
ask() {{
  printf 'header = "X-aws-ec2-metadata-token: %s"\\n' "$token" | curl -sSf --config - "$imds/meta-data/iam/security-credentials/$1"
}}
keys=$(ask "$(ask '')")
of() {{ jq -er ".$1" <<<"$keys"; }}
answer=$(printf 'user = "%s:%s"\\nheader = "x-amz-security-token: %s"\\n' "$(of AccessKeyId)" "$(of SecretAccessKey)" "$(of Token)" |
  curl -sSf --config - --aws-sigv4 "aws:amz:{names.region}:ecr" \\
    -H 'content-type: application/x-amz-json-1.1' \\
    -H 'x-amz-target: AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken' \\
    --data '{{}}' "https://api.ecr.{names.region}.amazonaws.com/")
jq -e '{{auths: {{"{names.registry}": {{auth: .authorizationData[0].authorizationToken}}}}}}' <<<"$answer" >{AUTH_FILE}.new
mv {AUTH_FILE}.new {AUTH_FILE}
"""
