"""`domicile images build|lock|verify|push`: the image builder, with the keys of a stack, and the way into a region's registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from domicile.cli.exit import CliError, ending_on, wrong_input
from domicile.cli.progress import Progress
from domicile.cli.project import Stack, configuration, places

if TYPE_CHECKING:
    from domicile.aws.names import Names as RegionNames
    from domicile.config.aws import Aws
    from domicile_images import BuiltImage, Login

app = typer.Typer(help="Build, lock and verify the images that a perimeter runs.", no_args_is_help=True)
Names = Annotated[list[str] | None, typer.Argument(help="Images, such as sandbox or host; none: all.", metavar="NAME…")]
OfStack = Annotated[str, typer.Option("--stack", help="The stack whose signing key is used.", envvar="DOMICILE_STACK")]


@app.command()
def build(names: Names = None, stack: OfStack = "local") -> None:
    """Build and sign images, or find them built: the same inputs give the same digest."""
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
    """Build and sign the images of a region's machines, push them to the stack's registry, and print what to put into its configuration.

    Needs AWS's command line, logged in as one of `aws.access.administrators`. Each image goes by digest, with its signature, bill of
    materials and provenance beside it; what is there already stays. The signing key stays on this machine.
    """
    config = configuration(stack, False)
    if config.aws is None:
        raise wrong_input(f"stack {stack}: platform {config.platform} has no registry; its images are loaded by `domicile up`")
    from domicile.aws.names import IMAGES
    from domicile.aws.names import Names as RegionNames
    from domicile.cli.aws_command import require_account
    from domicile.sandbox_image.local import CHECKOUT
    from domicile_images import ERRORS, Cache, build, key_in, load_recipe

    require_account(config.aws)
    names, key = RegionNames.of(config, config.aws), key_in(places(stack).keys)
    with Progress() as progress, ending_on(*ERRORS):
        with progress.step("building images"):
            cache = Cache(CHECKOUT / ".cache" / "images")
            built = [build(load_recipe(CHECKOUT / "images" / image), cache, key, progress.detail) for image in IMAGES]
        with progress.step("pushing images"):
            _push(built, names, _login(config.aws), progress)
    print(_section(built))


def _login(aws: Aws) -> Login:
    from domicile.cli.aws_command import run
    from domicile_images import Login

    return Login("AWS", run(aws, "ecr", "get-login-password").strip())


def _push(built: list[BuiltImage], names: RegionNames, login: Login, progress: Progress) -> None:
    from domicile_images import Repository
    from domicile_images import push as push_image

    for image in built:
        with Repository(f"https://{names.registry}", names.repository(image.name), login) as repository:
            push_image(image, repository, progress.detail)


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
