"""The words and signs for each operation, for all displays."""

from __future__ import annotations

SIGNS = {
    "create": "+", "update": "~", "replace": "+-", "delete": "-", "same": "", "read": ">", "refresh": "~", "create-replacement": "++",
    "delete-replaced": "--", "import": "=", "discard": "<", "read-replacement": ">>", "import-replacement": "=>", "discard-replaced": "<<",
}  # fmt: skip
DOING = {
    "create": "creating", "update": "updating", "replace": "replacing", "delete": "deleting", "same": "checking", "read": "reading",
    "refresh": "refreshing", "create-replacement": "creating replacement", "delete-replaced": "deleting original",
    "import": "importing", "discard": "discarding", "read-replacement": "reading replacement", "discard-replaced": "discarding original",
    "import-replacement": "importing replacement",
}  # fmt: skip
DONE = {
    "create": "created", "update": "updated", "replace": "replaced", "delete": "deleted", "same": "unchanged", "read": "read",
    "refresh": "refreshed", "create-replacement": "created replacement", "delete-replaced": "deleted original",
    "import": "imported", "discard": "discarded", "read-replacement": "read replacement", "discard-replaced": "discarded original",
    "import-replacement": "imported replacement",
}  # fmt: skip
