"""Several environments in one stack, as whoever holds one would try to get at another's: key, rules, records, hosts."""

from __future__ import annotations

import hashlib
import json
import re
from itertools import permutations

import pytest

from domicile.aws.names import EVERY, Names
from domicile.config.environments import door
from domicile.rehearsal.stages.scene import STAND_IN_IMAGES

from .conftest import in_effect, region_stack
from .iam import permitted

ACCOUNT, REGION = "123456789012", "ap-northeast-1"
ENVIRONMENTS = {
    "payments": {"id": "env_payments", "egress": {"rules": [{"host": "bank.example.com", "port": 8443}]}},
    "research": {
        "id": "env_research",
        "workerHost": {"runtime": "crun", "capacity": 2},
        "hosts": {"max": 2},
        "egress": {
            "rules": [
                {
                    "host": "papers.example.com",
                    "mode": "inspect",
                    "http": [{"methods": ["GET"], "paths": ["/"]}],
                    "credential": {"name": "papers", "header": "authorization"},
                }
            ]
        },
    },
    "a-team-with-a-name-as-long-as-such-a-name-may-be-in-any-stack-x": {"id": "env_long"},
}
LONG = next(name for name in ENVIRONMENTS if len(name) == 63)
PAIRS = list(permutations(ENVIRONMENTS, 2))


def with_environments(region, environments):
    region.replace("environments", environments)
    region.remove("environment")


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """Tokyo with three environments and their machines, up, with an address for webhooks each: for tests that look and change nothing."""
    with pytest.MonkeyPatch.context() as patch:
        region = in_effect(region_stack("tokyo", tmp_path_factory.mktemp("several")), patch)
        region.configure(images=STAND_IN_IMAGES, scaling={"webhook": True})
        with_environments(region, ENVIRONMENTS)
        previewed = region.preview()
        assert set(previewed.summary) == {"create"}, previewed.errors
        result = region.up()
        assert result.exit_code == 0, result.errors
        assert set(region.preview().summary) == {"same"}
        return region


def names_of(region, name):
    config = region.config()
    return Names.of(config, config.aws).for_environment(name)


def identity(region, role):
    """The document of the role with this ARN."""
    [policy] = [found for found in region.things("RolePolicy") if found.properties["role"] == role.rpartition("/")[2]]
    return json.loads(str(policy.properties["policy"]))


def document(region, kind, name):
    return json.loads(str(region.one(kind, name)["policy"]))


def roles_of(names):
    return [names.worker_role, names.function_role("watch"), names.function_role("webhook")]


def reads(region, role, secret_name, *, by=None):
    """Whether a caller with this role gets a secret's value from inside the VPC, through every policy on the way."""
    secret = next(found for found in region.things("Secret") if found.properties["name"] == secret_name)
    guard = next(found for found in region.things("SecretPolicy") if found.properties["secretArn"] == secret.properties["arn"])
    endpoint = region.rehearsal.cloud.thing("VpcEndpoint", "secretsmanager")
    context = {"aws:PrincipalArn": role, "aws:PrincipalAccount": ACCOUNT, "aws:SourceVpce": endpoint.id}
    return permitted(
        "secretsmanager:GetSecretValue",
        str(secret.properties["arn"]),
        context,
        by or identity(region, role),
        guards=[json.loads(str(guard.properties["policy"]))],
        way=document(region, "VpcEndpoint", "secretsmanager"),
    )


def secrets_of(names):
    return {names.environment_key, names.signing_secret, *([names.credential("papers")] if names.environment == "research" else [])}


def test_each_environments_host_and_functions_read_its_own_secrets(several):
    """The measure of the refusals below: without it they might be refused for another reason."""
    for name in ENVIRONMENTS:
        names = names_of(several, name)
        assert reads(several, names.worker_role, names.environment_key)
        assert reads(several, names.function_role("watch"), names.environment_key)
        assert reads(several, names.function_role("webhook"), names.signing_secret)
    research = names_of(several, "research")
    assert reads(several, research.worker_role, research.credential("papers"))


@pytest.mark.parametrize(("mine", "theirs"), PAIRS)
def test_nobody_of_one_environment_reads_a_secret_of_another(several, mine, theirs):
    for role in roles_of(names_of(several, mine)):
        for secret in secrets_of(names_of(several, theirs)):
            assert not reads(several, role, secret), (role, secret)


