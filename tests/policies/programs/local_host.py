"""A `local` machine's resources that keep every rule, and what a fixture changes in them."""

import json

from domicile.machine.container import Container
from domicile.machine.files import File, Folder

IMAGE = "localhost/domicile/host@sha256:" + "1" * 64
SETTINGS = {
    "control_plane": {"url": "https://api.anthropic.com"},
    "egress": {"rules": [{"host": "packages.example.com", "mode": "tunnel"}]},
    "audit": {"content": "digest", "archive": "/var/lib/domicile/local/archive", "sinks": []},
    "sandboxes": {"image": {"digest": "sha256:" + "2" * 64, "signature": "/srv/sandbox.sig", "public_key": "/srv/key.pem"}},
}


def service(name, **changes):
    """A service's container."""
    made = {"name": name, "image": IMAGE, "user": "65530:65530", "namespace": "domicile", "memory_bytes": 256 << 20, **changes}
    return Container(name, **made)


def settings(name, **changes):
    """The file of what a worker host is told, with sections laid over."""
    return File(name, path=f"/var/lib/domicile/{name}/settings.json", content=json.dumps({**SETTINGS, **changes}))


def unknown_settings(name, content):
    return File(name, path=f"/var/lib/domicile/{name}/settings.json", content=content)


def archive(retain):
    return Folder("archive", path="/var/lib/domicile/local/archive", retain=retain)
