"""`domicile images build|lock|verify|push`: the image builder, with the keys of a stack, and a way into a region's registry beside `up`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from domicile.cli.exit import CliError, ending_on, wrong_input
from domicile.cli.progress import Progress
from domicile.cli.project import Stack, configuration, places, platform

if TYPE_CHECKING:
    from domicile_images import BuiltImage

app = typer.Typer(help="Build, lock and verify the images that a perimeter runs.", no_args_is_help=True)
Names = Annotated[list[str] | None, typer.Argument(help="Images, such as sandbox or host; none: all.", metavar="NAME…")]
OfStack = Annotated[str, typer.Option("--stack", help="The stack whose signing key is used.", envvar="DOMICILE_STACK")]


@app.command()
def build(names: Names = None, stack: OfStack = "local") -> None:
    """Build and sign images, or find them built: the same inputs give the same digest.

    For a region's stack, with no name: the images of its machines, and then the section `images` for the stack's file. `domicile up` pushes
    what stands there before it starts a machine.
    """
    if names is None and platform(stack) == "aws":
        with Progress() as progress:
            built = _built(stack, progress)
        print(_section(built))
        return
    _run("build", names, stack)


@app.command()
def lock(names: Names = None, stack: OfStack = "local") -> None:
    """Resolve anew what recipes name, and write the locks: review and commit the result."""
    _run("lock", names, stack)


@app.command()
def verify(names: Names = None, stack: OfStack = "local") -> None:
    """Check the signatures of images, of their bills of materials and of their provenance."""
    _run("verify", names, stack)


@app.command()
def push(stack: Stack = "local") -> None:
    """Build and sign the images of a region's machines, and push them into repositories that are there: what `domicile up` does by itself.

    For a machine that holds the signing key and doesn't apply the stack; whoever does needs no built image then. Needs AWS's command line,
    logged in as one of `aws.access.administrators`. What is there already stays. Prints the section `images` for the stack's file.
    """
    config = configuration(stack, False)
    if config.aws is None:
        raise wrong_input(f"stack {stack}: platform {config.platform} has no registry; its images are loaded by `domicile up`")
    from domicile.aws.names import Names as RegionNames
    from domicile.cli.aws_command import require_account
    from domicile.machine.command import CommandError
    from domicile.sandbox_image.pushed import PushedImageSpec, opened
    from domicile_images import ERRORS
    from domicile_images import push as push_image

    require_account(config.aws)
    names = RegionNames.of(config, config.aws)
    with Progress() as progress:
        built = _built(stack, progress)
        with progress.step("pushing images"), ending_on(*ERRORS, CommandError):
            for image in built:
                key = image.public_key.read_text()
                spec = PushedImageSpec.of(names, image.name, image.digest, key)
                with opened(spec) as repository:
                    push_image(image, repository, spec.key, progress.detail)
    print(_section(built))


def _built(stack: str, progress: Progress) -> list[BuiltImage]:
    """The images of a region's machines, built and signed with the stack's key."""
    from domicile.aws.names import IMAGES
    from domicile.sandbox_image.checkout import CHECKOUT, IMAGE_CACHE
    from domicile_images import ERRORS, Cache, build, key_in, load_recipe

    with progress.step("building images"), ending_on(*ERRORS):
        cache, key = Cache(IMAGE_CACHE), key_in(places(stack).keys)
        return [build(load_recipe(CHECKOUT / "images" / image), cache, key, progress.detail) for image in IMAGES]


def _section(built: list[BuiltImage]) -> str:
    """The section `images` of `domicile:aws`, as a stack's file takes it."""
    digests = "\n".join(f"  {image.name}: {image.digest}" for image in built)
    key = built[0].public_key.read_text().strip().replace("\n", "\n    ")
    return f"images:\n{digests}\n  signingKey: |\n    {key}"


def _run(verb: str, names: list[str] | None, stack: str) -> None:
    keys = places(stack).keys
    from domicile_images.__main__ import main

    if main(["--keys", str(keys), verb, *(names or [])]):
        raise CliError(f"images {verb} failed: see above")
