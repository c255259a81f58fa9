"""An image in a region's registry as a resource: pushed by `up` before any machine asks for it, verified before and after.

Put together by `sandbox_image.aws`; `domicile images push` goes the same way. The state holds what is to be there (digest, repository,
public key), and nothing of the machine that pushed: an `up` from another checkout changes nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi
from pulumi import dynamic

from domicile.machine.command import CommandError, run
from domicile.machine.resource import MachineProvider, MachineResource, Spec
from domicile.rehearsed import rehearsed_cloud
from domicile.sandbox_image.checkout import IMAGE_CACHE
from domicile_host.image_signature import signed_name

if TYPE_CHECKING:
    from domicile.aws.names import Names
    from domicile_images import BuiltImage, Repository


class PushedImageSpec(Spec):
    """The image `image` of this digest, in a repository of the registry (a host name), signed with the key (public half, PEM)."""

    image: str
    digest: str
    registry: str
    repository: str
    region: str
    signing_key: str

    @classmethod
    def of(cls, names: Names, image: str, digest: str, signing_key: str) -> PushedImageSpec:
        """The image in its repository of the stack with these names."""
        return cls(
            image=image,
            digest=digest,
            registry=names.registry,
            repository=names.repository(image),
            region=names.region,
            signing_key=signing_key,
        )

    @property
    def key(self) -> bytes:
        return self.signing_key.encode()

    @property
    def pinned(self) -> str:
        """How a machine names it."""
        return f"{self.registry}/{self.repository}@{self.digest}"


class PushedImageProvider(MachineProvider):
    """Pushes what isn't there yet; what a killed push had sent stays sent. A new digest is another image, and the old one stays beside it.

    Removing leaves the image: machines that drain still run it, an earlier release must stay pullable, and it is evidence of what ran. It
    goes by the repository's own lifecycle, or with the repository.
    """

    spec = PushedImageSpec
    replaces = frozenset({"image", "digest", "registry", "repository"})
    images: ClassVar[Path] = IMAGE_CACHE
    """The builder's cache, where built images are."""

    def identity(self, spec: PushedImageSpec) -> str:
        return spec.pinned

    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """The new image comes first: machines are told of it when it is there."""
        found = super().diff(id_, olds, news)
        found.delete_before_replace = False
        return found

    def ensure(self, spec: PushedImageSpec) -> Mapping[str, Any]:
        from domicile_images import holds, push, verify_built

        built = built_here(spec, self.images)
        with _said():
            if cloud := rehearsed_cloud():
                from domicile.rehearsal import images

                if built:
                    verify_built(built, spec.key)
                images.put(cloud, spec)
                return {}
            with opened(spec) as repository:
                if built:
                    push(built, repository, spec.key)
                elif not holds(repository, spec.digest, signed_name(spec.image), spec.key):
                    raise CommandError(_missing(spec))
        return {}

    def look(self, spec: PushedImageSpec, _facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        with _said():
            return {} if in_registry(spec) else None

    def remove(self, spec: PushedImageSpec) -> None:
        """Leaves it."""


class PushedImage(MachineResource, module="sandbox_image"):
    """An image in its repository; machines that run it depend on this."""

    provider: ClassVar[MachineProvider] = PushedImageProvider()


def require(specs: Iterable[PushedImageSpec], preview: bool, images: Path = IMAGE_CACHE) -> None:
    """Raises `CommandError` for an image that could not be pushed, before a stack touches anything: it is neither built here nor in the
    registry, or there is no `aws` to push it with. A preview asks no registry, and warns."""
    if rehearsed_cloud():
        return
    for spec in specs:
        if not preview:
            _require_aws()
        if built_here(spec, images):
            continue
        if preview:
            pulumi.log.warn(f"{_missing(spec, where='')}; `up` goes on only where it is in {spec.registry}/{spec.repository} already")
            continue
        with _said():
            if not in_registry(spec):
                raise CommandError(_missing(spec))


def built_here(spec: PushedImageSpec, images: Path) -> BuiltImage | None:
    """The image as it was built and signed on this machine, unverified but for its signature; None if it wasn't."""
    from domicile_images import Cache, SignatureError, find, verify

    found = find(Cache(images), spec.image, spec.digest)
    for built in found:
        try:
            verify(built.signature.read_bytes(), spec.digest, spec.key, built.reference)
        except (SignatureError, OSError):
            continue
        return built
    if found:
        raise CommandError(
            f"image {spec.image} {spec.digest} is built here, but not signed with `aws.images.signingKey`: build it with that key, or put "
            "what `domicile images build` prints into the stack's file"
        )
    return None


def in_registry(spec: PushedImageSpec) -> bool:
    """Whether it is there, whole and signed. Raises the errors of `domicile_images`."""
    from domicile_images import holds

    if cloud := rehearsed_cloud():
        from domicile.rehearsal import images

        return images.holds(cloud, spec)
    with opened(spec) as repository:
        return holds(repository, spec.digest, signed_name(spec.image), spec.key)


@contextmanager
def opened(spec: PushedImageSpec) -> Iterator[Repository]:
    """The repository, by a token of AWS's that is good for hours and known to this process only."""
    from domicile_images import Login, Repository

    scheme = "http" if spec.registry.startswith("127.0.0.1:") else "https"
    with Repository(f"{scheme}://{spec.registry}", spec.repository, Login("AWS", _token(spec.region))) as repository:
        yield repository


def _require_aws() -> None:
    if shutil.which("aws") is None:
        raise CommandError("there is no `aws` on PATH: install AWS's command line, log in as one of aws.access.administrators, run again")


def _token(region: str) -> str:
    _require_aws()
    return run("aws", "ecr", "get-login-password", "--region", region).strip()


def _missing(spec: PushedImageSpec, where: str = " and isn't in the registry") -> str:
    return (
        f"image {spec.image} {spec.digest} isn't built on this machine{where}: run `domicile images build --stack S` with the stack's "
        "signing key, and put what it prints under `aws.images`"
    )


@contextmanager
def _said() -> Iterator[None]:
    """What the builder's package raises says what to do; a resource says it without a traceback."""
    from domicile_images import ERRORS

    try:
        yield
    except ERRORS as error:
        raise CommandError(str(error)) from error
