"""Key custody on a `local` host: OpenBao in a container without a network, and the permissions of those who use it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pulumi

from domicile.environment_key.openbao import OpenBao, OpenBaoError
from domicile.machine.command import CommandError, run
from domicile.machine.container import Container, Mount
from domicile.machine.files import File, Folder, GeneratedKey, write
from domicile.machine.identities import Identity
from domicile.machine.image import Image
from domicile.machine.resource import MachineProvider, MachineResource, Spec
from domicile.machine.waiting import wait_until
from domicile.places import StackPlaces

MOUNT = "domicile"
ENVIRONMENT_KEY = "environment-key"
EGRESS_CA = "egress-ca"
CREDENTIALS = "credentials"


class SecretsManagerSpec(Spec):
    """OpenBao's socket, its data and container (for a start that was killed half-way), and where identities are put."""

    socket: Path
    container: str
    data: Path
    identities: Path
    reader_uid: int
    reader_gid: int
    credentials: list[str] = []
    """Names of credentials that the dispatcher may read beside the environment key and the proxy's CA."""


class SecretsManagerProvider(MachineProvider):
    """Initialises OpenBao once, then keeps the KV engine, the policies, the dispatcher's AppRole and the operator's token.

    The root token exists only between initialisation and the end of the first `ensure`; it is revoked then. What is left
    is the provisioner's token (permissions, no secret but what it makes itself) and the operator's (writes secrets, reads none).
    """

    spec = SecretsManagerSpec
    replaces = frozenset({"socket", "identities"})

    def identity(self, spec: SecretsManagerSpec) -> str:
        return str(spec.socket)

    def ensure(self, spec: SecretsManagerSpec) -> Mapping[str, Any]:
        _initialize(spec)
        root = spec.identities / "root-token"
        with OpenBao(spec.socket, _token(spec)) as bao:
            _provision(bao, spec)
        if root.exists():
            with OpenBao(spec.socket, root.read_text()) as bao:
                bao.put("auth/token/revoke-self", {})
            root.unlink()
        return {}

    def look(self, spec: SecretsManagerSpec, _facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        token = spec.identities / "provisioner-token"
        try:
            with OpenBao(spec.socket, token.read_text() if token.exists() else None) as bao:
                if not bao.health()["initialized"] or not token.exists():
                    return None
                whole = all(
                    (bao.get(f"sys/policies/acl/{n}") or {"data": {}})["data"].get("policy") == p for n, p in _policies(spec).items()
                )
        except OpenBaoError:  # it is away, or knows this token no more: provision again
            return None
        files = all((spec.identities / name).exists() for name in ("operator-token", "dispatcher/role-id", "dispatcher/secret-id"))
        return {} if whole and files else None

    def remove(self, spec: SecretsManagerSpec) -> None:
        for name in ("operator-token", "provisioner-token", "root-token", "recovery-key", "provisioned"):
            (spec.identities / name).unlink(missing_ok=True)
        shutil.rmtree(spec.identities / "dispatcher", ignore_errors=True)


class SecretsManager(MachineResource):
    """OpenBao's content but for the secrets themselves: the fields of `SecretsManagerSpec`."""

    provider: ClassVar[MachineProvider] = SecretsManagerProvider()


def build(places: StackPlaces, image: Image, credentials: list[str], opts: pulumi.ResourceOptions) -> SecretsManager:
    """OpenBao with persistent storage and a static seal, and the permission to read this perimeter's secrets for its dispatcher."""
    service, dispatcher = Identity.SECRETS, Identity.DISPATCHER
    owner = {"uid": service.uid, "gid": service.gid}
    folder = Folder("secrets", path=str(places.secrets), mode=0o711, opts=opts)
    below = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[folder]))
    data = Folder("secrets-data", path=str(places.secrets_data), mode=0o700, **owner, opts=below)
    socket = Folder("secrets-socket", path=str(places.secrets_socket.parent), mode=0o750, **owner, opts=below)
    seal = GeneratedKey("secrets-seal-key", path=str(places.seal_key), **owner, opts=below)
    config = File("secrets-config", path=str(places.secrets_config), content=_server(places), opts=below)
    container = Container(
        "secrets",
        name=places.container("secrets"),
        image=image.reference,
        command=["server", f"-config={places.secrets_config}"],
        user=service.user,
        namespace="",
        mounts=[
            Mount(path=places.secrets_data, writable=True).model_dump(mode="json"),
            Mount(path=places.secrets_socket.parent, writable=True).model_dump(mode="json"),
            Mount(path=places.seal_key).model_dump(mode="json"),
            Mount(path=places.secrets_config).model_dump(mode="json"),
        ],
        labels={"domicile.stack": places.stack, "domicile.service": "secrets"},
        memory_bytes=512 << 20,
        ready=str(places.secrets_socket),
        ready_path="/v1/sys/health?sealedcode=200&uninitcode=200&standbyok=true",
        revision=_server(places),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[data, socket, seal, config, image])),
    )
    return SecretsManager(
        "secrets-manager",
        socket=str(places.secrets_socket),
        container=places.container("secrets"),
        data=str(places.secrets_data),
        identities=str(places.secrets),
        reader_uid=dispatcher.uid,
        reader_gid=dispatcher.gid,
        credentials=sorted(credentials),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[container])),
    )


