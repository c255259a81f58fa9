"""The MCP tunnel: at the control plane through Anthropic's own SDK, its hosts from the cloud on disk, their programs run for real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from domicile.cli.tunnel import authority
from domicile.control_plane.operator import CREDENTIALS
from domicile.control_plane.tunnel import TunnelCertificateProvider, TunnelProvider, fingerprint
from domicile.machine.command import CommandError
from domicile_control_plane.shapes import TunnelCreate

RUNBOOK = Path(__file__).parents[2] / "docs" / "RUNBOOK.md"
TUNNEL, CERTIFICATE = TunnelProvider(), TunnelCertificateProvider()


@pytest.fixture
def spec(control_plane, monkeypatch):
    for name in CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", control_plane.api_key)
    return {"url": control_plane.url, "name": "domicile-tokyo"}


def held(control_plane, archived=False):
    return control_plane.ask(lambda plane: plane.tunnels.page(archived=archived, limit=100, before=0)[0])


def trusted(control_plane, tunnel_id):
    return {found.fingerprint for found in control_plane.ask(lambda plane: plane.tunnels.certificates(tunnel_id, archived=False))}


def test_a_tunnel_is_made_once_found_again_and_archived_at_the_end(control_plane, spec):
    made = TUNNEL.create(spec)
    [found] = held(control_plane)
    assert (found.id, found.display_name, found.domain) == (made.id, "domicile-tokyo", made.outs["domain"])
    assert TUNNEL.create(spec).id == made.id, "an `up` that was killed after the call finds what it made"
    assert not TUNNEL.diff(made.id, TUNNEL.read(made.id, made.outs).outs, spec).changes
    TUNNEL.delete(made.id, made.outs)
    TUNNEL.delete(made.id, made.outs)
    assert held(control_plane) == []
    assert not TUNNEL.read(made.id, made.outs).id
    other = TUNNEL.create(spec)
    assert (other.id, other.outs["domain"]) != (made.id, made.outs["domain"])


def test_a_tunnel_that_is_adopted_by_its_id_is_left_at_the_end(control_plane, spec):
    theirs = control_plane.ask(lambda plane: plane.tunnels.create(TunnelCreate(display_name="theirs")))
    adopted = TUNNEL.create({**spec, "tunnel_id": theirs.id})
    assert adopted.id == theirs.id
    TUNNEL.delete(adopted.id, adopted.outs)
    assert [found.id for found in held(control_plane)] == [theirs.id]
    control_plane.ask(lambda plane: plane.tunnels.archive(theirs.id))
    with pytest.raises(CommandError, match="archived"):
        TUNNEL.create({**spec, "tunnel_id": theirs.id})


def test_the_next_ca_is_trusted_beside_the_last_and_one_archived_by_hand_counts_as_gone(control_plane, spec):
    tunnel = TUNNEL.create(spec).id
    first, second, third = (authority(f"ca-{number}")[0] for number in range(3))
    of = lambda pem: {"url": spec["url"], "tunnel_id": tunnel, "pem": pem}  # noqa: E731
    one, two = CERTIFICATE.create(of(first)), CERTIFICATE.create(of(second))
    assert trusted(control_plane, tunnel) == {fingerprint(first), fingerprint(second)}
    assert CERTIFICATE.create(of(first)).id == one.id
    with pytest.raises(CommandError, match="at most 2"):
        CERTIFICATE.create(of(third))
    CERTIFICATE.delete(one.id, one.outs)
    assert trusted(control_plane, tunnel) == {fingerprint(second)}
    control_plane.ask(lambda plane: plane.tunnels.distrust(tunnel, two.id))
    assert not CERTIFICATE.read(two.id, two.outs).id
    CERTIFICATE.create(of(second))
    assert trusted(control_plane, tunnel) == {fingerprint(second)}


@pytest.fixture
def tunnelled(whole):
    """Stack, control plane, what `up` gave, and the CA."""
    return whole.region, whole.control_plane, whole.result, whole.authority


def test_a_stack_makes_its_environment_and_its_tunnel_and_holds_no_secret_of_either(whole):
    region, control_plane, result, (certificate, key) = whole.region, whole.control_plane, whole.result, whole.authority
    [tunnel] = held(control_plane)
    assert result.shown_outputs()["tunnel_domain"] == tunnel.domain
    assert trusted(control_plane, tunnel.id) == {fingerprint(certificate)}
    [environment] = control_plane.ask(lambda plane: plane.environments.page(archived=False, limit=9, after=0)[0])
    assert result.shown_outputs()["environment_id"] == environment.id
    assert set(whole.again.summary) == {"same"}, whole.again.errors
    token = control_plane.ask(lambda plane: plane.tunnels.token(tunnel.id)).tunnel_token
    for secret in (control_plane.api_key, token, key.splitlines()[1]):
        assert secret not in region.state()
    assert not region.things("SecretVersion")


def test_tunnel_hosts_reach_cloudflares_tunnel_addresses_the_servers_and_endpoints_and_nobody_reaches_them(tunnelled):
    region = tunnelled[0]
    group = region.rehearsal.cloud.thing("SecurityGroup", "tunnel-hosts").id
    rules = [t.properties for t in region.things("SecurityGroupEgressRule") if t.properties["securityGroupId"] == group]
    outside = {(r["cidrIpv4"], r["ipProtocol"], r["fromPort"], r["toPort"]) for r in rules if r.get("cidrIpv4")}
    edges = {(cidr, protocol, 7844, 7844) for cidr in ("198.41.192.0/24", "198.41.200.0/24") for protocol in ("tcp", "udp")}
    assert outside == {*edges, ("10.20.0.0/24", "tcp", 443, 443), ("10.20.1.0/24", "tcp", 8443, 8443)}
    assert not [r for r in rules if r.get("cidrIpv6")]
    assert not [t for t in region.things("SecurityGroupIngressRule") if t.properties["securityGroupId"] == group]
    names = set(region.one("ResolverFirewallDomainList", "allowed")["domains"])
    assert {"*.argotunnel.com", "mcp.internal.example.com"} <= names


def test_tunnel_hosts_run_two_images_by_digest_and_no_other(tunnelled):
    region = tunnelled[0]
    written = region.machine_files("tunnel-hosts")
    units = {path: text for path, text in written.items() if path.endswith(".container")}
    assert {path.rpartition("/")[2] for path in units} == {"domicile-cloudflared.container", "domicile-mcp-proxy.container"}
    for text in units.values():
        assert {"DropCapability=all", "NoNewPrivileges=true", "ReadOnly=true"} <= set(text.splitlines())
        assert "@sha256:" in text
        assert "Environment=TUNNEL" not in text
    policy = json.loads(written["/etc/containers/policy.json"])
    assert policy["default"] == [{"type": "reject"}]
    assert {repository.rpartition("/")[2] for repository in policy["transports"]["docker"]} == {"cloudflared", "mcp-proxy"}
    settings = json.loads(written["/etc/mcp-gateway/config.yaml"])
    assert settings["listen_addr"] == "127.0.0.1:8080"
    assert settings["routes"]["wiki"] == "https://wiki.internal.example.com:8443"
    assert settings["upstream"]["allowed_ips"] == ["10.20.0.0/24", "10.20.1.0/24"]


def test_a_tunnel_without_a_connection_is_an_alarm_and_so_is_silence(tunnelled):
    alarm = tunnelled[0].one("MetricAlarm", "tunnel-down")
    assert (alarm["metricName"], alarm["treatMissingData"]) == ("TunnelNotReady", "breaching")
    anchor = alarm["alarmDescription"].rpartition("#alarm-")[2]
    assert f"\n### Alarm: {anchor}\n" in RUNBOOK.read_text()
    reports = tunnelled[0].machine_files("tunnel-hosts")["/usr/local/bin/domicile-tunnel-ready"]
    assert "/ready" in reports
    assert "MetricName=TunnelNotReady" in reports


def test_tunnel_secrets_are_read_by_tunnel_hosts_alone(tunnelled):
    region = tunnelled[0]
    role = f"arn:aws:iam::{region.config().aws.account}:role/domicile-tokyo-tunnel-host"
    for noun in ("token", "authority"):
        assert region.policy("SecretPolicy", f"tunnel-{noun}")["ReadByNoOther"]["Condition"]["StringNotEquals"]["aws:PrincipalArn"] == [
            role
        ]
    assert role not in str(region.policy("SecretPolicy", "environment-key"))
    pulled = region.policy("RepositoryPolicy", "cloudflared")["PulledByMachinesOnly"]["Condition"]["StringNotEquals"]["aws:PrincipalArn"]
    assert role in pulled
    assert not [arn for arn in pulled if "worker-host" in arn]


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)


class Host:
    """A tunnel host's program, with commands beside it that answer as the metadata service, Secrets Manager and systemd do."""

    def __init__(self, region, root, certificate):
        self.root, self.run_folder = root, root / "run"
        self.secrets = {}
        files = region.machine_files("tunnel-hosts")
        self.library = files["/usr/local/lib/domicile.sh"]
        self.program = files["/usr/local/bin/domicile-tunnel-secrets"]
        self.trust(certificate)
        bin_ = root / "bin"
        bin_.mkdir()
        curl = f"""#!/bin/bash
echo "$@" >>{root}/arguments
asked=
for word; do case "$word" in @*) asked=$(cat "${{word#@}}");; esac; done
[[ " $* " == *" --config - "* ]] && cat >/dev/null
case "${{!#}}" in
  */api/token) echo imds;;
  */security-credentials/) echo role;;
  */security-credentials/role) echo '{{"AccessKeyId": "AKIACANARY", "SecretAccessKey": "canary-secret", "Token": "canary-session"}}';;
  *secretsmanager*) cat "{root}/secrets/$(jq -r '.SecretId + "." + .VersionStage' <<<"$asked" | tr / _)" || exit 22;;
esac
"""
        for name, text in {"curl": curl, "systemctl": f'#!/bin/bash\necho "$@" >>{root}/systemctl\n'}.items():
            (bin_ / name).write_text(text)
            (bin_ / name).chmod(0o755)

    def trust(self, *certificates):
        (self.root / "authorities.pem").write_text("".join(certificates))

    def keep(self, name, value, stage="AWSCURRENT"):
        folder = self.root / "secrets"
        folder.mkdir(exist_ok=True)
        (folder / f"domicile-tokyo_tunnel_{name}.{stage}").write_text(json.dumps({"SecretString": value}))

    def authority(self, certificate, key, stage="AWSCURRENT"):
        self.keep("authority", json.dumps({"certificate": certificate, "key": key}), stage)

    def run(self):
        (self.root / "library").write_text(self.library)
        text = self.program.replace("/usr/local/lib/domicile.sh", f"{self.root}/library").replace(
            "/run/domicile/tunnel", str(self.run_folder)
        )
        (self.root / "program").write_text(text.replace("/etc/domicile/tunnel-authorities.pem", f"{self.root}/authorities.pem"))
        environment = {**os.environ, "PATH": f"{self.root}/bin:{os.environ['PATH']}"}
        return subprocess.run(["bash", self.root / "program"], env=environment, capture_output=True, text=True, check=False, timeout=120)

    @property
    def certificate(self):
        return self.run_folder / "mcp-proxy/tls.crt"


