"""Small programs through the embedded engine on the double: what a stack's life looks like. Named after what each one proves."""

from __future__ import annotations

NETWORK = """
vpc = aws.ec2.Vpc("net", cidr_block="{cidr}", enable_dns_hostnames=True, tags={{"team": "{team}"}})
subnet = aws.ec2.Subnet("a", vpc_id=vpc.id, availability_zone="ap-northeast-1a", cidr_block="10.1.1.0/24")
group = aws.ec2.SecurityGroup("hosts", vpc_id=vpc.id, description="hosts", egress=[
    {{"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["10.1.0.0/16"]}}])
pulumi.export("vpc", vpc.id)
"""
FIRST = NETWORK.format(cidr="10.1.0.0/16", team="one")


def test_a_stack_is_made_left_alone_changed_and_removed(stage):
    assert stage.preview(FIRST).summary == {"create": 4}
    assert stage.made() == {}, "a preview makes nothing"
    made = stage.up()
    assert made.exit_code == 0 and made.summary == {"create": 4}
    assert made.outputs["vpc"] == stage.thing("Vpc").id
    assert stage.up().summary == {"same": 4}
    changed = stage.up(NETWORK.format(cidr="10.1.0.0/16", team="two"))
    assert changed.summary == {"same": 3, "update": 1}
    assert stage.thing("Vpc").properties["tags"] == {"team": "two"}
    assert stage.destroy().exit_code == 0
    assert stage.made() == {}


def test_what_cannot_be_changed_is_made_anew_with_all_that_lies_in_it(stage):
    stage.up(FIRST)
    before = stage.thing("Vpc").id
    result = stage.up(NETWORK.format(cidr="10.1.0.0/17", team="one"))
    assert result.exit_code == 0, result.errors
    assert result.summary == {"replace": 3, "same": 1}
    assert stage.made() == {"SecurityGroup": 1, "Subnet": 1, "Vpc": 1}
    assert stage.thing("Vpc").id != before


def test_a_refresh_finds_a_hand_edit_and_up_mends_it(stage):
    stage.up(FIRST)
    stage.rehearsal.cloud.edit(stage.thing("Vpc"), tags={"team": "somebody else's"})
    assert stage.refresh().summary == {"same": 3, "update": 1}
    assert stage.up().summary == {"same": 3, "update": 1}
    assert stage.thing("Vpc").properties["tags"] == {"team": "one"}


def test_what_somebody_set_that_the_program_leaves_out_is_drift_too(stage):
    stage.up(FIRST)
    stage.rehearsal.cloud.edit(stage.thing("Subnet"), mapPublicIpOnLaunch=True)
    assert stage.refresh().summary == {"same": 3, "update": 1}
    assert stage.up().summary == {"same": 3, "update": 1}
    assert stage.thing("Subnet").properties["mapPublicIpOnLaunch"] is False


def test_what_has_vanished_is_made_again(stage):
    stage.up(FIRST)
    stage.rehearsal.cloud.vanish(stage.thing("SecurityGroup"))
    assert stage.refresh().summary == {"delete": 1, "same": 3}
    assert stage.up().summary == {"create": 1, "same": 3}


def test_things_brought_along_are_found_and_left_behind(stage):
    vpc = stage.rehearsal.add("aws:ec2/vpc:Vpc", "theirs", "ap-northeast-1", {"cidrBlock": "10.9.0.0/16"}, "vpc-0123456789abcdef0")
    assert vpc.id == "vpc-0123456789abcdef0"
    program = 'v = aws.ec2.get_vpc(id="vpc-0123456789abcdef0")\naws.ec2.Subnet("a", vpc_id=v.id, cidr_block=v.cidr_block)\n'
    assert stage.up(program).exit_code == 0
    assert stage.thing("Subnet").properties["cidrBlock"] == "10.9.0.0/16"
    stage.destroy()
    assert stage.made() == {"Vpc": 1}


def test_explicit_providers_have_their_own_region_tags_and_accounts(stage):
    result = stage.up(
        'eu = aws.Provider("eu", region="eu-central-1", default_tags={"tags": {"owner": "us"}}, allowed_account_ids=["123456789012"])\n'
        'v = aws.ec2.Vpc("v", cidr_block="10.0.0.0/16", tags={"a": "b"}, opts=O(provider=eu))\n'
        'aws.sqs.Queue("q", region="me-central-1")\n'
        'pulumi.export("tags", v.tags_all)\n'
    )
    assert result.exit_code == 0, result.errors
    assert result.outputs["tags"] == {"a": "b", "owner": "us"}
    assert stage.thing("Vpc").region == "eu-central-1" and stage.thing("Queue").region == "me-central-1"


def test_an_account_that_is_not_allowed_is_refused(stage):
    result = stage.up(
        'p = aws.Provider("p", region="eu-central-1", allowed_account_ids=["999999999999"])\naws.sqs.Queue("q", opts=O(provider=p))\n'
    )
    assert result.exit_code == 1 and "999999999999" in "".join(result.errors)
    assert stage.made() == {}


def test_secrets_stay_secret_in_the_state(stage):
    stage.up(
        's = aws.secretsmanager.Secret("s")\n'
        'aws.secretsmanager.SecretVersion("v", secret_id=s.id, secret_string=pulumi.Output.secret("canary-7f3a"))\n'
    )
    assert "canary-7f3a" not in (stage.root.parent / "backend/.pulumi/stacks/stage/dev.json").read_text()
    assert stage.thing("SecretVersion").properties["secretString"] == "canary-7f3a", "the cloud itself has it, as AWS would"


def test_every_change_is_logged_as_the_actions_it_needs(stage):
    stage.up(FIRST)
    stage.destroy()
    actions = {(c.operation, c.action) for c in stage.rehearsal.calls()}
    assert {("create", "ec2:CreateVpc"), ("delete", "ec2:DeleteVpc"), ("create", "ec2:AuthorizeSecurityGroupEgress")} <= actions