def _server(places: StackPlaces) -> str:
    """OpenBao's configuration. Its TCP listener is for its own storage engine, in a container that has a loopback and nothing else."""
    return json.dumps(
        {
            "storage": {"raft": {"path": str(places.secrets_data), "node_id": "local", "performance_multiplier": "1"}},
            "listener": [
                {
                    "unix": {
                        "address": str(places.secrets_socket),
                        "socket_mode": "0660",
                        "socket_user": str(Identity.SECRETS.uid),
                        "socket_group": str(Identity.SECRETS.gid),
                    }
                },
                {"tcp": {"address": "127.0.0.1:8200", "tls_disable": True}},
            ],
            "seal": {"static": {"current_key_id": "1", "current_key": f"file://{places.seal_key}"}},
            "api_addr": "http://127.0.0.1:8200",
            "cluster_addr": "http://127.0.0.1:8201",
            "max_lease_ttl": "87600h",
            "disable_mlock": True,
            "ui": False,
        },
        indent=1,
        sort_keys=True,
    )


def _policies(spec: SecretsManagerSpec) -> dict[str, str]:
    """Who may do what, by policy name; each the least that works."""
    readable = [ENVIRONMENT_KEY, EGRESS_CA, *(f"{CREDENTIALS}/{name}" for name in spec.credentials)]
    written = [f"{MOUNT}/data/{ENVIRONMENT_KEY}", f"{MOUNT}/data/{CREDENTIALS}/+"]
    described = [f"{MOUNT}/metadata/{ENVIRONMENT_KEY}", f"{MOUNT}/metadata/{CREDENTIALS}/+"]
    provisioner = {
        "sys/mounts": ["read"],
        f"sys/mounts/{MOUNT}": ["create", "read", "update"],
        f"{MOUNT}/config": ["create", "update"],
        "sys/auth": ["read"],
        "sys/policies/acl/domicile-*": ["create", "read", "update"],
        "auth/approle/role/dispatcher": ["create", "read", "update"],
        "auth/approle/role/dispatcher/*": ["create", "read", "update"],
        "auth/token/create-orphan": ["create", "update", "sudo"],
        f"{MOUNT}/data/{EGRESS_CA}": ["create", "update"],
        f"{MOUNT}/metadata/{EGRESS_CA}": ["read"],
    }
    return {
        "domicile-dispatcher": _policy({f"{MOUNT}/data/{name}": ["read"] for name in readable}),
        "domicile-operator": _policy({p: ["create", "update"] for p in written} | {p: ["read"] for p in described}),
        "domicile-provisioner": _policy(provisioner),
    }


def _policy(rules: Mapping[str, list[str]]) -> str:
    return "\n".join(f'path "{path}" {{ capabilities = {json.dumps(can)} }}' for path, can in rules.items()) + "\n"


