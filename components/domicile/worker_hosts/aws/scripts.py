"""Programs of a worker host's machine, run by its units as root. What services themselves need goes to them through files.

Each is a text for `aws.ignition`; tests run them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from domicile.aws.names import Names
from domicile.aws.packet_filter import packet_filter
from domicile.aws.scripts import begin, metrics
from domicile.machine.identities import GROUP
from domicile.network.services import SYSCTLS, uplink
from domicile.places import StackPlaces
from domicile.worker_hosts.quadlet import AUTH_FILE
from domicile_host.image_signature import signed_name
from domicile_host.settings import AwsSecrets, HostSettings, SandboxImage

PROGRAMS = "/usr/local/bin/domicile-"
TEMPLATES = "/etc/domicile"
"""Settings as they are alike on each machine, filters, and the key of the images."""

HOOK = "drain"
HEARTBEAT_SECONDS = 300
"""After which a machine that doesn't beat any more is let go; it beats every half minute."""

DRILL_SECONDS = 240
"""How long the dispatcher's answer is waited for: longer than a drill may take."""

RECORDS_SECONDS = 900
"""How long a machine that ends waits for sinks to take what is left of its records."""

COSIGN_NOTE = "dev.cosignproject.cosign/signature"
SPOT_SECONDS = 45
"""Of the two minutes that AWS gives a spot machine, what sessions get to end by themselves."""


@dataclass(frozen=True)
class Host:
    """What the programs are rendered from."""

    names: Names
    places: StackPlaces
    settings: HostSettings
    secrets: AwsSecrets
    drill_seconds: int
    """Between two drills."""


def programs(host: Host) -> dict[str, str]:
    """By name."""
    return {
        "role": _role(host),
        "prepare": _prepare(host),
        "network": _network(host),
        "images": sandbox_image(host.names, host.settings.sandboxes.image),
        "in-service": _in_service(),
        "drill": _drill(host),
        "end-of-life": _end_of_life(host),
    }


def _role(host: Host) -> str:
    """The role's credentials, for the services that may use them; the metadata service answers none of them."""
    file = host.secrets.role_file
    return f"""{begin()}
umask 0027
role >{file}.new
jq -e .AccessKeyId {file}.new >/dev/null
chgrp {GROUP} {file}.new
mv {file}.new {file}
"""


def _prepare(host: Host) -> str:
    """Puts this machine's name into its settings, and lets sandboxes read what they are given."""
    bootstrap = host.places.egress_bootstrap
    given = host.settings.sandboxes.ca_bundle.parent
    return f"""{begin()}
umask 0022
name=$(metadata instance-id)
jq --arg name "$name" '.host = $name' {TEMPLATES}/settings.json >{host.places.settings}
jq --arg name "$name" '.node.id = $name' {TEMPLATES}/bootstrap.json >{bootstrap}
if selinuxenabled; then chcon -R -t container_file_t -l s0 {given}; fi
"""


def _network(host: Host) -> str:
    """The services' namespace with its way to the machine; filters first. Run again, it makes both anew."""
    places, here_there = host.places, uplink(host.places.stack)
    here, there = here_there
    namespace, peer = places.namespace, places.uplink_peer
    sysctls = "\n".join(f"ip netns exec {namespace} sysctl -qw {name}={value}" for name, value in SYSCTLS.items())
    return f"""{begin()}
nft -f {TEMPLATES}/machine.nft
ip netns delete {namespace} 2>/dev/null || true
ip netns add {namespace}
{sysctls}
ip netns exec {namespace} nft -f {TEMPLATES}/services.nft
ip -n {namespace} link set lo up
ip -n {namespace} address add {host.settings.network.proxy_address}/32 dev lo
ip link add {peer} type veth peer name uplink netns {namespace}
ip address add {there} dev {peer}
ip link set {peer} up
ip -n {namespace} address add {here} dev uplink
ip -n {namespace} link set uplink up
ip -n {namespace} route add default via {there.split("/")[0]}
sysctl -qw net.ipv4.ip_forward=1
"""


def machine_filter(places: StackPlaces) -> str:
    """The machine's own packet filter: nobody comes in, the services' namespace gets no metadata, nor does anyone here but root."""
    here, peer = uplink(places.stack)[0].split("/")[0], places.uplink_peer
    forward = f"""\
    chain forward {{
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        ip daddr 169.254.0.0/16 drop
        iifname "{peer}" ip saddr {here} accept
    }}
"""
    postrouting = f"""\
    chain postrouting {{
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr {here} oifname != "{peer}" masquerade
    }}
"""
    return packet_filter("domicile_machine", forward=forward, postrouting=postrouting)