@pytest.fixture
def host(tunnelled, tmp_path):
    region, _, _, (certificate, _) = tunnelled
    return Host(region, tmp_path, certificate)


def test_each_service_gets_its_own_secret_and_the_certificate_fits_the_tunnel(tunnelled, host):
    _, _, result, (certificate, key) = tunnelled
    domain = result.shown_outputs()["tunnel_domain"]
    host.keep("token", "eyJcanary-token")
    host.authority(certificate, key)
    ran = host.run()
    assert ran.returncode == 0, ran.stderr
    token, private = host.run_folder / "cloudflared/token", host.run_folder / "mcp-proxy/tls.key"
    assert token.read_text() == "eyJcanary-token"
    for path, uid in ((token, 65526), (private, 65525), (host.certificate, 65525)):
        assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (uid, 0o400)
        assert path.parent.stat().st_mode & 0o777 == 0o500
    (host.root / "ca.pem").write_text(certificate)
    checked = openssl(
        "verify", "-purpose", "sslserver", "-verify_hostname", f"tickets.{domain}", "-CAfile", f"{host.root}/ca.pem", str(host.certificate)
    )
    assert checked.returncode == 0, checked.stderr
    assert openssl("x509", "-in", str(host.certificate), "-noout", "-checkend", str(31 * 86_400)).returncode == 1, "it lives for 30 days"
    assert sorted(path.name for path in host.run_folder.iterdir()) == ["cloudflared", "mcp-proxy"], "the CA's key is gone"
    assert "canary" not in (host.root / "arguments").read_text().replace("AKIACANARY", "")
    assert key.splitlines()[1] not in "".join(path.read_text() for path in host.run_folder.rglob("*") if path.is_file())


