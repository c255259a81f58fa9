"""`python -m domicile_images build|load|lock|verify NAME…`: the image builder on the command line."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from domicile_images import ERRORS, Cache, Recipe, build, key_in, load, load_recipe, lock, verify_built

IMAGES = Path(__file__).parents[2]
CHECKOUT = IMAGES.parent


def main(arguments: list[str] | None = None) -> int:
    """Runs one command. Exit code 0, or 1 with the error's message."""
    options = _parser().parse_args(arguments)
    names = options.names or sorted(path.parent.name for path in IMAGES.glob("*/recipe.yaml"))
    try:
        for name in names:
            options.command(load_recipe(IMAGES / name), options)
    except ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m domicile_images", description=__doc__)
    home = Path(os.environ.get("DOMICILE_HOME", "/var/lib/domicile"))
    parser.add_argument(
        "--cache", type=Path, default=CHECKOUT / ".cache" / "images", help="downloads and finished images (default: %(default)s)"
    )
    parser.add_argument(
        "--keys", type=Path, default=home / "keys", help="folder of the signing key, made on first use (default: %(default)s)"
    )
    verbs = parser.add_subparsers(required=True)
    for verb, command, words in (
        ("build", _build, "build and sign, or find built"),
        ("load", _load, "build, check the signature, put into podman's store"),
        ("lock", _lock, "resolve anew what recipes name; review and commit the result"),
        ("verify", _verify, "check every byte of the layout, and the signatures of image, SBOM and provenance"),
    ):
        verb_parser = verbs.add_parser(verb, help=words)
        verb_parser.add_argument("names", nargs="*", metavar="NAME", help="image; none: all")
        verb_parser.set_defaults(command=command)
    return parser


def _build(recipe: Recipe, options: argparse.Namespace) -> None:
    started = time.monotonic()
    image = build(recipe, Cache(options.cache), key_in(options.keys), _say)
    print(f"{image.pinned}  {image.size_bytes / 1e6:.0f} MB  {time.monotonic() - started:.1f} s")


def _load(recipe: Recipe, options: argparse.Namespace) -> None:
    print(load(build(recipe, Cache(options.cache), key_in(options.keys), _say), _say))


def _lock(recipe: Recipe, options: argparse.Namespace) -> None:
    lock(recipe, _say)


def _verify(recipe: Recipe, options: argparse.Namespace) -> None:
    image = build(recipe, Cache(options.cache), key_in(options.keys), _say)
    verify_built(image, image.public_key.read_bytes())
    print(f"{image.pinned}: layout, signature, SBOM and provenance are good")


def _say(line: str) -> None:
    print(f"  {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
