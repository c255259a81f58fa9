"""Inputs that the components of a region set and that no rule guards, each with its reason. What stands here nowhere needs a mutation."""

from __future__ import annotations

_REASONS = {
    "labels: nothing decides by them": """
        *.tags *.name *.description aws.defaultTags Permission.statementId LogResourcePolicy.policyName BucketLogging.targetPrefix
        MetricAlarm.alarmDescription LaunchTemplate.tagSpecifications BucketObjectv2.key BucketObjectv2.contentType""",
    "says what the resource is for; pointed elsewhere, the rules find its target unguarded, as when it is lost": """
        BucketLifecycleConfiguration.bucket BucketLogging.bucket BucketObjectLockConfiguration.bucket BucketOwnershipControls.bucket
        BucketPolicy.bucket BucketPublicAccessBlock.bucket BucketServerSideEncryptionConfiguration.bucket BucketVersioning.bucket
        DefaultSecurityGroup.vpcId FlowLog.vpcId RepositoryPolicy.repository ResolverFirewallConfig.resourceId SecretPolicy.secretArn
        ResolverFirewallRule.firewallRuleGroupId ResolverFirewallRuleGroupAssociation.vpcId TopicPolicy.arn EventTarget.rule
        ResolverQueryLogConfigAssociation.resourceId SecurityGroupIngressRule.securityGroupId RolePolicy.role LifecyclePolicy.repository
        ResolverFirewallRuleGroupAssociation.firewallRuleGroupId ResolverQueryLogConfigAssociation.resolverQueryLogConfigId""",
    "which thing: the egress proof on the graph judges the ways that it opens": """
        InternetGateway.vpcId NatGateway.allocationId NatGateway.subnetId Route.destinationCidrBlock Route.gatewayId Route.natGatewayId
        Route.routeTableId RouteTable.vpcId RouteTableAssociation.subnetId SecurityGroup.vpcId Subnet.cidrBlock Subnet.vpcId Vpc.cidrBlock
        SecurityGroupEgressRule.prefixListId SecurityGroupEgressRule.referencedSecurityGroupId LoadBalancer.subnets
        SecurityGroupIngressRule.referencedSecurityGroupId VpcEndpoint.routeTableIds VpcEndpoint.subnetIds VpcEndpoint.vpcEndpointType
        VpcEndpoint.vpcId VpcEndpointRouteTableAssociation.routeTableId VpcEndpointRouteTableAssociation.vpcEndpointId
        Listener.defaultActions Listener.loadBalancerArn Listener.port Listener.protocol LoadBalancer.loadBalancerType TargetGroup.port
        TargetGroup.protocol TargetGroup.targetType TargetGroup.vpcId Group.targetGroupArns Group.launchTemplate""",
    "the name that AWS's resolver gives; off, nothing resolves and nothing works": "Vpc.enableDnsHostnames Vpc.enableDnsSupport",
    "how it answers, not what: a blocked name resolves to nothing in any case, and allowed names are whole": """
        ResolverFirewallRule.blockResponse ResolverFirewallRule.firewallDomainRedirectionAction ResolverFirewallRule.priority
        ResolverFirewallRuleGroupAssociation.priority""",
    "a log's destination; in another region DOM-RES-007 finds it, and every group of the stack is judged": """
        FlowLog.iamRoleArn FlowLog.logDestination FlowLog.logDestinationType ResolverQueryLogConfig.destinationArn""",
    "how the fleet works and scales: it costs or stops, and opens nothing": """
        Group.defaultInstanceWarmup Group.enabledMetrics Group.healthCheckGracePeriod Group.healthCheckType Group.instanceMaintenancePolicy
        Group.instanceRefresh Group.maxSize Group.minSize Group.terminationPolicies LifecycleHook.autoscalingGroupName
        LifecycleHook.defaultResult LifecycleHook.heartbeatTimeout LifecycleHook.lifecycleTransition Policy.autoscalingGroupName
        Policy.policyType Policy.targetTrackingConfiguration LaunchTemplate.ebsOptimized LaunchTemplate.instanceType
        LaunchTemplate.instanceInitiatedShutdownBehavior LaunchTemplate.monitoring LaunchTemplate.updateDefaultVersion
        LoadBalancer.enableCrossZoneLoadBalancing TargetGroup.deregistrationDelay TargetGroup.healthCheck Function.memorySize
        Function.reservedConcurrentExecutions Function.timeout EventRule.scheduleExpression EventTarget.retryPolicy""",
    "when an alarm sounds is the operator's to say; that it reaches somebody and hears silence is guarded": """
        MetricAlarm.dimensions MetricAlarm.evaluationPeriods MetricAlarm.namespace MetricAlarm.okActions MetricAlarm.period
        MetricAlarm.statistic""",
    "which role: each role's rights and trust are judged themselves": """
        Function.role InstanceProfile.role LaunchTemplate.iamInstanceProfile""",
    "which code: its hash is guarded": """
        Function.handler Function.runtime Function.s3Bucket Function.s3Key BucketObjectv2.bucket BucketObjectv2.contentBase64""",
    "a bucket's name; a replacement is refused while it holds locked records": "Bucket.bucket",
    "a second bound beside sourceArn, whose loss is found": "Permission.sourceAccount",
    "what calls which function: DOM-ACC-006 and DOM-ACC-007 judge who": "Permission.action Permission.function",
    "the kind of an address for NAT": "Eip.domain",
    "a name of the key, which nothing in the stack uses": "Alias.targetKeyId",
    "parts of the webhook's API: its one route, its throttle and its log are guarded": """
        Api.protocolType Integration.apiId Integration.integrationType Integration.integrationUri Integration.payloadFormatVersion
        Integration.timeoutMilliseconds Route.apiId Route.target Stage.apiId Stage.autoDeploy""",
    "checks of the provider before it calls AWS, which refuses by itself": """
        aws.skipCredentialsValidation aws.skipRegionValidation aws.version""",
    "judged by DOM-RES-002 for every type alike": "*.region",
}

UNGUARDED: dict[str, str] = {prop: reason for reason, props in _REASONS.items() for prop in props.split()}
"""Why, by `Kind.property`; `*` for any kind."""
