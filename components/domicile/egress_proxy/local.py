"""The egress proxy of a `local` host: Envoy's bootstrap, and the CA with which it opens inspected hosts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pulumi

from domicile.environment_key.local import EGRESS_CA, MOUNT, SecretsManager
from domicile.environment_key.openbao import OpenBao, OpenBaoError
from domicile.machine.resource import MachineProvider, MachineResource, Spec
from domicile.places import StackPlaces


class EgressAuthoritySpec(Spec):
    """Where the CA's key is kept, and the stack that it is named after."""

    socket: Path
    token_file: Path
    stack: str


class EgressAuthorityProvider(MachineProvider):
    """Makes the CA once. Its key is in the secrets manager and in the dispatcher's memory, and nowhere else."""

    spec = EgressAuthoritySpec
    replaces = frozenset({"socket"})

    def identity(self, spec: EgressAuthoritySpec) -> str:
        return f"{MOUNT}/{EGRESS_CA}"

    def ensure(self, spec: EgressAuthoritySpec) -> Mapping[str, Any]:
        from domicile_host.egress.authority import make_authority

        with OpenBao(spec.socket, spec.token_file.read_text()) as bao:
            if not bao.has_secret(MOUNT, EGRESS_CA):
                pair = make_authority(spec.stack)
                bao.write_secret(MOUNT, EGRESS_CA, {"certificate": pair.certificate, "key": pair.key})
        return {}

    def look(self, spec: EgressAuthoritySpec, _facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if not spec.token_file.exists():
            return None
        try:
            with OpenBao(spec.socket, spec.token_file.read_text()) as bao:
                return {} if bao.has_secret(MOUNT, EGRESS_CA) else None
        except OpenBaoError:  # it is away, or was made anew: look again when it has been provisioned
            return None

    def remove(self, spec: EgressAuthoritySpec) -> None:
        """Goes with the secrets manager's data."""


class EgressAuthority(MachineResource):
    """The inspecting proxy's CA: the fields of `EgressAuthoritySpec`."""

    provider: ClassVar[MachineProvider] = EgressAuthorityProvider()


def build_authority(places: StackPlaces, manager: SecretsManager, opts: pulumi.ResourceOptions) -> EgressAuthority:
    """The CA of this perimeter's proxy."""
    return EgressAuthority(
        "egress-authority",
        socket=str(places.secrets_socket),
        token_file=str(places.secrets / "provisioner-token"),
        stack=places.stack,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[manager])),
    )
