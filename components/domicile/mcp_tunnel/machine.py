"""What a tunnel host runs: `cloudflared` and `mcp-proxy` as Quadlet units, and programs that give each its secret and its certificate.

Forms: mcp-proxy's configuration and cloudflared's command, MCP tunnels pages of Anthropic's documentation (2026-08); `--token-file`,
`--metrics` and `/ready`, cloudflared's own options. Called by `mcp_tunnel.aws`; the programs are run by tests.
"""

from __future__ import annotations

import json
from pathlib import Path

from domicile.aws import image_policy
from domicile.aws.ground import Ground
from domicile.aws.ignition import PROGRAM, MachineFile, configuration, once, timer
from domicile.aws.names import TUNNEL_IMAGES, Names
from domicile.aws.packet_filter import guard, packet_filter
from domicile.aws.scripts import begin, metrics
from domicile.config.aws import Tunnel
from domicile.machine.identities import Identity
from domicile.worker_hosts.quadlet import name, unit
from domicile.worker_hosts.services import Service

NOUN = "tunnel-hosts"
SECRETS = Path("/run/domicile/tunnel")
TOKEN, CERTIFICATE, KEY = SECRETS / "cloudflared/token", SECRETS / "mcp-proxy/tls.crt", SECRETS / "mcp-proxy/tls.key"
PROXY_SETTINGS = Path("/etc/mcp-gateway/config.yaml")
AUTHORITIES = Path("/etc/domicile/tunnel-authorities.pem")
FILTER = Path("/etc/domicile/tunnel.nft")
PROXY_PORT, METRICS_PORT = 8080, 2000
CERTIFICATE_DAYS, RENEWED_DAYS = 30, 20
"""A server certificate's life, and what must be left of it not to be renewed by the hourly run."""

_PROGRAMS = "/usr/local/bin/domicile-"
_RENEW, _READY, _GUARD = (f"domicile-tunnel-{what}" for what in ("renewal", "ready", "guard"))


def machine_configuration(ground: Ground, tunnel: Tunnel, domain: str) -> str:
    """The Ignition configuration of one tunnel host; `domain` is the tunnel's, known when the control plane has made it."""
    names = ground.names
    files = (
        MachineFile(str(PROXY_SETTINGS), json.dumps(proxy_settings(tunnel, domain), indent=1)),
        MachineFile(str(AUTHORITIES), "".join(tunnel.authorities)),
        MachineFile(str(FILTER), packet_filter("domicile_tunnel")),
        MachineFile(f"{_PROGRAMS}tunnel-secrets", _secrets(names.tunnel_token, names.tunnel_authority, domain), PROGRAM),
        MachineFile(f"{_PROGRAMS}tunnel-ready", _ready(names), PROGRAM),
    )
    digests = dict(zip(TUNNEL_IMAGES, (tunnel.images.cloudflared, tunnel.images.mcp_proxy), strict=True))
    needed = ("domicile-tunnel-secrets.service", f"{_GUARD}.service")
    quadlets = {name(s): unit(s, names.image(s.image, digests[s.image]), after=needed) for s in services()}
    units = {
        f"{_GUARD}.service": guard(FILTER),
        "domicile-tunnel-secrets.service": once("tunnel token and certificate", f"{_PROGRAMS}tunnel-secrets"),
        **_each(_RENEW, "renewal of the tunnel's certificate", f"{_PROGRAMS}tunnel-secrets", "1h"),
        **_each(_READY, "report of the tunnel's state", f"{_PROGRAMS}tunnel-ready", "1min"),
    }
    return configuration(names, NOUN, image_policy.pinned(names, TUNNEL_IMAGES), files, quadlets, units)


def services() -> tuple[Service, Service]:
    """Each reads its own secret and nothing of the other's."""
    command = ("tunnel", "--no-autoupdate", "--edge-ip-version", "4", "--metrics", f"127.0.0.1:{METRICS_PORT}", "run",
               "--token-file", str(TOKEN), "--url", f"http://127.0.0.1:{PROXY_PORT}")  # fmt: skip
    cloudflared = Service(
        name="cloudflared", image="cloudflared", command=command, identity=Identity.CLOUDFLARED, reads=(TOKEN.parent,), writes=(),
        memory_bytes=512 << 20, ready=TOKEN, stop_seconds=40,
    )  # fmt: skip
    proxy = Service(
        name="mcp-proxy", image="mcp-proxy", command=(), identity=Identity.MCP_PROXY, reads=(PROXY_SETTINGS, CERTIFICATE.parent),
        writes=(), memory_bytes=512 << 20, ready=PROXY_SETTINGS, stop_seconds=35,
    )  # fmt: skip
    return cloudflared, proxy


def proxy_settings(tunnel: Tunnel, domain: str) -> dict[str, object]:
    """Routes to the configured servers; whatever name leads out of their networks isn't dialled. JSON is YAML."""
    return {
        "listen_addr": f"127.0.0.1:{PROXY_PORT}",
        "log_level": "info",
        "tunnel_domain": domain,
        "tls": {"cert_file": str(CERTIFICATE), "key_file": str(KEY)},
        "routes": {server.name: f"https://{server.host}:{server.port}" for server in tunnel.servers},
        "upstream": {
            "allowed_ips": sorted({str(server.network) for server in tunnel.servers}),
            "tls": {"include_system_cas": True},
        },
    }


