"""Programs of a machine of either fleet, for what its image can do by itself: `curl` signs, `jq` reads.

Run by root in the machine's own network namespace, the only place where the metadata service answers. Secrets go by standard input and
output, never in arguments.
"""

from __future__ import annotations

from collections.abc import Mapping

from domicile.aws.names import Names
from domicile.worker_hosts.quadlet import AUTH_FILE

LIBRARY = "/usr/local/lib/domicile.sh"
LOGIN = "/usr/local/bin/domicile-registry-login"
LOGS = "/usr/local/bin/domicile-logs"
LOGS_FOLDER = "domicile-logs"
"""Below `/run` for what is on its way, below `/var/lib` for how far it got."""

LINES, LETTERS = 100, 8192
"""A batch, and a line's part of it: together below the MiB that one call takes (CloudWatch Logs API: PutLogEvents)."""

LOOK_SECONDS = 15


def begin() -> str:
    """How each program begins."""
    return f"#!/bin/bash\nset -euo pipefail\nsource {LIBRARY}\n"


def library(names: Names) -> str:
    """Functions of all programs: `metadata PATH`, `role`, `signed SERVICE curl's arguments`."""
    return f"""# Of the programs in /usr/local/bin/domicile-*.
imds=http://169.254.169.254/latest
region={names.region}
registry={names.registry}

metadata() {{
  local token
  token=$(curl -sSf --max-time 10 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$imds/api/token")
  printf 'header = "X-aws-ec2-metadata-token: %s"\\n' "$token" | curl -sSf --max-time 10 --config - "$imds/meta-data/$1"
}}

role() {{ metadata "iam/security-credentials/$(metadata iam/security-credentials/)"; }}

signed() {{
  local service=$1
  shift
  role | jq -er '"user = \\"\\(.AccessKeyId):\\(.SecretAccessKey)\\"\\nheader = \\"x-amz-security-token: \\(.Token)\\""' |
    curl -sSf --max-time 30 --config - --aws-sigv4 "aws:amz:$region:$service" "$@"
}}
"""


def metrics(names: Names, values: Mapping[str, str]) -> str:
    """A line that tells CloudWatch numbers of this stack, by metric: each as Bash says it."""
    fields = [f"MetricData.member.{place}.{name}={value}" for place, (metric, number) in enumerate(values.items(), 1)
              for name, value in (("MetricName", metric), ("Dimensions.member.1.Name", "Stack"), ("Dimensions.member.1.Value", names.stack),
                                  ("Value", number))]  # fmt: skip
    data = " ".join(f'-d "{field}"' for field in fields)
    call = f"signed monitoring -o /dev/null -d Action=PutMetricData -d Version=2010-08-01 -d Namespace={names.metrics} {data}"
    return f'{call} \\\n  "https://monitoring.$region.amazonaws.com/"'


def login(names: Names) -> str:
    """ECR's login, for podman and for whoever reads the registry's API."""
    return f"""{begin()}
signed ecr \\
  -H 'content-type: application/x-amz-json-1.1' \\
  -H 'x-amz-target: AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken' \\
  --data '{{}}' "https://api.ecr.$region.amazonaws.com/" |
  jq -e --arg registry "$registry" '{{auths: {{($registry): {{auth: .authorizationData[0].authorizationToken}}}}}}' >{AUTH_FILE}.new
mv {AUTH_FILE}.new {AUTH_FILE}
"""


def logs(names: Names, noun: str) -> str:
    """The machine's journal, services and all, to its log group. How far it got is noted when a batch was taken: nothing is left out."""
    return f"""{begin()}
at=/var/lib/{LOGS_FOLDER}/cursor
cd /run/{LOGS_FOLDER}
call() {{
  signed logs -o /dev/null -H 'content-type: application/x-amz-json-1.1' -H "x-amz-target: Logs_20140328.$1" \\
    --data "@$2" "https://logs.$region.amazonaws.com/"
}}
jq -n --arg stream "$(metadata instance-id)" '{{logGroupName: "{names.log_group(noun)}", logStreamName: $stream}}' >stream.json
call CreateLogStream stream.json || true  # it is there already after the first time
while true; do
  rm -f cursor
  if [ -e "$at" ]; then cp "$at" cursor; fi
  journalctl --quiet --output json --cursor-file cursor --lines +{LINES} |
    jq -s --slurpfile of stream.json '$of[0] + {{logEvents: map({{
      timestamp: (.__REALTIME_TIMESTAMP | tonumber / 1000 | floor),
      message: "\\(.SYSLOG_IDENTIFIER // "-"): \\(.MESSAGE | tostring | .[0:{LETTERS}])"
    }}) | sort_by(.timestamp)}}' >batch.json
  if jq -e '.logEvents != []' batch.json >/dev/null; then
    call PutLogEvents batch.json
    mv cursor "$at"
  else
    sleep {LOOK_SECONDS}
  fi
done
"""
