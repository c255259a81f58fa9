"""What is set up wrongly is refused before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domicile_host.dispatcher.errors import StartRefused

if TYPE_CHECKING:
    from dispatcher_lab import Lab

pytestmark = pytest.mark.perimeter


async def refused(host: Lab, match: str) -> None:
    host.put_key()
    await host.start()
    running, host.running = host.running, None
    assert running is not None
    with pytest.raises(StartRefused, match=match):
        await running
    host.assert_nothing_left()


async def test_a_runtime_that_the_host_lacks_is_refused(host: Lab) -> None:
    host.change(runtime="kata")
    await refused(host, "kata")


async def test_an_image_with_another_keys_signature_is_refused(host: Lab, tmp_path: Path) -> None:
    from dispatcher_lab import _signed

    image = host.settings.sandboxes.image
    (tmp_path / "other").mkdir()
    other = _signed(tmp_path / "other", image.reference, image.digest)
    host.change(image=image.model_copy(update={"signature": other.signature}))
    await refused(host, "another key")


async def test_an_image_that_is_not_in_the_store_is_refused(host: Lab, tmp_path: Path) -> None:
    from dispatcher_lab import _signed

    image = host.settings.sandboxes.image
    digest = "sha256:" + "0" * 64
    (tmp_path / "other").mkdir()
    other = _signed(tmp_path / "other", image.reference, digest)
    host.change(image=image.model_copy(update={"digest": digest, "signature": other.signature, "public_key": other.public_key}))
    await refused(host, "isn't in the host's store")


async def test_a_missing_seccomp_profile_is_refused(host: Lab) -> None:
    host.change(seccomp_profile=Path("/nonexistent/seccomp.json"))
    await refused(host, "seccomp")