@pytest.mark.parametrize(("mine", "theirs"), PAIRS)
def test_a_role_that_was_given_every_secret_still_reads_no_others(several, mine, theirs):
    """The secret's own policy refuses by itself: somebody's wider policy on a role opens nothing."""
    wide = {"Statement": [{"Effect": "Allow", "Action": ["secretsmanager:*"], "Resource": ["*"]}]}
    assert reads(several, names_of(several, mine).worker_role, names_of(several, mine).environment_key, by=wide)
    for role in roles_of(names_of(several, mine)):
        for secret in secrets_of(names_of(several, theirs)):
            assert not reads(several, role, secret, by=wide), (role, secret)


def machine_groups(region, name):
    """Security groups of an environment's machines, and of its functions."""
    [interface] = region.one("LaunchTemplate", f"{name}/worker-hosts")["networkInterfaces"]
    yield set(interface["securityGroups"])
    for function in ("watch", "webhook"):
        yield set(region.one("Function", f"{name}/{function}")["vpcConfig"]["securityGroupIds"])


def reachable(region, groups):
    """Ports of the balancer that members of these groups get to: one's rule lets it out, the balancer's lets it in."""
    balancer = region.rehearsal.cloud.thing("SecurityGroup", "egress-balancer").id
    out = {
        (rule["fromPort"], rule["toPort"])
        for rule in (found.properties for found in region.things("SecurityGroupEgressRule"))
        if rule["securityGroupId"] in groups and rule.get("referencedSecurityGroupId") == balancer
    }
    into = {
        (rule["fromPort"], rule["toPort"])
        for rule in (found.properties for found in region.things("SecurityGroupIngressRule"))
        if rule["securityGroupId"] == balancer and rule.get("referencedSecurityGroupId") in groups
    }
    assert all(first == last for first, last in out | into)
    return {port for port, _ in out & into}


def test_machines_and_functions_reach_their_own_environments_door_and_no_other(several):
    served = several.config().environments
    for name in ENVIRONMENTS:
        hosts, watch, webhook = machine_groups(several, name)
        assert reachable(several, hosts) == reachable(several, watch) == {door(name, served[name])}
        assert reachable(several, webhook) == set()
        assert several.one("Listener", f"{name}/door")["port"] == door(name, served[name])
        assert several.one("TargetGroup", f"{name}/door")["port"] == door(name, served[name])


def test_nothing_but_an_environments_own_group_is_let_in_at_the_balancer(several):
    balancer = several.rehearsal.cloud.thing("SecurityGroup", "egress-balancer").id
    rules = [found.properties for found in several.things("SecurityGroupIngressRule") if found.properties["securityGroupId"] == balancer]
    doors = {several.rehearsal.cloud.thing("SecurityGroup", f"{name}/door").id for name in ENVIRONMENTS}
    assert sorted(str(rule["referencedSecurityGroupId"]) for rule in rules) == sorted(doors)
    assert {listener.properties["port"] for listener in several.things("Listener")} == {rule["fromPort"] for rule in rules}


def test_the_proxies_hold_each_door_to_its_own_environments_rules(several):
    served = several.config().environments
    listeners = json.loads(several.machine_files("egress-proxies")["/etc/domicile/envoy.json"])["static_resources"]["listeners"]
    by_port = {each["address"]["socket_address"]["port_value"]: json.dumps(each) for each in listeners}
    assert set(by_port) == {*(door(name, served[name]) for name in ENVIRONMENTS), 8081}
    own = {"payments": "bank\\\\", "research": "papers\\\\", LONG: None}
    for name, host in own.items():
        listener = by_port[door(name, served[name])]
        assert {other for other in own.values() if other and other in listener} == ({host} if host else set())
    rules = several.machine_files("egress-proxies")["/etc/domicile/egress.nft"]
    [accepted] = re.findall(r"tcp dport \{ (.*) \} accept", rules)
    assert {int(port) for port in accepted.split(", ")} == set(by_port)


def test_worker_hosts_chain_to_their_own_door_and_know_their_own_rules_only(several):
    served = several.config().environments
    for name in ENVIRONMENTS:
        told = json.loads(several.machine_files(f"{name}/worker-hosts")["/etc/domicile/settings.json"])
        assert (told["environment_id"], told["upstream_proxy"]["port"]) == (ENVIRONMENTS[name]["id"], door(name, served[name]))
        assert told["secrets"]["environment_key"] == names_of(several, name).environment_key
        hosts = {rule["host"] for rule in told["egress"]["rules"]}
        assert hosts == {rule["host"] for rule in ENVIRONMENTS[name].get("egress", {}).get("rules", [])}


