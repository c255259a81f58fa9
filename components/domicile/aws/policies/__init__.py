"""Every policy document of an AWS stack, by what it guards; those of its functions are in `function_policies`,
what a workspace at Claude Platform on AWS lets roles do in `workspace_policies`. Nothing else writes one.

Source of actions, resources and condition keys: AWS's Service Authorization Reference; of what differs, beside the statement.
"""

from domicile.aws.policies.endpoints import endpoint
from domicile.aws.policies.keys import encryption_key, secret
from domicile.aws.policies.roles import egress_proxy, flow_logs, query_logs, trust, tunnel_host, worker_host
from domicile.aws.policies.stores import access_log_bucket, alarm_topic, archive_bucket, repository, settings_bucket

__all__ = [
    "access_log_bucket",
    "alarm_topic",
    "archive_bucket",
    "egress_proxy",
    "encryption_key",
    "endpoint",
    "flow_logs",
    "query_logs",
    "repository",
    "secret",
    "settings_bucket",
    "trust",
    "tunnel_host",
    "worker_host",
]
