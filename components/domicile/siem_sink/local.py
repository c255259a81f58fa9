"""Audit on a `local` host: the retained archive. The shipper itself is one of the worker host's services."""

from __future__ import annotations

import pulumi

from domicile.machine.files import Folder
from domicile.machine.identities import Identity
from domicile.places import StackPlaces


def build_archive(places: StackPlaces, retain: bool, opts: pulumi.ResourceOptions) -> Folder:
    """The folder that the shipper writes every record to, kept when the stack is destroyed unless the configuration says otherwise."""
    shipper = Identity.SHIPPER
    return Folder("archive", path=str(places.archive), uid=shipper.uid, gid=shipper.gid, mode=0o750, retain=retain, opts=opts)
