"""Where an event stands in the Open Cybersecurity Schema Framework (OCSF 1.5): class, activity, severity, status.

Called when a record is sealed. The numbers are those of the schema's files `events/*/*.json` in the repository ocsf/ocsf-schema.
What OCSF has no attribute for stays in the record's own fields beside these.
"""

from __future__ import annotations

from domicile_host.audit.event import Event

VERSION = "1.5.0"
OTHER = 99

NETWORK_ACTIVITY, HTTP_ACTIVITY, AUTHENTICATION, APPLICATION_LIFECYCLE, API_ACTIVITY = 4001, 4002, 3002, 6002, 6003

# The first word of an activity names its subject, and the subject decides the class.
_CLASSES = {
    "gateway": API_ACTIVITY,
    "key": AUTHENTICATION,
}
_HTTP_METHODS = {"CONNECT": 1, "DELETE": 2, "GET": 3, "HEAD": 4, "OPTIONS": 5, "POST": 6, "PUT": 7, "TRACE": 8, "PATCH": 9}
_API_METHODS = {"POST": 1, "GET": 2, "HEAD": 2, "PUT": 3, "PATCH": 3, "DELETE": 4}
_LIFECYCLE = {
    **dict.fromkeys(("started", "start", "created", "claimed", "bound", "adopted", "opened", "ready", "admitted"), 3),
    **dict.fromkeys(("stopped", "stop", "ended", "destroyed", "closed", "withdrawn", "handed-back", "lost"), 4),
}
_SEVERITIES = {"success": 1, "allowed": 1, "failure": 2, "refused": 3}
_STATUSES = {"success": 1, "allowed": 1, "failure": 2, "refused": 2}
_ACTIONS = {"allowed": 1, "refused": 2}


def classify(event: Event) -> dict[str, int]:
    """The OCSF identifiers of `event`: `category_uid`, `class_uid`, `activity_id`, `type_uid`, `severity_id`, `status_id`, `action_id`."""
    class_uid, activity_id = _class(event)
    return {
        "category_uid": class_uid // 1000,
        "class_uid": class_uid,
        "activity_id": activity_id,
        "type_uid": class_uid * 100 + activity_id,
        "severity_id": _SEVERITIES[event.outcome],
        "status_id": _STATUSES[event.outcome],
        "action_id": _ACTIONS.get(event.outcome, 0),
    }


def _class(event: Event) -> tuple[int, int]:
    subject, _, verb = event.activity.partition(".")
    method = str(event.detail.get("method", "")).upper()
    if event.activity == "egress.connect":
        return NETWORK_ACTIVITY, 5 if event.outcome == "refused" else 1
    if event.activity == "egress.request":
        return HTTP_ACTIVITY, _HTTP_METHODS.get(method, OTHER)
    class_uid = _CLASSES.get(subject, APPLICATION_LIFECYCLE)
    if class_uid == API_ACTIVITY:
        return class_uid, _API_METHODS.get(method, OTHER)
    if class_uid == AUTHENTICATION:
        return class_uid, 1
    return class_uid, _LIFECYCLE.get(verb.rpartition(".")[2], OTHER)
