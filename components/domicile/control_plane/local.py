"""The stand-in for the control plane on a `local` host, and the namespace that stands for the internet around it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pulumi

from domicile.config import STAND_IN_ADDRESS, STAND_IN_RESOLVER, PerimeterConfig
from domicile.environment_key.local import CREDENTIALS, ENVIRONMENT_KEY, MOUNT, SecretsManager
from domicile.environment_key.openbao import OpenBao, OpenBaoError
from domicile.machine.command import CommandError
from domicile.machine.container import Container, Mount
from domicile.machine.files import Folder
from domicile.machine.identities import Identity
from domicile.machine.image import Image
from domicile.machine.link import Link
from domicile.machine.resource import MachineProvider, MachineResource, Spec
from domicile.places import StackPlaces

ORIGIN_ADDRESS = "203.0.113.20"
"""Where the names of the demonstration's hosts lead in the stand-in for the internet (TEST-NET-3, RFC 5737)."""

OUTSIDE_ADDRESSES = [f"{address}/32" for address in (STAND_IN_ADDRESS, ORIGIN_ADDRESS, STAND_IN_RESOLVER)]
DENIED_HOST = "denied.example.net"
"""A host that is there, and that no demonstration policy allows."""


class StandInAccountSpec(Spec):
    """The stand-in's admin socket, the environment that it shall have, and where its keys go."""

    admin: Path
    environment_id: str
    secrets_socket: Path
    token_file: Path
    credentials: list[str] = []


class StandInAccountProvider(MachineProvider):
    """Does what a person does at the real Console: makes the environment and its key, and puts the key into the secrets manager."""

    spec = StandInAccountSpec
    replaces = frozenset({"admin", "environment_id"})

    def identity(self, spec: StandInAccountSpec) -> str:
        return spec.environment_id

    def ensure(self, spec: StandInAccountSpec) -> Mapping[str, Any]:
        ask(spec.admin, "/admin/environments", {"id": spec.environment_id, "name": spec.environment_id})
        with OpenBao(spec.secrets_socket, spec.token_file.read_text()) as bao:
            if not bao.has_secret(MOUNT, ENVIRONMENT_KEY):
                made = ask(spec.admin, "/admin/environment-keys", {"environment_id": spec.environment_id})
                bao.write_secret(MOUNT, ENVIRONMENT_KEY, {"value": made["key"]})
            for name in spec.credentials:
                if not bao.has_secret(MOUNT, f"{CREDENTIALS}/{name}"):
                    bao.write_secret(MOUNT, f"{CREDENTIALS}/{name}", {"value": f"stand-in-{secrets.token_urlsafe(24)}"})
        return {}

    def look(self, spec: StandInAccountSpec, _facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if not spec.token_file.exists():
            return None
        try:
            with OpenBao(spec.secrets_socket, spec.token_file.read_text()) as bao:
                known = bao.has_secret(MOUNT, ENVIRONMENT_KEY)
                present = [name for name in spec.credentials if bao.has_secret(MOUNT, f"{CREDENTIALS}/{name}")]
        except OpenBaoError:  # it is away, or was made anew: look again when it has been provisioned
            return None
        return {"credentials": present} if known else None

    def remove(self, spec: StandInAccountSpec) -> None:
        """Goes with the stand-in's database and the secrets manager's data."""


class StandInAccount(MachineResource):
    """The environment and its key at the stand-in: the fields of `StandInAccountSpec`."""

    provider: ClassVar[MachineProvider] = StandInAccountProvider()


def build(config: PerimeterConfig, places: StackPlaces, image: Image, uplink: Link, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    """The stand-in and the hosts around it, as two containers in the outside namespace."""
    identity = Identity.CONTROL_PLANE
    owner = {"uid": identity.uid, "gid": identity.gid}
    data = Folder("control-plane", path=str(places.control_plane), mode=0o755, **owner, opts=opts)
    admin = Folder("control-plane-admin", path=str(places.control_plane_admin.parent), mode=0o750, **owner, opts=opts)
    internet = Folder("outside-folder", path=str(places.outside), mode=0o755, **owner, opts=opts)
    after = _after(opts, [data, admin, internet, image, uplink])
    stand_in = Container(
        "control-plane",
        name=places.container("control-plane"),
        image=image.reference,
        command=_stand_in(places),
        **_common(places, "control-plane"),
        mounts=_mounts(places.control_plane, places.control_plane_admin.parent),
        ready=str(places.control_plane_admin),
        opts=after,
    )
    outside = Container(
        "outside",
        name=places.container("outside"),
        image=image.reference,
        command=_outside(config, places),
        **_common(places, "outside"),
        mounts=_mounts(places.outside),
        opts=after,
    )
    return [stand_in, outside]


def build_account(
    config: PerimeterConfig,
    places: StackPlaces,
    credentials: list[str],
    needs: list[pulumi.Resource],
    manager: SecretsManager,
    opts: pulumi.ResourceOptions,
) -> StandInAccount:
    """The environment, its key and the demonstration's credentials."""
    return StandInAccount(
        "stand-in-account",
        admin=str(places.control_plane_admin),
        environment_id=config.only_environment.id,
        secrets_socket=str(places.secrets_socket),
        token_file=str(places.operator_token),
        credentials=credentials,
        opts=_after(opts, [*needs, manager]),
    )


def ask(admin: Path, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A call of the stand-in's admin API. Raises `CommandError` with what it said."""
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(admin)), timeout=30) as client:
            answer = client.post(f"http://localhost{path}", json=dict(body))
    except httpx.TransportError as error:
        raise CommandError(f"the stand-in for the control plane does not answer on {admin}: {error}") from error
    if not answer.is_success:
        raise CommandError(f"the stand-in for the control plane answered {answer.status_code} to {path}: {answer.text[:300]}")
    return dict(answer.json())


def _common(places: StackPlaces, service: str) -> dict[str, Any]:
    return {
        "user": Identity.CONTROL_PLANE.user,
        "namespace": places.outside_namespace,
        "labels": {"domicile.stack": places.stack, "domicile.service": service},
        "memory_bytes": 512 << 20,
        "capabilities": ["NET_BIND_SERVICE"],
    }


def _mounts(*paths: Path) -> list[dict[str, Any]]:
    return [Mount(path=path, writable=True).model_dump(mode="json") for path in paths]


def _stand_in(places: StackPlaces) -> list[str]:
    return [
        *("serve", "--store", str(places.control_plane / "store.db")),
        *(
            "--listen",
            f"{STAND_IN_ADDRESS}:443",
            "--tls-folder",
            str(places.control_plane),
            "--admin",
            f"unix:{places.control_plane_admin}",
        ),
    ]


def _outside(config: PerimeterConfig, places: StackPlaces) -> list[str]:
    names = sorted({rule.host.removeprefix("*.") for rule in config.egress.rules} | {DENIED_HOST})
    return [
        *("outside", "--tls-folder", str(places.outside), "--dns", f"{STAND_IN_RESOLVER}:53", "--origins", ORIGIN_ADDRESS),
        *(f"--name={name}={ORIGIN_ADDRESS}" for name in names),
    ]


def _after(opts: pulumi.ResourceOptions, resources: list[pulumi.Resource]) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=resources))
