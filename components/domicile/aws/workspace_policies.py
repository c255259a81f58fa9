"""Claude Platform on AWS as control plane: what the stack's roles may do in its workspace. Nobody else's, and nothing with a key.

Sources: actions and resource from AWS's Service Authorization Reference (aws-external-anthropic, 2026-09), which routes each opens from
platform.claude.com, IAM actions for Claude Platform on AWS (2026-08). IAM knows workspaces, and neither environments nor sessions.
"""

from __future__ import annotations

from domicile.aws.names import Names
from domicile.aws.policy_document import ANYONE, Conditions, Statement, by_role, document, merged
from domicile.config.residency import CONTROL_PLANE_SERVICE

SERVICE = CONTROL_PLANE_SERVICE
QUEUE = f"{SERVICE}:ProcessEnvironmentWork"
"""Poll, ack, heartbeat, stop."""

SESSIONS = tuple(f"{SERVICE}:{action}" for action in ("GetSession", "GetSkill", "UpdateSession"))
"""A session with its events and stream, its skills, and posting events to it."""

STATS = f"{SERVICE}:GetEnvironment"
"""Among others the queue's numbers."""

AUDIENCES = ("https://api.anthropic.com", "https://platform.claude.com")
BY_AWS = "the service asks in the role's name for a token that Anthropic takes; AWS's own managed policies name no resource for it"


def _as_oneself(sid: str) -> tuple[Statement, ...]:
    """The platform has STS say to Anthropic whose request it is. As in AWS's managed policy AnthropicLimitedAccess (v7, 2026-09-25):
    through that service only, and for Anthropic only."""
    through: Conditions = {
        "ForAnyValue:StringEquals": {"sts:IdentityTokenAudience": AUDIENCES},
        "StringEquals": {"aws:CalledViaLast": f"{SERVICE}.amazonaws.com"},
    }
    return (
        Statement(f"{sid}Token", ("sts:GetWebIdentityToken",), ("*",), conditions=through, because=BY_AWS),
        Statement(f"{sid}TokenTags", ("sts:TagGetWebIdentityToken",), ("*",), because=BY_AWS),
    )


def of_worker_host(names: Names) -> tuple[Statement, ...]:
    """The dispatcher works the queue, and takes the gateway's role; sessions it can't open itself."""
    if not names.workspace:
        return ()
    return (
        Statement("Queue", (QUEUE,), (names.workspace,)),
        Statement("TakeSessionsRole", ("sts:AssumeRole",), (names.role("sessions"),)),
        *_as_oneself("Queue"),
    )


def of_watch(names: Names) -> tuple[Statement, ...]:
    """The watching function reads the queue's numbers."""
    return (Statement("Stats", (STATS,), (names.workspace,)), *_as_oneself("Stats")) if names.workspace else ()


def sessions(names: Names) -> str:
    """The gateway's role: sessions of the workspace. Not the queue, no secret, no archive."""
    return document(Statement("Sessions", SESSIONS, (names.workspace,)), *_as_oneself("Sessions"))


def sessions_trust(names: Names) -> str:
    """Who may take the gateway's role: worker hosts, whose own policy says so too."""
    return document(Statement("Trust", ("sts:AssumeRole",), (), principal={"AWS": names.root}, conditions=by_role(names.worker_role)))


def _by(names: Names, *roles: str) -> Conditions:
    return merged(by_role(*roles), {"StringEquals": {"aws:PrincipalAccount": names.account}})


def through_sts(names: Names) -> tuple[Statement, ...]:
    """What passes STS's endpoint beside the usual."""
    if not names.workspace:
        return ()
    who = _by(names, names.worker_role)
    return (Statement("Sessions", ("sts:AssumeRole",), (names.role("sessions"),), principal=ANYONE, conditions=who),)


def endpoint(names: Names) -> str:
    """What passes the platform's own endpoint: each role with what is its own, in this workspace. No key or token does."""
    watch = names.function_role("watch")
    stats = (Statement("Stats", (STATS,), (names.workspace,), principal=ANYONE, conditions=_by(names, watch)),) if names.watches else ()
    return document(
        Statement("Queue", (QUEUE,), (names.workspace,), principal=ANYONE, conditions=_by(names, names.worker_role)),
        Statement("Sessions", SESSIONS, (names.workspace,), principal=ANYONE, conditions=_by(names, names.role("sessions"))),
        *stats,
    )
