"""Where a stack's things are on a worker host: folders, sockets and names, in one home.

The components, the command and the tests ask `StackPlaces.of(stack)`; nobody else joins such a path or builds such a name.
Two roots hold everything: `DOMICILE_HOME` what outlives a restart, `DOMICILE_RUN` the sockets. A socket whose folder is
mounted into other containers than its neighbour's has a folder of its own.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_HOME = Path("/var/lib/domicile")
DEFAULT_RUN = Path("/run/domicile")
NETWORK_NAMESPACES = Path("/run/netns")
SERVICES = ("dispatcher", "gateway", "egress", "shipper", "secrets", "control-plane", "outside")
"""The services that may run as containers of a stack; the last two only with the stand-in."""

SOCKET_PATH_LIMIT = 107
"""Bytes of a Unix socket's path: `sun_path` of unix(7) less its final NUL."""

_STACK = re.compile(r"[a-z][a-z0-9-]{0,30}")
_RESERVED = re.compile(r"config|state|passphrase|.*-(outside|sandbox|[0-9a-f]{8})")
"""Names that would be another stack's: the shared files beside the stacks' folders, and the names that `StackPlaces` builds."""


class PlacesError(ValueError):
    """A stack's name or one of the two roots can't be used; `allowed` says what can."""

    def __init__(self, subject: str, allowed: str) -> None:
        self.allowed = allowed
        super().__init__(f"{subject}: {allowed}")


def check_stack_name(stack: str) -> None:
    """Raises `PlacesError` for a name that no container, namespace or folder of its own could bear."""
    if not _STACK.fullmatch(stack):
        raise PlacesError(f"stack {stack!r}", "a lower-case letter, then up to 30 letters, digits or hyphens, as in `local`")
    if _RESERVED.fullmatch(stack):
        raise PlacesError(
            f"stack {stack!r}", "a name that is not taken by the product itself: config, state, passphrase, *-outside, *-sandbox, *-<8 hex>"
        )


