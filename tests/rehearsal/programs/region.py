"""A region's perimeter in miniature, of the types that a real one uses: network, hosts, images, secrets, archive, alarms, webhook."""

import base64
import json

import pulumi
import pulumi_aws as aws

config = pulumi.Config()
here = aws.get_region().region
account = aws.get_caller_identity().account_id
zones = aws.get_availability_zones(state="available").names[:2]
size = config.get_int("size") or 2


def statement(**parts):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **parts}]})


root = {"Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "kms:*", "Resource": "*"}
logs = {"Principal": {"Service": f"logs.{here}.amazonaws.com"}, "Action": ["kms:Encrypt*", "kms:Decrypt*"], "Resource": "*"}
document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **root}, {"Effect": "Allow", **logs}]}
key = aws.kms.Key("key", enable_key_rotation=True, deletion_window_in_days=7, policy=json.dumps(document))
aws.kms.Alias("key", name="alias/perimeter", target_key_id=key.key_id)

vpc = aws.ec2.Vpc("vpc", cidr_block=config.get("cidr") or "10.40.0.0/16", enable_dns_hostnames=True)
gateway = aws.ec2.InternetGateway("gateway", vpc_id=vpc.id)
public = aws.ec2.Subnet("public", vpc_id=vpc.id, availability_zone=zones[0], cidr_block="10.40.100.0/24")
subnets = [aws.ec2.Subnet(z, vpc_id=vpc.id, availability_zone=z, cidr_block=f"10.40.{i}.0/24") for i, z in enumerate(zones)]
address = aws.ec2.Eip("nat", domain="vpc")
nat = aws.ec2.NatGateway(  # deleted first: two can't have one address
    "nat", subnet_id=public.id, allocation_id=address.allocation_id,
    opts=pulumi.ResourceOptions(depends_on=[gateway], delete_before_replace=True),
)  # fmt: skip
out = aws.ec2.RouteTable("out", vpc_id=vpc.id)
aws.ec2.Route("out", route_table_id=out.id, destination_cidr_block="0.0.0.0/0", gateway_id=gateway.id)
aws.ec2.RouteTableAssociation("out", subnet_id=public.id, route_table_id=out.id)
inner = aws.ec2.RouteTable("inner", vpc_id=vpc.id)
for i, subnet in enumerate(subnets):
    aws.ec2.RouteTableAssociation(f"inner-{i}", subnet_id=subnet.id, route_table_id=inner.id)
group = aws.ec2.SecurityGroup("hosts", vpc_id=vpc.id, description="worker hosts")
aws.vpc.SecurityGroupEgressRule(
    "https", security_group_id=group.id, ip_protocol="tcp", from_port=443, to_port=443, cidr_ipv4=vpc.cidr_block
)
aws.ec2.VpcEndpoint(
    "secrets", vpc_id=vpc.id, service_name=f"com.amazonaws.{here}.secretsmanager", vpc_endpoint_type="Interface", private_dns_enabled=True,
    subnet_ids=[s.id for s in subnets], security_group_ids=[group.id],
    policy=statement(Principal="*", Action="secretsmanager:GetSecretValue", Resource="*"),
)  # fmt: skip
aws.ec2.VpcEndpoint("s3", vpc_id=vpc.id, service_name=f"com.amazonaws.{here}.s3", route_table_ids=[inner.id])
domains = aws.route53.ResolverFirewallDomainList("allowed", domains=["*.amazonaws.com"])
firewall = aws.route53.ResolverFirewallRuleGroup("firewall")
aws.route53.ResolverFirewallRule(
    "allow", firewall_rule_group_id=firewall.id, firewall_domain_list_id=domains.id, priority=1, action="ALLOW"
)
aws.route53.ResolverFirewallRuleGroupAssociation("firewall", firewall_rule_group_id=firewall.id, vpc_id=vpc.id, priority=101)

