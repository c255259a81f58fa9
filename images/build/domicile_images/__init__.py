"""Builds the images of a perimeter: locked Debian packages, wheels and own files → signed OCI layouts, the same bytes every time.

`provisioning` calls `build` and `load`; an operator runs `python -m domicile_images` (see `--help`). An image is a folder
`images/<name>` with a `recipe.yaml` and its locks.
"""

from domicile_host.image_signature import SignatureError, verify
from domicile_images.builder import BuiltImage, build, find
from domicile_images.bytecode import BytecodeError
from domicile_images.cache import Cache, CacheError
from domicile_images.debian import AptError
from domicile_images.golang import GoError
from domicile_images.locks import lock
from domicile_images.recipe import Recipe, RecipeError
from domicile_images.recipe import load as load_recipe
from domicile_images.registry import Login, RegistryError, Repository, holds, push
from domicile_images.signing import Key, SigningKeyError, StatementError, key_in, verify_statement
from domicile_images.store import StoreError, is_loaded, load, unload
from domicile_images.tree import UnsafePathError
from domicile_images.verification import LayoutError, verify_built
from domicile_images.wheels import PipError

ERRORS = (
    AptError,
    BytecodeError,
    CacheError,
    GoError,
    LayoutError,
    PipError,
    RecipeError,
    RegistryError,
    SignatureError,
    SigningKeyError,
    StatementError,
    StoreError,
    UnsafePathError,
)
"""What building, loading and verifying can raise; each message says what to do."""

__all__ = [
    "ERRORS",
    "AptError",
    "BuiltImage",
    "BytecodeError",
    "Cache",
    "CacheError",
    "GoError",
    "Key",
    "LayoutError",
    "Login",
    "PipError",
    "Recipe",
    "RecipeError",
    "RegistryError",
    "Repository",
    "SignatureError",
    "SigningKeyError",
    "StatementError",
    "StoreError",
    "UnsafePathError",
    "build",
    "find",
    "holds",
    "is_loaded",
    "key_in",
    "load",
    "load_recipe",
    "lock",
    "push",
    "unload",
    "verify",
    "verify_built",
    "verify_statement",
]