@dataclass(frozen=True)
class StackPlaces:
    """All paths and names of one stack on this machine."""

    stack: str
    home_root: Path
    run_root: Path

    @classmethod
    def of(cls, stack: str, environment: Mapping[str, str] | None = None) -> StackPlaces:
        """The places of `stack` by `DOMICILE_HOME` and `DOMICILE_RUN` of `environment` (default: the process's).

        Raises `PlacesError` for a name that no container or namespace could bear, and for roots that are relative or too long.
        """
        variables = os.environ if environment is None else environment
        check_stack_name(stack)
        home = _root(variables, "DOMICILE_HOME", DEFAULT_HOME)
        run = _root(variables, "DOMICILE_RUN", DEFAULT_RUN)
        places = cls(stack, home, run)
        longest = max((str(path) for path in places.sockets()), key=len)
        if len(os.fsencode(longest)) > SOCKET_PATH_LIMIT:
            raise PlacesError(
                f"DOMICILE_RUN={run}", f"a shorter folder: {longest} has over {SOCKET_PATH_LIMIT} bytes, too long for a socket"
            )
        return places

    # --- shared by all stacks of the machine ---------------------------------------------------------------------

    @property
    def backend(self) -> Path:
        """Pulumi's file backend: state of every stack."""
        return self.home_root / "state"

    @property
    def passphrase(self) -> Path:
        """The file with the passphrase that encrypts secrets in that state."""
        return self.home_root / "passphrase"

    @property
    def stack_config(self) -> Path:
        """The embedded engine's copy of the stack's configuration file: it adds the salt of this machine's passphrase to it."""
        return self.home_root / "config" / f"Pulumi.{self.stack}.yaml"

    # --- what outlives a restart ---------------------------------------------------------------------------------

    @property
    def home(self) -> Path:
        """All of the stack that outlives a restart."""
        return self.home_root / self.stack

    @property
    def settings(self) -> Path:
        """The rendered `HostSettings`."""
        return self.home / "settings.json"

    @property
    def secrets(self) -> Path:
        """OpenBao's folder: its configuration, `data`, seal key, and the identities made for its clients."""
        return self.home / "secrets"

    @property
    def secrets_config(self) -> Path:
        return self.secrets / "server.json"

    @property
    def secrets_data(self) -> Path:
        return self.secrets / "data"

    @property
    def seal_key(self) -> Path:
        return self.secrets / "seal-key"

    @property
    def operator_token(self) -> Path:
        """The operator's token: may write the environment key and injected credentials, may not read them. Mode 0600."""
        return self.secrets / "operator-token"

    @property
    def dispatcher_identity(self) -> Path:
        """Folder with the dispatcher's AppRole: `role-id`, `secret-id`."""
        return self.secrets / "dispatcher"

    @property
    def role_id(self) -> Path:
        return self.dispatcher_identity / "role-id"

    @property
    def secret_id(self) -> Path:
        return self.dispatcher_identity / "secret-id"

    @property
    def journal(self) -> Path:
        return self.home / "journal"

    @property
    def archive(self) -> Path:
        """The audit archive: kept when the stack is destroyed if the configuration says `retain.archive`."""
        return self.home / "archive"

    @property
    def cursors(self) -> Path:
        return self.home / "cursors"

    @property
    def ledger_folder(self) -> Path:
        return self.home / "ledger"

    @property
    def ledger(self) -> Path:
        return self.ledger_folder / "ledger.json"

    @property
    def egress(self) -> Path:
        """Envoy's folder."""
        return self.home / "egress"

    @property
    def egress_bootstrap(self) -> Path:
        return self.egress / "bootstrap.json"

    @property
    def egress_log_folder(self) -> Path:
        return self.egress / "log"

    @property
    def egress_log(self) -> Path:
        return self.egress_log_folder / "access.jsonl"

    @property
    def sandbox(self) -> Path:
        """What sandboxes are given, read-only."""
        return self.home / "sandbox"

    @property
    def ca_bundle(self) -> Path:
        return self.sandbox / "ca-bundle.pem"

    @property
    def seccomp_profile(self) -> Path:
        return self.home / "seccomp.json"

    @property
    def control_plane(self) -> Path:
        """The stand-in's database, certificate and the outside's files."""
        return self.home / "control-plane"

    @property
    def control_plane_ca(self) -> Path:
        return self.control_plane / "ca.pem"

    @property
    def outside(self) -> Path:
        """The folder of the hosts that stand for the internet."""
        return self.home / "outside"

    @property
    def outside_ca(self) -> Path:
        return self.outside / "ca.pem"

    @property
    def images(self) -> Path:
        """Signatures and layouts of the images that this stack runs."""
        return self.home / "images"

    @property
    def keys(self) -> Path:
        """The key pair that signs images."""
        return self.home / "keys"

    # --- sockets ---------------------------------------------------------------------------------------------------

    @property
    def run(self) -> Path:
        return self.run_root / self.stack

    @property
    def container_engine(self) -> Path:
        return self.run / "podman" / "podman.sock"

    @property
    def gateway_sandbox(self) -> Path:
        return self.run / "gateway" / "sandbox" / "gateway.sock"

    @property
    def gateway_control(self) -> Path:
        return self.run / "gateway" / "control" / "gateway.sock"

    @property
    def ads(self) -> Path:
        return self.run / "egress" / "ads" / "ads.sock"

    @property
    def envoy_admin(self) -> Path:
        return self.run / "egress" / "admin" / "envoy.sock"

    @property
    def secrets_socket(self) -> Path:
        return self.run / "secrets" / "openbao.sock"

    @property
    def dispatcher_status(self) -> Path:
        return self.run / "dispatcher" / "status.sock"

    @property
    def shipper_status(self) -> Path:
        return self.run / "shipper" / "status" / "status.sock"

    @property
    def shipper_secrets(self) -> Path:
        """A folder, not a socket: the sinks' credentials, in memory only because the run folder is."""
        return self.run / "shipper" / "secrets"

    @property
    def control_plane_admin(self) -> Path:
        return self.run / "control-plane" / "admin.sock"

    def sockets(self) -> tuple[Path, ...]:
        """Every socket of the stack."""
        return (
            self.container_engine,
            self.gateway_sandbox,
            self.gateway_control,
            self.ads,
            self.envoy_admin,
            self.secrets_socket,
            self.dispatcher_status,
            self.shipper_status,
            self.control_plane_admin,
        )

    # --- names -----------------------------------------------------------------------------------------------------

    @property
    def prefix(self) -> str:
        """Begins the name of everything of the stack that has a name of its own."""
        return f"domicile-{self.stack}"

    @property
    def namespace(self) -> str:
        """The network namespace of the worker host's services."""
        return self.prefix

    @property
    def outside_namespace(self) -> str:
        """The network namespace that stands for the internet beside the stand-in."""
        return f"{self.prefix}-outside"

    @property
    def namespace_path(self) -> Path:
        return NETWORK_NAMESPACES / self.namespace

    @property
    def outside_namespace_path(self) -> Path:
        return NETWORK_NAMESPACES / self.outside_namespace

    @property
    def uplink_peer(self) -> str:
        """The machine's end of the uplink when the control plane is real; an interface's name has at most 15 characters."""
        return "domi" + hashlib.sha256(self.stack.encode()).hexdigest()[:8]

    @property
    def firewall_table(self) -> str:
        """The machine's nftables table with the uplink's address translation; its name can't hold hyphens."""
        return self.prefix.replace("-", "_")

    def container(self, service: str) -> str:
        """The container of one of `SERVICES`."""
        if service not in SERVICES:
            raise PlacesError(f"service {service!r}", f"one of {', '.join(SERVICES)}")
        return f"{self.prefix}-{service}"

    def sandbox_container(self, sandbox_id: str) -> str:
        return f"{self.prefix}-sandbox-{sandbox_id}"

    def sandbox_namespace(self, sandbox_id: str) -> str:
        return f"{self.prefix}-{sandbox_id}"


def _root(variables: Mapping[str, str], name: str, default: Path) -> Path:
    given = variables.get(name)
    if not given:
        return default
    path = Path(given)
    if not path.is_absolute() or ".." in path.parts:
        raise PlacesError(f"{name}={given}", f"an absolute path without `..`, as in {default}")
    return path