@pytest.mark.parametrize(("mine", "theirs"), PAIRS)
def test_a_worker_host_adds_no_record_tells_no_number_and_ends_no_host_of_another(several, mine, theirs):
    role, other = names_of(several, mine).worker_role, names_of(several, theirs)
    own = names_of(several, mine)
    policy, context = identity(several, role), {"aws:PrincipalArn": role, "aws:PrincipalAccount": ACCOUNT}

    def may(action, resource, way, **more):
        return permitted(action, resource, {**context, **more}, policy, guards=[], way=document(several, "VpcEndpoint", way))

    for names, expected in ((own, True), (other, False)):
        assert may("s3:PutObject", names.records.replace("*", "i-1/gateway/1.jsonl"), "s3") is expected
        assert may("s3:GetObject", names.settings("worker-hosts").replace("*", "1.ign"), "s3") is expected
        assert may("cloudwatch:PutMetricData", "*", "monitoring", **{"cloudwatch:namespace": names.metrics}) is expected
        group = names.group_arn("worker-hosts").replace(":*:", ":1:")
        assert may("autoscaling:CompleteLifecycleAction", group, "autoscaling") is expected
        stream = f"{names.log_group_arn('worker-hosts')}:log-stream:i-1"
        assert may("logs:PutLogEvents", stream, "logs") is expected


@pytest.mark.parametrize(("mine", "theirs"), PAIRS)
def test_a_new_version_of_one_environments_key_drains_no_host_of_another(several, mine, theirs):
    """The function of one looks at its own secret and group, and may begin a refresh of that group only."""
    own, other = names_of(several, mine), names_of(several, theirs)
    told = several.one("Function", f"{mine}/watch")["environment"]["variables"]
    assert (told["KEY_SECRET"], told["GROUP"]) == (own.environment_key, own.group("worker-hosts"))
    role, way = own.function_role("watch"), document(several, "VpcEndpoint", "autoscaling")
    context = {"aws:PrincipalArn": role, "aws:PrincipalAccount": ACCOUNT}
    for names, expected in ((own, True), (other, False)):
        group = names.group_arn("worker-hosts").replace(":*:", ":1:")
        assert permitted("autoscaling:StartInstanceRefresh", group, context, identity(several, role), guards=[], way=way) is expected
    assert several.one("MetricAlarm", f"{mine}/key-drain")["namespace"] == own.metrics


def test_what_environments_share_names_none_of_them(several):
    """These documents don't grow with their number: AWS takes 20 KB of an endpoint's or bucket's, 10 KB of a repository's."""
    for (kind, name), text in several.documents().items():
        if "/" not in name and kind in ("VpcEndpoint", "BucketPolicy", "RepositoryPolicy", "Key", "TopicPolicy"):
            assert not [each for each in ENVIRONMENTS if each in json.dumps(text)], (kind, name)


def test_the_longest_names_stay_within_awss_limits_and_apart():
    limits = {"worker-host": 64, "watch": 64, "webhook": 64, "key-changed": 64, "worker-hosts": 128, "door": 255}
    names = Names("s" * 31, ACCOUNT, REGION, "", ())
    long = ["e" * 63, "e" * 62 + "f", "e" * 20, "e"]
    for noun, limit in limits.items():
        called = [names.for_environment(name).called(noun) for name in long]
        assert len(set(called)) == len(long)
        assert all(len(each) <= limit for each in called), noun
        every = re.escape(names.for_environment(EVERY).called(noun)).replace(r"\*", ".+")
        if noun in ("worker-host", "watch", "webhook"):
            assert all(re.fullmatch(every, each) for each in called)
    assert names.for_environment("e" * 63).called("watch").endswith(f"-{hashlib.sha256(b'e' * 63).hexdigest()[:8]}-watch")


def test_no_stack_of_one_environment_bears_names_of_an_environment_of_another_stack():
    shared = Names("tokyo", ACCOUNT, REGION, "", ()).for_environment("payments")
    single = Names("tokyo-payments", ACCOUNT, REGION, "", ()).for_environment("")
    every = Names("tokyo", ACCOUNT, REGION, "", ()).for_environment(EVERY)
    assert shared.worker_role != single.worker_role
    assert not re.fullmatch(re.escape(every.worker_role).replace(r"\*", ".*"), single.worker_role)


