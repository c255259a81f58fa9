"""What must be right before the first sandbox: checked once, and the dispatcher ends with the reason if it isn't.

Used by `dispatcher`. Nothing is started by then; a sandbox less confined than promised never is.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from domicile_host.dispatcher.engine import Engine
from domicile_host.dispatcher.errors import StartRefused
from domicile_host.dispatcher.ledger import write_whole
from domicile_host.image_signature import SignatureError, verify
from domicile_host.settings import HostSettings, SandboxImage

SYSTEM_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


async def image_id(image: SandboxImage, engine: Engine) -> str:
    """Verifies the sandbox image's signature and returns its id in the host's store.

    The id is what containers are made from: a tag or name moved later changes nothing.
    """
    try:
        verify(image.signature.read_bytes(), image.digest, image.public_key.read_bytes(), image.reference)
    except (OSError, SignatureError) as error:
        raise StartRefused(f"sandbox image {image.reference}@{image.digest} has no valid signature: {error}") from error
    found = await engine.image_id(f"{image.reference}@{image.digest}")
    if found is None:
        raise StartRefused(f"sandbox image {image.reference}@{image.digest} isn't in the host's store: load it there, then restart")
    return found


async def check_runtime(settings: HostSettings, engine: Engine) -> None:
    """Raises `StartRefused` unless the engine starts containers with the runtime asked for.

    Measured with podman 4.3.1: a container's own `oci_runtime` is ignored; the service's runtime counts.
    """
    wanted, has = settings.sandboxes.runtime, await engine.runtime()
    if has != wanted:
        raise StartRefused(
            f"sandboxes.runtime is {wanted!r}, but the container engine runs {has!r}: start its service with `--runtime {wanted}`"
        )


def check_files(settings: HostSettings) -> None:
    """Raises `StartRefused` when the seccomp profile can't be read; without one the engine would take its own, laxer one."""
    profile = settings.sandboxes.seccomp_profile
    if not profile.is_file():
        raise StartRefused(f"sandboxes.seccomp_profile {profile} isn't there")


def write_ca_bundle(settings: HostSettings, authority_certificate: str) -> None:
    """Writes what sandboxes trust: the system's certificates, those of the policy's own hosts, and the inspecting proxy's."""
    if not SYSTEM_BUNDLE.is_file():
        raise StartRefused(f"{SYSTEM_BUNDLE} isn't there: install the package ca-certificates")
    own = settings.egress.upstream_ca_file
    parts = [SYSTEM_BUNDLE.read_text(), own.read_text() if own else "", authority_certificate]
    bundle = "".join(part.strip() + "\n" for part in parts if part)
    try:
        ssl.create_default_context(cadata=bundle)
    except ssl.SSLError as error:
        raise StartRefused(f"the CA bundle for sandboxes can't be read back: {error}") from error
    target = settings.sandboxes.ca_bundle
    if target.is_file() and target.read_text() == bundle:
        return  # running sandboxes have the file mounted: replacing it would leave them with the old one for no reason
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, bundle.encode(), mode=0o644, sync=False)
