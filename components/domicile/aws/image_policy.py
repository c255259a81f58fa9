"""Which images podman takes on a machine: this stack's own, signed with the team's key, and no other from anywhere.

Forms: containers-policy.json(5) and containers-registries.d(5), of podman 5. The signature lies beside the image as cosign stores it.
"""

from __future__ import annotations

import base64
import json

from domicile.aws.names import IMAGES, Names
from domicile_host.image_signature import signed_name

POLICY = "/etc/containers/policy.json"
LOOKASIDE = "/etc/containers/registries.d/domicile.yaml"


def policy(names: Names, signing_key: str) -> str:
    """Rejects by default. A signature names the image as it is signed, not as the registry calls it; a name is good in its place only."""
    key = base64.b64encode(signing_key.encode()).decode()

    def signed(image: str) -> list[dict[str, object]]:
        identity = {"type": "exactRepository", "dockerRepository": signed_name(image)}
        return [{"type": "sigstoreSigned", "keyData": key, "signedIdentity": identity}]

    own = {f"{names.registry}/{names.repository(image)}": signed(image) for image in IMAGES}
    return json.dumps({"default": [{"type": "reject"}], "transports": {"docker": own}}, indent=1)


def pinned(names: Names, images: tuple[str, ...]) -> str:
    """For images of others that nobody signs for us: only from this stack's own repositories, where units name them by digest."""
    own: dict[str, object] = {f"{names.registry}/{names.repository(image)}": [{"type": "insecureAcceptAnything"}] for image in images}
    return json.dumps({"default": [{"type": "reject"}], "transports": {"docker": own}}, indent=1)


def lookaside(names: Names) -> str:
    """Where signatures are: in the registry, beside the image."""
    return json.dumps({"docker": {names.registry: {"use-sigstore-attachments": True}}})
