"""What can go wrong in the dispatcher, each with what to do about it."""

from __future__ import annotations


class DispatcherError(Exception):
    """Any failure that the dispatcher names."""


class StartRefused(DispatcherError):
    """Something is set up wrongly: the dispatcher ends rather than serve a session less confined than promised."""


class EngineAway(DispatcherError):
    """The container engine doesn't answer on its socket."""


class EngineRefused(DispatcherError):
    """The container engine answered with an error."""

    def __init__(self, doing: str, status: int, message: str) -> None:
        super().__init__(f"{doing}: the container engine answered {status}: {message}")
        self.status = status


class LinkFailed(DispatcherError):
    """A sandbox's network namespace or link couldn't be made or removed."""


class AddressesExhausted(DispatcherError):
    """Every address of the sandbox range is in use: make `network.sandbox_range` larger."""


class SecretsAway(DispatcherError):
    """The secrets manager doesn't answer, is sealed or has no login for this host yet."""


class SecretMissing(DispatcherError):
    """The secrets manager holds no such secret, or the dispatcher may not read it."""


class GatewayAway(DispatcherError):
    """The session gateway doesn't answer on its control socket."""


class GatewayRefused(DispatcherError):
    """The session gateway refused a control call."""


class EgressAway(DispatcherError):
    """The egress proxy's policy isn't being served yet."""


class QueueAway(DispatcherError):
    """The control plane can't be reached or fails (connection, timeout, 5xx)."""


class QueueSlowed(DispatcherError):
    """The control plane answered 429."""

    def __init__(self, retry_after_seconds: float | None) -> None:
        super().__init__("the control plane asks for fewer requests (429)")
        self.retry_after_seconds = retry_after_seconds


class KeyRefused(DispatcherError):
    """The control plane refused the credential (401 or 403)."""


class RoleRefused(KeyRefused):
    """AWS refused the role that signs in place of a credential; the message says why. What was let in before may be so again."""


class ItemGone(DispatcherError):
    """The control plane refused a call on a work item for good (another 4xx): it isn't ours to go on with."""

    def __init__(self, doing: str, status: int) -> None:
        super().__init__(f"{doing}: the control plane answered {status}")
        self.status = status


class LeaseLost(DispatcherError):
    """A heartbeat met 412: someone else's heartbeat, or none, is the last that the control plane knows."""

    def __init__(self, state: str, last_heartbeat: str) -> None:
        super().__init__("heartbeat precondition failed (412)")
        self.state = state
        self.last_heartbeat = last_heartbeat
