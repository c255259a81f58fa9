"""What a person or a log sees of an operation: a live tree or lines, property diffs, the CLI's JSON, and the question before it."""

from .ask import confirmed
from .diff import print_diff
from .lines import Lines, config_json, error, outputs, policies, summary, text_of
from .plan import plan, violation
from .screen import can_ask, is_terminal, report, watching

__all__ = [
    "Lines",
    "can_ask",
    "config_json",
    "confirmed",
    "error",
    "is_terminal",
    "outputs",
    "plan",
    "policies",
    "print_diff",
    "report",
    "summary",
    "text_of",
    "violation",
    "watching",
]
