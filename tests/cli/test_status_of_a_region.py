"""`domicile status` and `domicile drill` of a region: what AWS tells of the environment that is meant, and of no other."""

import json

import pytest
import yaml

from domicile.cli.region_reported import KEY_METRICS, METRICS, show

PREFIX = "domicile-us_payments"


def group(states, desired=2):
    return {"AutoScalingGroups": [{"DesiredCapacity": desired, "MaxSize": 4, "Instances": [{"LifecycleState": state} for state in states]}]}


def sounding(*alarms):
    made = [
        {"AlarmName": name, "Namespace": namespace, "Dimensions": [{"Name": "Stack", "Value": stack}]} for name, namespace, stack in alarms
    ]
    return {"MetricAlarms": made}


@pytest.fixture
def region(small_project, us_file, tmp_path):
    """A stack, a command `aws` that gives these answers, and how to run a verb of `domicile` with them."""

    def run(*arguments, groups=None, alarms=None, several=True):
        if several:
            content = yaml.safe_load(us_file.read_text())
            del content["config"]["domicile:environment"]
            content["config"]["domicile:environments"] = {"payments": {"id": "env_1"}, "research": {"id": "env_2"}}
            us_file.write_text(yaml.safe_dump(content))
        answers = tmp_path / "answers"
        answers.mkdir(exist_ok=True)
        points = [{"Timestamp": f"2026-11-21T12:0{minute}:00Z", "Maximum": minute / 2, "Sum": 3.0} for minute in (4, 8, 6)]
        for name, answer in (("groups", groups or group(["InService"] * 2)), ("alarms", alarms or sounding()), ("points", points)):
            (answers / name).write_text(json.dumps({"Datapoints": answer} if name == "points" else answer))
        (answers / "none").write_text('{"Datapoints": []}')
        program = tmp_path / "bin" / "aws"
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            f'#!/bin/sh\necho "$@" >>{tmp_path}/arguments\ncase "$*" in sts*) echo 123456789012;; autoscaling*) cat {answers}/groups;; '
            f"*describe-alarms*) cat {answers}/alarms;; *WorkPending*|*DrillFailed*) cat {answers}/none;; *) cat {answers}/points;; esac\n"
        )
        program.chmod(0o755)
        return small_project(*arguments, PATH=f"{program.parent}:{small_project.environment['PATH']}")

    return run


def told(ran):
    return json.loads(ran.stdout)


def test_of_several_environments_the_one_that_is_named_is_shown(region, tmp_path):
    ran = region("status", "us", "--environment", "payments", "--json")
    assert ran.returncode == 0, ran.stderr
    report = told(ran)
    assert (report["environment"], report["up"], report["hosts"]["in_service"]) == ("payments", True, 2)
    assert report["queue"]["WorkWaiting"] == 4.0, "the newest, in whatever order they come"
    assert report["queue"]["WorkPending"] is None, "what nobody published is no zero"
    arguments = (tmp_path / "arguments").read_text()
    assert f"--auto-scaling-group-names {PREFIX}-worker-hosts" in arguments
    assert "--namespace Domicile/us/payments " in arguments
    assert "research" not in arguments


def test_a_stack_of_one_environment_takes_no_name(region, tmp_path):
    ran = region("status", "us", "--json", several=False)
    assert (ran.returncode, told(ran)["environment"]) == (0, None)
    arguments = (tmp_path / "arguments").read_text()
    assert "--auto-scaling-group-names domicile-us-worker-hosts" in arguments
    assert "--namespace Domicile --metric-name" in arguments


@pytest.mark.parametrize("verb", ["status", "drill"])
@pytest.mark.parametrize(
    ("several", "given", "said"),
    [
        (True, (), "say which with --environment, of payments, research"),
        (True, ("--environment", "nobody"), "--environment nobody: stack us has payments, research"),
        (True, ("--environment", ""), "stack us has payments, research"),
        (True, ("--environment", "../payments"), "stack us has payments, research"),
        (False, ("--environment", "payments"), "leave --environment out"),
    ],
)
def test_an_unknown_environment_is_refused_before_anything_is_asked(region, tmp_path, verb, several, given, said):
    ran = region(verb, "us", *given, several=several)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert not (tmp_path / "arguments").exists()


def test_a_local_stack_has_no_environment_by_name(small_project):
    ran = small_project("status", "local", "--environment", "payments")
    assert ran.returncode == 2
    assert "leave --environment out" in ran.stderr


@pytest.mark.parametrize(
    ("groups", "alarms"),
    [
        (group(["InService", "Pending"]), sounding()),
        ({"AutoScalingGroups": []}, sounding()),
        (group(["InService"] * 2), sounding((f"{PREFIX}-nobody-polls", "Domicile/us/payments", "us"))),
    ],
    ids=["a host is missing", "no fleet", "nobody polls"],
)
def test_a_fleet_that_doesnt_serve_as_it_should_isnt_up(region, groups, alarms):
    ran = region("status", "us", "--environment", "payments", "--json", groups=groups, alarms=alarms)
    assert (ran.returncode, told(ran)["up"]) == (1, False)


def test_alarms_of_another_environment_or_stack_arent_this_ones(region):
    alarms = sounding(
        (f"{PREFIX}-key-drain", "Domicile/us/payments", "us"), (f"{PREFIX}-two-nobody-polls", "Domicile/us/payments-two", "us"),
        (f"{PREFIX}-nobody-polls", "Domicile/us/payments", "another"),
    )  # fmt: skip
    ran = region("status", "us", "--environment", "payments", "--json", alarms=alarms)
    assert (ran.returncode, told(ran)["alarms"]) == (0, [f"{PREFIX}-key-drain"])


def test_in_words_what_isnt_known_is_said_to_be_unknown(region):
    ran = region("status", "us", "--environment", "payments")
    assert "stack us, environment payments: up" in ran.stdout
    assert "worker hosts: 2 of 2 in service" in ran.stdout
    assert "queue: 4 waiting, ? claimed" in ran.stdout
    lines = []
    queue = dict.fromkeys((*METRICS, *KEY_METRICS))
    unknown = {"stack": "us", "environment": None, "up": False, "hosts": None, "queue": queue, "alarms": []}
    show(lambda line, **_: lines.append(line), unknown)
    assert lines[1].startswith("worker hosts: no fleet")
    assert "environment key: age not known, not known whether hosts are drained" in lines


def test_a_drill_of_an_environment_is_told_by_its_own_hosts(region, tmp_path):
    ran = region("drill", "us", "--environment", "payments", "--json")
    assert (ran.returncode, told(ran)["drills_passed"]) == (0, 9)
    arguments = (tmp_path / "arguments").read_text()
    assert arguments.count("--namespace Domicile/us/payments ") == 2
    assert "--namespace Domicile " not in arguments
