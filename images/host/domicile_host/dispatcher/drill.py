"""The drill: proves from a sandbox of the pool that the perimeter still holds, and records what it found.

A sandbox is taken as a session would take it, and what must fail is tried on its link, confined as it is (another route, names,
metadata, the host's services, a neighbour, another session's calls, a host that isn't allowed), and what must work (the two doors; for
the time of the drill an allowed host). It is bound at the proxy and not at the gateway: there is no session. Fails closed: what can't be
tried has failed. Asked for on the status socket, by `domicile drill` and by a region's timer.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import structlog
from pydantic import BaseModel, ConfigDict

from domicile_host.audit.event import Event
from domicile_host.dispatcher import probe
from domicile_host.dispatcher.egress import Egress
from domicile_host.dispatcher.errors import DispatcherError
from domicile_host.dispatcher.pool import Pool
from domicile_host.dispatcher.retry import until_done
from domicile_host.dispatcher.sandboxes import Sandbox, Sandboxes
from domicile_host.dispatcher.session import Parts

log = structlog.get_logger(__name__)

DRILL_SECONDS = 150.0
ELSEWHERE = ("1.1.1.1:443", "192.0.2.1:443", "10.0.0.1:443", "172.16.0.1:443", "192.168.0.1:443", "[2001:db8::1]:443")
METADATA = ("169.254.169.254:80", "169.254.170.2:80", "100.100.100.200:80", "168.63.129.16:80", "[fd00:ec2::254]:80")
HOST_PORTS = (22, 53, 80, 111, 443, 2375, 8125, 8200, 8201, 9090, 9100, 9901, 15000, 18000)
"""Of the machine and its services: shells, name servers, metadata, podman's and OpenBao's, metrics, Envoy's admin and ADS."""
NOT_ALLOWED = "not-allowed.domicile.invalid"
"""A name that is nobody's (RFC 2606), so no policy can mean it."""

Must = Literal["fail", "work"]


class Shown(BaseModel):
    """Part of a drill's report."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Proof(Shown):
    """One thing that was tried. `holds`: it was as it must be; if not, `found` says how it was."""

    name: str
    must: Must
    tried: tuple[str, ...]
    holds: bool
    found: str = ""


class DrillReport(Shown):
    """What a drill found. `problem`: why it couldn't be held to its end; it has failed, then."""

    passed: bool
    at: float
    seconds: float
    sandbox: str = ""
    problem: str = ""
    proofs: tuple[Proof, ...] = ()


