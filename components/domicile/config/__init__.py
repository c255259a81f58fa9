"""What a stack may say: `domicile:<key>` in `stacks/Pulumi.<stack>.yaml`, validated whole before anything is touched.

The stack program calls `from_pulumi`, the command `from_file`, tests `load`; all three check alike and raise `ConfigError`.
"""

from domicile.config.audit import Audit, OtlpSink, Sink, SplunkHecSink
from domicile.config.aws import Aws
from domicile.config.control_plane import STAND_IN_RESOLVER, ControlPlane
from domicile.config.egress import Credential, Egress, EgressRule, HttpRule
from domicile.config.environment import Environment
from domicile.config.environments import ServedEnvironment
from domicile.config.faults import ConfigError, Fault
from domicile.config.network import Network
from domicile.config.perimeter import Declared, PerimeterConfig
from domicile.config.residency import Residency, residency_manifest
from domicile.config.retain import Retain
from domicile.config.source import from_file, from_pulumi, load
from domicile.config.worker_host import Limits, WorkerHost
from domicile.residency import STAND_IN_ADDRESS, Jurisdiction

__all__ = [
    "STAND_IN_ADDRESS",
    "STAND_IN_RESOLVER",
    "Audit",
    "Aws",
    "ConfigError",
    "ControlPlane",
    "Credential",
    "Declared",
    "Egress",
    "EgressRule",
    "Environment",
    "Fault",
    "HttpRule",
    "Jurisdiction",
    "Limits",
    "Network",
    "OtlpSink",
    "PerimeterConfig",
    "Residency",
    "Retain",
    "ServedEnvironment",
    "Sink",
    "SplunkHecSink",
    "WorkerHost",
    "from_file",
    "from_pulumi",
    "load",
    "residency_manifest",
]