def sandbox_image(names: Names, image: SandboxImage) -> str:
    """The sandboxes' image, which no unit pulls, under the name that it is signed with; and its signature, for the dispatcher to check."""
    signed = signed_name("sandbox")
    hexadecimal = image.digest.removeprefix("sha256:")
    repository = names.repository("sandbox")
    return f"""{begin()}
export REGISTRY_AUTH_FILE={AUTH_FILE}
pinned=$registry/{repository}@{image.digest}
podman image exists "$pinned" || podman pull --quiet "$pinned"
podman tag "$pinned" {signed}:{hexadecimal[:16]}

fetch() {{
  jq -er --arg registry "$registry" '"header = \\"authorization: Basic \\(.auths[$registry].auth)\\""' {AUTH_FILE} |
    curl -sSf --max-time 60 --location --config - "$@"
}}
manifest=$(fetch -H 'accept: application/vnd.oci.image.manifest.v1+json' "https://$registry/v2/{repository}/manifests/sha256-{hexadecimal}.sig")
layer=$(jq -er '.layers[0]' <<<"$manifest")
fetch "https://$registry/v2/{repository}/blobs/$(jq -er .digest <<<"$layer")" | base64 -w0 |
  jq -R --argjson layer "$layer" '{{payload: ., signature: $layer.annotations["{COSIGN_NOTE}"]}}' >{image.signature}.new
mv {image.signature}.new {image.signature}
"""


def _in_service() -> str:
    """Ends when the group counts on this machine: one that is only kept warm takes no work."""
    return f"""{begin()}
until [ "$(metadata autoscaling/target-lifecycle-state)" = InService ]; do sleep 5; done
"""


def _drill(host: Host) -> str:
    """Asks the dispatcher for a drill and tells how it ended. No answer is a failed one; a machine that takes no work yet holds none."""
    told = metrics(host.names, {"DrillPassed": "$passed", "DrillFailed": "$((1 - passed))"})
    return f"""{begin()}
if ! systemctl is-active --quiet domicile-in-service.service; then exit 0; fi
report=$(curl -sS --fail-with-body --max-time {DRILL_SECONDS} --retry 5 --retry-delay 20 --retry-all-errors \\
  -X POST --unix-socket {host.places.dispatcher_status} http://dispatcher/drill) || true
echo "drill: $report"
passed=0
if [ "$(jq -s 'last | .passed == true' <<<"$report")" = true ]; then passed=1; fi
{told}
[ "$passed" = 1 ]
"""


def _end_of_life(host: Host) -> str:
    """Waits until the group or the spot market ends this machine, drains it, lets its records go, and says that it may end."""
    names, places = host.names, host.places
    call = (
        f'--data "Version=2011-01-01&AutoScalingGroupName={names.group("worker-hosts")}&LifecycleHookName={HOOK}'
        '&InstanceId=$instance&$1" "https://autoscaling.$region.amazonaws.com/"'
    )
    return f"""{begin()}
instance=$(metadata instance-id)
action() {{ signed autoscaling -o /dev/null {call}; }}

spot=
until [ "$(metadata autoscaling/target-lifecycle-state 2>/dev/null)" = Terminated ]; do
  if metadata spot/instance-action >/dev/null 2>&1; then spot=yes; break; fi
  sleep 5
done

systemctl stop domicile-drill.timer domicile-drill.service
systemctl stop domicile-dispatcher.service &
stopping=$!
if [ -n "$spot" ]; then
  sleep {SPOT_SECONDS}
  podman kill --signal TERM domicile-dispatcher || true
fi
while kill -0 "$stopping" 2>/dev/null; do
  action Action=RecordLifecycleActionHeartbeat || true
  sleep 30
done

lag() {{ curl -sSf --unix-socket {places.shipper_status} http://shipper/status | jq -e '[.archive.lag, .sinks[].lag] | add'; }}
for ((waited = 0; waited < {RECORDS_SECONDS}; waited += 5)); do
  if [ "$(lag)" = 0 ]; then break; fi
  if ((waited % 30 == 0)); then action Action=RecordLifecycleActionHeartbeat || true; fi
  sleep 5
done
systemctl stop domicile-shipper.service
action 'Action=CompleteLifecycleAction&LifecycleActionResult=CONTINUE'
"""


def image_key() -> Path:
    """Where the public key of the images is."""
    return Path(TEMPLATES) / "images.pub"
