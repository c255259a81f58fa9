"""Things of one machine as Pulumi resources: folders, files, namespaces, links, the container engine, images, containers.

The rooms' `local.py` files put these together. Each resource creates, reads, updates and deletes idempotently, so an `up` that was
killed anywhere converges when it is run again, and `refresh` shows what was changed by hand.
"""

from domicile.machine.container import Container, Mount
from domicile.machine.container_engine import ContainerEngine
from domicile.machine.files import File, Folder, GeneratedKey, LogFile
from domicile.machine.image import Image
from domicile.machine.link import Link, Masquerade
from domicile.machine.namespace import NetworkNamespace
from domicile.machine.sandboxes import Sandboxes

__all__ = [
    "Container",
    "ContainerEngine",
    "File",
    "Folder",
    "GeneratedKey",
    "Image",
    "Link",
    "LogFile",
    "Masquerade",
    "Mount",
    "NetworkNamespace",
    "Sandboxes",
]