class Drill:
    """Holds one drill at a time."""

    def __init__(self, parts: Parts, pool: Pool, egress: Egress, hindrance: Callable[[], str | None]) -> None:
        self._parts, self._settings, self._pool, self._egress = parts, parts.settings, pool, egress
        self._hindrance = hindrance
        self._one_at_a_time = asyncio.Lock()
        self._held: set[asyncio.Task[DrillReport]] = set()
        self._program = Path(probe.__file__).read_text()
        network = parts.settings.network
        self._proxy, self._gateway = (f"{network.proxy_address}:{port}" for port in (network.egress_port, network.gateway_port))
        self.last: DrillReport | None = None
        self._passed = time.monotonic()
        """When one last passed; of a dispatcher that has seen none, when it began."""

    def age(self) -> float:
        """For how many seconds no drill has passed."""
        return time.monotonic() - self._passed

    async def hold(self) -> DrillReport:
        """One whole drill. Raises `CancelledError` when the dispatcher ends meanwhile: nothing has been found, then."""
        task = asyncio.create_task(self._recorded())
        self._held.add(task)
        task.add_done_callback(self._held.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Ends a drill that is being held; its sandboxes go."""
        for task in self._held:
            task.cancel()
        await asyncio.gather(*self._held, return_exceptions=True)

    async def _recorded(self) -> DrillReport:
        async with self._one_at_a_time:
            proofs: list[Proof] = []
            began, sandbox, problem = time.time(), "", self._hindrance() or ""
            try:
                if not problem:
                    async with asyncio.timeout(DRILL_SECONDS):
                        sandbox, proofs = await self._prove()
            except TimeoutError:
                problem = f"it hadn't ended within {DRILL_SECONDS:.0f} s"
            except Exception as error:  # whatever it is: a drill that couldn't be held has failed, and its record says why
                log.warning("drill.broke-off", exc_info=error)
                problem = str(error) or repr(error)
            passed = not problem and bool(proofs) and all(proof.holds for proof in proofs)
            seconds = round(time.time() - began, 3)
            report = DrillReport(passed=passed, at=began, seconds=seconds, sandbox=sandbox, problem=problem, proofs=tuple(proofs))
            self.last = await self._record(report)
            return self.last

    async def _record(self, report: DrillReport) -> DrillReport:
        """A drill that can't be recorded has failed."""
        reasons = [report.problem, *(f"{proof.name}: {proof.found}" for proof in report.proofs if not proof.holds)]
        detail = {"seconds": report.seconds, "proofs": [proof.model_dump(mode="json") for proof in report.proofs]}
        event = Event(
            activity="drill.ended",
            outcome="success" if report.passed else "failure",
            reason="; ".join(filter(None, reasons)),
            sandbox_id=report.sandbox,
            detail=detail,
        )
        try:
            await self._parts.recorder.append(event)
        except OSError as error:
            report = report.model_copy(update={"passed": False, "problem": f"the drill can't be recorded: {error}"})
        self._parts.metrics.drills.labels("passed" if report.passed else "failed").inc()
        if report.passed:
            self._passed = time.monotonic()
            self._parts.metrics.drill_passed.set_to_current_time()
        else:
            log.error("drill.failed", reason=event.reason or report.problem)
        return report

    # --- what is tried -----------------------------------------------------------------------------------------------------

    async def _prove(self) -> tuple[str, list[Proof]]:
        """In two sandboxes, one of them only to be somebody's neighbour."""
        async with _taken(self._pool, self._parts.sandboxes) as sandbox, _taken(self._pool, self._parts.sandboxes) as neighbour:
            proofs = [await self._tried(sandbox, *each) for each in self._tries(neighbour)]  # one after another: sessions go on beside it
            return sandbox.name, [*proofs, *await self._at_the_proxy(sandbox)]

    def _tries(self, neighbour: Sandbox) -> list[tuple[str, Must, str, Sequence[str]]]:
        """From a sandbox that nothing is bound to."""
        proxy = self._settings.network.proxy_address
        servers = [f"{address}:53" for address in (proxy, "169.254.169.253", *self._settings.egress.resolvers)]
        names = [rule.host.removeprefix("*.") for rule in self._settings.egress.rules[:3]]
        calls = [f"/v1/environments/{self._settings.environment_id}/work/poll", "/v1/sessions"]
        return [
            ("doors", "work", "tcp", [self._proxy]),
            ("gateway-door", "work", "tcp", [self._gateway]),
            ("route", "fail", "route", [*ELSEWHERE, *METADATA, *servers[1:], f"{neighbour.address}:8080"]),
            ("metadata", "fail", "tcp", METADATA),
            ("name-servers", "fail", "dns", servers),
            ("names", "fail", "name", ["example.com", *names]),
            ("host-services", "fail", "tcp", [f"{proxy}:{port}" for port in HOST_PORTS]),
            ("neighbour", "fail", "tcp", [f"{neighbour.address}:{port}" for port in (22, 3128, 8080)]),
            ("raw-sockets", "fail", "raw", ["ip", "packet"]),
            ("calls-without-a-session", "fail", f"get@{self._gateway}", calls),
            ("egress-without-a-session", "fail", f"connect@{self._proxy}", [self._allowed() or f"{NOT_ALLOWED}:443"]),
        ]

    async def _at_the_proxy(self, sandbox: Sandbox) -> list[Proof]:
        """While a session of the drill's is admitted there, and right after."""
        allowed, how = self._allowed(), f"connect@{self._proxy}"
        await self._egress.admit(sandbox.address, f"drill-{secrets.token_hex(4)}")
        try:
            proofs = [await self._tried(sandbox, "allowed-host", "work", how, [allowed])] if allowed else []
            refused = [f"{NOT_ALLOWED}:443", "169.254.169.254:80"]
            proofs.append(await self._tried(sandbox, "host-not-allowed", "fail", how, refused))
        finally:
            await until_done("withdraw the drill's session", lambda: self._egress.withdraw(sandbox.address), self._parts.bounds)
        if allowed:
            proofs.append(await self._tried(sandbox, "withdrawn", "fail", how, [allowed]))
        return proofs

    def _allowed(self) -> str:
        """A host that the policy names whole, one whose tunnel leads to itself first; empty where it names none."""
        rules = [rule for rule in self._settings.egress.rules if not rule.host.startswith("*.")]
        first = next(iter(sorted(rules, key=lambda rule: rule.mode != "tunnel")), None)
        return f"{first.host}:{first.port}" if first else ""

    async def _tried(self, sandbox: Sandbox, name: str, must: Must, how: str, targets: Sequence[str]) -> Proof:
        """By the exit code alone; one that says nothing of what was tried is a failure, whatever must be."""
        command = ["python3", "-I", "-c", self._program, how, *targets]
        proof = Proof(name=name, must=must, tried=tuple(targets), holds=False)
        try:
            code = await self._parts.sandboxes.try_from(sandbox, command)
        except DispatcherError as error:
            return proof.model_copy(update={"found": str(error)})
        if code == probe.NOTHING_REACHED:
            return proof.model_copy(update={"holds": must == "fail", "found": "" if must == "fail" else f"{targets[0]} can't be reached"})
        if 0 <= (place := code - probe.FIRST_REACHED) < len(targets):
            return proof.model_copy(update={"holds": must == "work", "found": "" if must == "work" else f"{targets[place]} was reached"})
        return proof.model_copy(update={"found": f"the attempt couldn't be made: exit code {code}"})


@asynccontextmanager
async def _taken(pool: Pool, sandboxes: Sandboxes) -> AsyncIterator[Sandbox]:
    """A sandbox of the pool, destroyed at the end."""
    sandbox = await pool.take()
    try:
        yield sandbox
    finally:
        await sandboxes.destroy(sandbox)