def _each(unit_name: str, description: str, program: str, interval: str) -> dict[str, str]:
    service = f"[Unit]\nDescription=Domicile {description}\n\n[Service]\nType=oneshot\nUMask=0077\nExecStart={program}\n"
    again = (f"OnActiveSec={interval}", f"OnUnitActiveSec={interval}", "RandomizedDelaySec=10")
    return {f"{unit_name}.service": service, f"{unit_name}.timer": timer(description, *again)}


def _secrets(token: str, authority: str, domain: str) -> str:
    """The token for cloudflared; a server certificate, renewed in time, for mcp-proxy. Its key is made here and never leaves this machine.

    The CA's key is in memory file systems only while it signs. A CA that the tunnel doesn't trust yet isn't used: the one before it is.
    """
    return _work_place() + _token(token) + _authority(authority) + _certificate(domain)


def _work_place() -> str:
    """Folders that only their reader opens; what reads a secret, and what puts a file in its place."""
    cloudflared, proxy = Identity.CLOUDFLARED, Identity.MCP_PROXY
    return f"""{begin()}
umask 0077
install -d -m 0711 {SECRETS}
install -d -m 0500 -o {cloudflared.uid} -g {cloudflared.gid} {TOKEN.parent}
install -d -m 0500 -o {proxy.uid} -g {proxy.gid} {CERTIFICATE.parent}
work=$(mktemp -d {SECRETS}/.work.XXXXXX)
trap 'rm -rf "$work"' EXIT

secret() {{
  jq -n --arg id "$1" --arg stage "$2" '{{SecretId: $id, VersionStage: $stage}}' >"$work/asked"
  signed secretsmanager -H 'content-type: application/x-amz-json-1.1' -H 'x-amz-target: secretsmanager.GetSecretValue' \\
    --data "@$work/asked" "https://secretsmanager.$region.amazonaws.com/" | jq -er .SecretString
}}

place() {{
  chown "$1" "$2"
  chmod 0400 "$2"
  mv "$2" "$3"
}}

"""


def _token(token: str) -> str:
    """The connector's token, and cloudflared begun anew with another."""
    cloudflared = Identity.CLOUDFLARED
    return f"""secret {token} AWSCURRENT | tr -d '\\n' >"$work/token"
if ! cmp -s "$work/token" {TOKEN}; then
  place {cloudflared.user} "$work/token" {TOKEN}
  systemctl try-restart --no-block {name(services()[0])}.service
fi

"""


def _authority(authority: str) -> str:
    """A CA that the tunnel trusts; nothing more to do while the certificate is its own and lasts."""
    return f"""current() {{
  [ -s {CERTIFICATE} ] && openssl x509 -in {CERTIFICATE} -noout -checkend {RENEWED_DAYS * 86_400} >/dev/null &&
    openssl verify -CAfile "$work/ca.crt" {CERTIFICATE} >/dev/null 2>&1
}}

trusted() {{
  secret {authority} "$1" >"$work/authority" 2>/dev/null || return 1
  jq -er .certificate "$work/authority" >"$work/ca.crt"
  openssl verify -CAfile {AUTHORITIES} "$work/ca.crt" >/dev/null 2>&1
}}

if ! trusted AWSCURRENT && ! trusted AWSPREVIOUS; then
  echo "there is no CA that the tunnel trusts: see domicile tunnel, and aws.tunnel.authorities" >&2
  exit 1
fi
if current; then exit 0; fi
"""


def _certificate(domain: str) -> str:
    """A key if there is none, and a certificate for the tunnel's domain, signed by the CA."""
    proxy = Identity.MCP_PROXY
    return f"""jq -er .key "$work/authority" >"$work/ca.key"
if [ ! -s {KEY} ]; then
  openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:4096 -out "$work/key"
  place {proxy.user} "$work/key" {KEY}
fi
openssl req -new -key {KEY} -subj "/CN=*.{domain}" -out "$work/request"
cat >"$work/extensions" <<END
subjectAltName=DNS:*.{domain}
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=serverAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid:always
END
openssl x509 -req -in "$work/request" -CA "$work/ca.crt" -CAkey "$work/ca.key" -sha256 -days {CERTIFICATE_DAYS} \\
  -set_serial "0x$(openssl rand -hex 16)" -extfile "$work/extensions" -out "$work/crt" 2>/dev/null
place {proxy.user} "$work/crt" {CERTIFICATE}
"""


def _ready(names: Names) -> str:
    """Tells whether cloudflared has a connection: its own `/ready`, since `/healthcheck` answers without one."""
    return f"""{begin()}
down=1
if curl -sSf --max-time 5 -o /dev/null http://127.0.0.1:{METRICS_PORT}/ready; then down=0; fi
{metrics(names, {"TunnelNotReady": "$down"})}
"""