log = aws.cloudwatch.LogGroup("flow", retention_in_days=365, kms_key_id=key.arn)
flow_role = aws.iam.Role(
    "flow", assume_role_policy=statement(Principal={"Service": "vpc-flow-logs.amazonaws.com"}, Action="sts:AssumeRole")
)
aws.ec2.FlowLog("flow", vpc_id=vpc.id, traffic_type="ALL", log_destination=log.arn, iam_role_arn=flow_role.arn)

archive = aws.s3.Bucket("archive", object_lock_enabled=True)
aws.s3.BucketVersioning("archive", bucket=archive.id, versioning_configuration={"status": "Enabled"})
aws.s3.BucketObjectLockConfiguration("archive", bucket=archive.id, rule={"default_retention": {"mode": "COMPLIANCE", "days": 365}})
aws.s3.BucketPolicy(
    "archive", bucket=archive.id, policy=archive.arn.apply(lambda a: statement(Principal="*", Action="s3:GetObject", Resource=f"{a}/*"))
)

secret = aws.secretsmanager.Secret("key", kms_key_id=key.arn, recovery_window_in_days=0)
role = aws.iam.Role("hosts", assume_role_policy=statement(Principal={"Service": "ec2.amazonaws.com"}, Action="sts:AssumeRole"))
aws.iam.RolePolicy(
    "hosts", role=role.name,
    policy=secret.arn.apply(lambda a: statement(Action="secretsmanager:GetSecretValue", Resource=a)),
)  # fmt: skip
aws.iam.RolePolicyAttachment("hosts", role=role.name, policy_arn="arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
profile = aws.iam.InstanceProfile("hosts", role=role.name)
image = aws.ssm.get_parameter(name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64").value
user_data = base64.b64encode((config.get("user_data") or "#!/bin/sh\n").encode()).decode()
template = aws.ec2.LaunchTemplate(
    "hosts", image_id=image, instance_type="m7g.large", vpc_security_group_ids=[group.id], iam_instance_profile={"arn": profile.arn},
    metadata_options={"http_tokens": "required", "http_put_response_hop_limit": 1}, user_data=user_data,
    block_device_mappings=[{"device_name": "/dev/xvda", "ebs": {"encrypted": "true", "kms_key_id": key.arn, "volume_size": 40}}],
)  # fmt: skip
balancer = aws.lb.LoadBalancer("proxy", internal=True, load_balancer_type="network", subnets=[s.id for s in subnets])
targets = aws.lb.TargetGroup("proxy", port=8080, protocol="TCP", vpc_id=vpc.id, target_type="instance")
aws.lb.Listener(
    "proxy", load_balancer_arn=balancer.arn, port=8080, protocol="TCP",
    default_actions=[{"type": "forward", "target_group_arn": targets.arn}],
)  # fmt: skip
hosts = aws.autoscaling.Group(
    "hosts", min_size=0, max_size=size, vpc_zone_identifiers=[s.id for s in subnets], target_group_arns=[targets.arn],
    launch_template={"id": template.id, "version": template.latest_version.apply(str)},
)  # fmt: skip
aws.autoscaling.LifecycleHook(
    "drain", autoscaling_group_name=hosts.name, lifecycle_transition="autoscaling:EC2_INSTANCE_TERMINATING", heartbeat_timeout=900
)
images = aws.ecr.Repository(
    "images",
    name="perimeter/host",
    image_tag_mutability="IMMUTABLE",
    encryption_configurations=[{"encryption_type": "KMS", "kms_key": key.arn}],
)
alarms = aws.sns.Topic("alarms", kms_master_key_id=key.id)
aws.cloudwatch.MetricAlarm(
    "nobody", comparison_operator="LessThanThreshold", evaluation_periods=3, metric_name="Polls", namespace="Domicile", period=60,
    statistic="Sum", threshold=1, alarm_actions=[alarms.arn],
)  # fmt: skip
pulumi.export("vpc", vpc.id)
pulumi.export("proxy", balancer.dns_name)
pulumi.export("repository", images.repository_url)