def test_a_certificate_is_renewed_when_it_is_due_and_a_new_token_restarts_cloudflared(tunnelled, host):
    certificate, key = tunnelled[3]
    host.keep("token", "eyJone")
    host.authority(certificate, key)
    assert host.run().returncode == 0
    first, private = host.certificate.read_bytes(), (host.run_folder / "mcp-proxy/tls.key").read_bytes()
    (host.root / "systemctl").unlink()
    assert host.run().returncode == 0
    assert host.certificate.read_bytes() == first
    assert not (host.root / "systemctl").exists()
    host.program = host.program.replace(f"-checkend {20 * 86_400}", f"-checkend {31 * 86_400}")
    host.keep("token", "eyJtwo")
    assert host.run().returncode == 0
    assert host.certificate.read_bytes() != first
    assert (host.run_folder / "mcp-proxy/tls.key").read_bytes() == private
    assert "try-restart --no-block domicile-cloudflared.service" in (host.root / "systemctl").read_text()


def test_a_ca_that_the_tunnel_doesnt_trust_yet_isnt_used(tunnelled, host):
    old, new = tunnelled[3], authority("next")
    host.keep("token", "eyJone")
    host.authority(*new)
    refused = host.run()
    assert refused.returncode == 1
    assert "aws.tunnel.authorities" in refused.stderr
    assert not host.certificate.exists()
    host.authority(*old, stage="AWSPREVIOUS")
    assert host.run().returncode == 0
    (host.root / "old.pem").write_text(old[0])
    assert openssl("verify", "-CAfile", f"{host.root}/old.pem", str(host.certificate)).returncode == 0
    host.trust(old[0], new[0])
    assert host.run().returncode == 0
    (host.root / "new.pem").write_text(new[0])
    assert openssl("verify", "-CAfile", f"{host.root}/new.pem", str(host.certificate)).returncode == 0