def _initialize(spec: SecretsManagerSpec) -> None:
    """Initialises an empty OpenBao. One whose first start was killed before its token was kept holds nothing yet: it begins anew."""
    with OpenBao(spec.socket) as bao:
        if bao.health()["initialized"]:
            if (spec.identities / "root-token").exists() or (spec.identities / "provisioner-token").exists():
                return
            _begin_anew(spec)
        made = bao.put("sys/init", {"recovery_shares": 1, "recovery_threshold": 1})
        _keep(spec.identities / "root-token", str(made["root_token"]))
        _keep(spec.identities / "recovery-key", str(made["recovery_keys_base64"][0]))
        if not wait_until(lambda: not bao.health()["standby"], seconds=30):
            raise CommandError(f"OpenBao at {spec.socket} did not become active within 30 s: see `podman logs {spec.container}`")


def _begin_anew(spec: SecretsManagerSpec) -> None:
    if (spec.identities / "provisioned").exists():
        raise CommandError(
            f"{spec.identities}/provisioner-token is gone, and with it the permission to change anything in OpenBao: restore the file. "
            f"Without it, remove provisioned, operator-token and dispatcher/secret-id there and run `up`: OpenBao begins anew, "
            f"and the keys are put in again with `domicile key`"
        )
    run("podman", "stop", spec.container)
    for entry in spec.data.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    run("podman", "start", spec.container)
    with OpenBao(spec.socket) as bao:
        wait_until(lambda: _reachable(bao), seconds=30)


def _reachable(bao: OpenBao) -> bool:
    try:
        return not bao.health()["initialized"]
    except OpenBaoError:  # still starting
        return False


def _token(spec: SecretsManagerSpec) -> str:
    root = spec.identities / "root-token"
    return (root if root.exists() else spec.identities / "provisioner-token").read_text()


def _provision(bao: OpenBao, spec: SecretsManagerSpec) -> None:
    if f"{MOUNT}/" not in (bao.get("sys/mounts") or {"data": {}})["data"]:
        bao.put(f"sys/mounts/{MOUNT}", {"type": "kv", "options": {"version": "2"}, "description": "this perimeter's secrets"})
    if not wait_until(lambda: _keeps_one_version(bao), seconds=15):
        raise CommandError(f"OpenBao's engine {MOUNT} did not get ready within 15 s: see `podman logs {spec.container}`")
    if "approle/" not in (bao.get("sys/auth") or {"data": {}})["data"]:
        bao.put("sys/auth/approle", {"type": "approle"})
    for name, policy in _policies(spec).items():
        bao.put(f"sys/policies/acl/{name}", {"policy": policy})
    role = {"token_policies": ["domicile-dispatcher"], "token_ttl": "1h", "token_max_ttl": "24h", "token_no_default_policy": False}
    bao.put("auth/approle/role/dispatcher", role)
    _give_role(bao, spec)
    for who in ("operator", "provisioner"):
        path = spec.identities / f"{who}-token"
        if not path.exists():
            asked = {"policies": [f"domicile-{who}"], "ttl": "87600h", "renewable": False, "display_name": who}
            _keep(path, str(bao.put("auth/token/create-orphan", asked)["auth"]["client_token"]))
    _keep(spec.identities / "provisioned", "")


def _keeps_one_version(bao: OpenBao) -> bool:
    """A key that was replaced is gone. A new engine says "upgrading" for its first moments."""
    try:
        bao.put(f"{MOUNT}/config", {"max_versions": 1})
    except OpenBaoError as error:
        if "pgrading" not in str(error):
            raise
        return False
    return True


def _give_role(bao: OpenBao, spec: SecretsManagerSpec) -> None:
    folder = spec.identities / "dispatcher"
    folder.mkdir(mode=0o711, exist_ok=True)
    known = bao.get("auth/approle/role/dispatcher/role-id") or {}
    write(folder / "role-id", known["data"]["role_id"].encode(), spec.reader_uid, spec.reader_gid, 0o400)
    if not (folder / "secret-id").exists():
        made = bao.put("auth/approle/role/dispatcher/secret-id", {})
        write(folder / "secret-id", made["data"]["secret_id"].encode(), spec.reader_uid, spec.reader_gid, 0o400)


def _keep(path: Path, text: str) -> None:
    write(path, text.encode(), 0, 0, 0o600)