def touched(result):
    """Logical names of what a step changed, by the environment that they belong to; those that all share under ''."""
    found: dict[str, set[str]] = {}
    for step in result.steps:
        if step.op not in ("same", "read") and not step.type.startswith("pulumi:providers:"):  # ours is told the whole configuration
            environment, _, noun = step.urn.rpartition("::")[2].rpartition("/")
            found.setdefault(environment, set()).add(noun)
    return found


SHARED_BY_RULES = {"egress-proxies", "allowed"}
"""What is told each environment's rules: the proxies' machines, and the DNS firewall."""


def test_a_change_to_one_environment_touches_no_other_and_its_removal_leaves_them(stacked):
    region = stacked("tokyo")
    region.configure(images=STAND_IN_IMAGES)
    with_environments(region, {name: ENVIRONMENTS[name] for name in ("payments", "research")})
    assert (result := region.up()).exit_code == 0, result.errors

    smaller = {**ENVIRONMENTS["research"], "workerHost": {"runtime": "crun", "capacity": 1}}
    region.replace("environments", {"payments": ENVIRONMENTS["payments"], "research": smaller})
    assert set(touched(region.up())) == {"research"}

    other = {**smaller, "egress": {"rules": [{"host": "archive.example.com"}]}}
    region.replace("environments", {"payments": ENVIRONMENTS["payments"], "research": other})
    changed = touched(region.up())
    assert set(changed) == {"", "research"}
    assert changed[""] <= SHARED_BY_RULES, changed

    before = {thing.name: thing.id for thing in region.rehearsal.cloud.things() if "/" in thing.name}
    region.replace("environments", {"a-third": {"id": "env_3"}, "payments": ENVIRONMENTS["payments"], "research": other})
    added = touched(region.up())
    assert set(added) == {"", "a-third"}
    assert added[""] <= {*SHARED_BY_RULES, "a-third"}, added
    assert before.items() <= {thing.name: thing.id for thing in region.rehearsal.cloud.things()}.items()

    region.replace("environments", {"payments": ENVIRONMENTS["payments"], "a-third": {"id": "env_3"}})
    result = region.up()
    assert result.exit_code == 0, result.errors
    removed = touched(result)
    assert set(removed) == {"", "research"}
    assert removed[""] <= {*SHARED_BY_RULES, "proxies-out-8443", "research"}, removed
    after = {thing.name: thing.id for thing in region.rehearsal.cloud.things()}
    assert not [name for name in after if name.startswith("research/")]
    assert {name: id_ for name, id_ in before.items() if name.startswith("payments/")}.items() <= after.items()
    assert set(region.preview().summary) == {"same"}
    destroyed = region.destroy()
    assert destroyed.exit_code == 0, destroyed.errors


def test_a_second_tier_has_a_balancer_and_proxies_of_its_own(stacked):
    region = stacked("tokyo")
    region.configure(images=STAND_IN_IMAGES)
    with_environments(region, {"payments": {**ENVIRONMENTS["payments"], "tier": 2}, "research": ENVIRONMENTS["research"]})
    assert (result := region.up()).exit_code == 0, result.errors
    doors = {name: door(name, served) for name, served in region.config().environments.items()}
    for noun, name, port in (("egress-proxies", "research", doors["research"]), ("egress-proxies-2", "payments", doors["payments"])):
        listeners = json.loads(region.machine_files(noun)["/etc/domicile/envoy.json"])["static_resources"]["listeners"]
        assert [each["address"]["socket_address"]["port_value"] for each in listeners] == [port, 8081]
        assert region.one("Group", noun)["targetGroupArns"] == [region.one("TargetGroup", f"{name}/door")["arn"]]
    second = region.rehearsal.cloud.thing("SecurityGroup", "egress-balancer-2").id
    assert region.one("LoadBalancer", "egress-2")["securityGroups"] == [second]
    assert region.one("Listener", "payments/door")["loadBalancerArn"] == region.one("LoadBalancer", "egress-2")["arn"]
    into = [found.properties for found in region.things("SecurityGroupIngressRule") if found.properties["securityGroupId"] == second]
    assert [(rule["fromPort"], rule["referencedSecurityGroupId"]) for rule in into] == [
        (doors["payments"], region.rehearsal.cloud.thing("SecurityGroup", "payments/door").id)
    ]