def test_the_operators_command_carries_token_and_key_by_standard_input_and_prints_the_certificate(tunnelled, tmp_path, monkeypatch):
    region, control_plane, _, _ = tunnelled
    monkeypatch.setenv("ANTHROPIC_API_KEY", control_plane.api_key)
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "aws").write_text(
        f'#!/bin/bash\necho "$@" >>{tmp_path}/arguments\n'
        f'case "$1" in sts) echo {region.config().aws.account};; *) cat >"{tmp_path}/${{4//\\//_}}";; esac\n'
    )
    (bin_ / "aws").chmod(0o755)
    environment = {**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}", "ANTHROPIC_API_KEY": control_plane.api_key}
    command = [sys.executable, "-m", "domicile.cli", "tunnel", "tokyo"]
    ran = subprocess.run(command, cwd=region.root, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr
    [tunnel] = held(control_plane)
    token = control_plane.ask(lambda plane: plane.tunnels.token(tunnel.id)).tunnel_token
    assert (tmp_path / "domicile-tokyo_tunnel_token").read_text() == token
    kept = json.loads((tmp_path / "domicile-tokyo_tunnel_authority").read_text())
    assert kept["certificate"] in ran.stdout
    for secret in (token, kept["key"].splitlines()[1]):
        assert secret not in ran.stdout + ran.stderr + (tmp_path / "arguments").read_text()
    made = CERTIFICATE.create({"url": control_plane.url, "tunnel_id": tunnel.id, "pem": kept["certificate"]})
    CERTIFICATE.delete(made.id, made.outs)
