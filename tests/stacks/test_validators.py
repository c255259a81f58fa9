"""Every machine of a whole region, held to Ignition's own validator, podman's own Quadlet generator and systemd's own reader of units."""

import base64
import json
import re

import pytest

from .validators import generated, ignition_faults, systemd_faults


@pytest.fixture(params=["egress-proxies", "worker-hosts", "tunnel-hosts"])
def noun(request):
    return request.param


def containers(region, noun):
    written = region.machine_files(noun)
    return {path.rpartition("/")[2]: text for path, text in written.items() if path.endswith(".container")}


def test_ignition_takes_what_each_machine_is_told_and_the_pointer_to_it(whole, noun):
    pointer = base64.b64decode(whole.region.one("LaunchTemplate", noun)["userData"]).decode()
    assert ignition_faults(pointer) == []
    assert ignition_faults(json.dumps(whole.region.machine(noun))) == []


def test_podman_generates_a_service_of_each_unit_as_it_is_meant(whole, noun, tmp_path):
    units = containers(whole.region, noun)
    services, faults = generated(units, tmp_path / "units")
    assert faults == []
    assert set(services) == {name.replace(".container", ".service") for name in units}
    for name, text in services.items():
        (start,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
        for meant in ("--read-only", "--cap-drop all", "--security-opt=no-new-privileges", r"\S+@sha256:[0-9a-f]{64}"):
            assert re.search(rf" {meant}( |$)", start), (name, meant, start)


def test_systemd_takes_all_units_of_a_machine(whole, noun, tmp_path):
    services, _ = generated(containers(whole.region, noun), tmp_path / "containers")
    units = {name: text for name, text in whole.region.machine_units(noun).items() if text}
    assert systemd_faults({**services, **units}, tmp_path / "units") == []


MISTAKES = {
    "unknown member": lambda told: told["storage"].update(folders=[]),
    "path that isn't absolute": lambda told: told["storage"]["files"][0].update(path="etc/here"),
    "the same file twice": lambda told: told["storage"]["files"].append(told["storage"]["files"][0]),
    "hash of another kind": lambda told: told["storage"]["files"][0]["contents"].update(verification={"hash": "sha1-00"}),
    "unit without a section": lambda told: told["systemd"]["units"][0].update(contents="ExecStart=/bin/true\n"),
    "version": lambda told: told["ignition"].update(version="2.9.0"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_ignitions_validator_finds(tokyo, mistake):
    told = tokyo.machine("egress-proxies")
    MISTAKES[mistake](told)
    assert ignition_faults(json.dumps(told))


@pytest.mark.parametrize("line", ["ReadOnlyRoot=true", "NoNewPriviliges=true", "ReadOnly", "Network=gone.network"])
def test_podmans_generator_finds_a_unit_with(tokyo, tmp_path, line):
    units = containers(tokyo, "egress-proxies")
    (name, text), *_ = units.items()
    _, faults = generated({name: text.replace("[Container]", f"[Container]\n{line}")}, tmp_path / "units")
    assert faults


@pytest.mark.parametrize("line", ["RestartSecs=5", "Restart=sometimes", "TimeoutStopSec=soon"])
def test_systemd_finds_a_service_with(tokyo, tmp_path, line):
    unit = tokyo.machine_units("egress-proxies")["domicile-logs.service"]
    assert systemd_faults({"domicile-logs.service": unit.replace("[Service]", f"[Service]\n{line}")}, tmp_path / "units")
