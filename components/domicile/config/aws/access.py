"""Keys, roles and boundaries: who may do what, and what is brought along."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, model_validator
from pydantic.alias_generators import to_camel

from domicile.config.aws.identifiers import InstanceProfileArn, KeyArn, PolicyArn, RoleArn
from domicile.config.faults import Objection, refuse
from domicile.config.section import Section, repeated

BROUGHT = {
    "worker-host": "worker_role", "egress-proxy": "egress_role", "tunnel-host": "tunnel_role", "flow-logs": "flow_logs_role",
    "function-watch": "watch_role", "function-webhook": "webhook_role", "sessions": "sessions_role",
}  # fmt: skip
"""The roles of a stack by its own names for them, and what brings one along."""

PROFILES = {
    "worker_role": "worker_instance_profile",
    "egress_role": "egress_instance_profile",
    "tunnel_role": "tunnel_instance_profile",
}
"""A machine takes a role by its instance profile: both, or neither."""

OF_ENVIRONMENT = ("worker_role", "watch_role", "webhook_role", "sessions_role")
"""What each of several environments has for itself."""


class Access(Section):
    """Administrators, and what is used in place of what the stack would make."""

    administrators: tuple[RoleArn, ...] = Field(
        description="roles that may write the environment key and administer the encryption key",
        examples=["[arn:aws:iam::111122223333:role/platform-admin]"],
    )
    deployer: RoleArn | None = Field(
        None,
        description="the role that applies this stack; unset: one of the administrators does",
        examples=["arn:aws:iam::111122223333:role/deployer"],
    )
    encryption_key: KeyArn | None = Field(None, description="a customer managed KMS key of your own; unset: the stack makes one")
    permissions_boundary: PolicyArn | None = Field(None, description="set on every role that the stack makes")
    worker_role: RoleArn | None = Field(None, description="the worker hosts' role; unset, as with each: the stack makes a minimal one")
    worker_instance_profile: InstanceProfileArn | None = Field(None, description="the instance profile of `workerRole`")
    egress_role: RoleArn | None = Field(None, description="the egress proxies' role")
    egress_instance_profile: InstanceProfileArn | None = Field(None, description="the instance profile of `egressRole`")
    tunnel_role: RoleArn | None = Field(None, description="the tunnel hosts' role")
    tunnel_instance_profile: InstanceProfileArn | None = Field(None, description="the instance profile of `tunnelRole`")
    flow_logs_role: RoleArn | None = Field(None, description="the role with which the VPC writes its flow logs")
    watch_role: RoleArn | None = Field(None, description="the role of the function that watches the queue")
    webhook_role: RoleArn | None = Field(None, description="the role of the function that webhooks come to")
    sessions_role: RoleArn | None = Field(None, description="the session gateways' role at Claude Platform on AWS")

    @model_validator(mode="after")
    def _fits_together(self) -> Access:
        refuse(self._objections())
        return self

    def _objections(self) -> Iterator[Objection]:
        if not self.administrators:
            yield Objection(("administrators",), "at least one role: nobody could put the environment key in", "name the role that may")
        for again, first in repeated(self.administrators):
            yield Objection(("administrators", again), "each role once", f"remove it: administrators[{first}] is the same")
        yield from self._pair_objections()
        if self.worker_role is not None and self.worker_role in self.administrators:
            yield Objection(("workerRole",), "a role that isn't an administrator's: worker hosts only read the key", "name another role")
        given = [(field, getattr(self, field)) for field in BROUGHT.values() if getattr(self, field)]
        for again, first in repeated([arn for _, arn in given]):
            allowed = f"a role of its own for each: this is `{to_camel(given[first][0])}`'s, and one would have what both need"
            yield Objection((to_camel(given[again][0]),), allowed, "name another role")

    def _pair_objections(self) -> Iterator[Objection]:
        for role, profile in PROFILES.items():
            if (getattr(self, role) is None) != (getattr(self, profile) is None):
                both = f"`{to_camel(role)}` and `{to_camel(profile)}` together"
                missing = to_camel(role if getattr(self, role) is None else profile)
                yield Objection((missing,), both, f"set `{missing}`, or remove the other")

    @property
    def brought(self) -> dict[str, str]:
        """ARNs of the roles that the stack doesn't make, by its own names for them."""
        return {noun: getattr(self, field) for noun, field in BROUGHT.items() if getattr(self, field)}

    def profile(self, noun: str) -> str | None:
        """ARN of the instance profile that was brought along with a machine's role; None for other roles."""
        found: str | None = getattr(self, PROFILES.get(BROUGHT[noun], ""), None)
        return found

    @property
    def writers(self) -> tuple[str, ...]:
        """Roles that administer what the stack makes."""
        return tuple(dict.fromkeys((*self.administrators, *((self.deployer,) if self.deployer else ()))))
