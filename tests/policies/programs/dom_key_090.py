"""DOM-KEY-090: No input holds a key."""

from local_host import service

UNKNOWN = "decided"


def passing(at):
    service(at("quiet"), environment={"KEY_FILE": "/run/secrets/key"})


def failing(at):
    service(at("told"), environment={"ANTHROPIC_API_KEY": "sk-ant-" + "api03-" + "x" * 40})


def unknown(at):
    service(at("later"), environment=at.unknown)
