"""Keys, roles and boundaries: who may do what, and what is brought along."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, model_validator

from domicile.config.aws.identifiers import InstanceProfileArn, KeyArn, PolicyArn, RoleArn
from domicile.config.faults import Objection, refuse
from domicile.config.section import Section, repeated


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
    worker_role: RoleArn | None = Field(None, description="the worker hosts' role; unset: the stack makes a minimal one")
    worker_instance_profile: InstanceProfileArn | None = Field(None, description="the instance profile of `workerRole`")

    @model_validator(mode="after")
    def _fits_together(self) -> Access:
        refuse(self._objections())
        return self

    def _objections(self) -> Iterator[Objection]:
        if not self.administrators:
            yield Objection(("administrators",), "at least one role: nobody could put the environment key in", "name the role that may")
        for again, first in repeated(self.administrators):
            yield Objection(("administrators", again), "each role once", f"remove it: administrators[{first}] is the same")
        if (self.worker_role is None) != (self.worker_instance_profile is None):
            missing = "workerRole" if self.worker_role is None else "workerInstanceProfile"
            yield Objection((missing,), "`workerRole` and `workerInstanceProfile` together", f"set `{missing}`, or remove the other")
        if self.worker_role is not None and self.worker_role in self.administrators:
            yield Objection(("workerRole",), "a role that isn't an administrator's: worker hosts only read the key", "name another role")

    @property
    def writers(self) -> tuple[str, ...]:
        """Roles that administer what the stack makes."""
        return tuple(dict.fromkeys((*self.administrators, *((self.deployer,) if self.deployer else ()))))
