"""What a recipe says: `images/<name>/recipe.yaml`, validated whole before anything is fetched.

Read by the builder and by `lock`. Paths of own files are relative to the recipe's folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domicile_host.image_signature import signed_name

ImagePath = Annotated[str, Field(pattern=r"^[a-z0-9][A-Za-z0-9._/+-]*$", description="a path in the image, without the leading slash")]


class RecipeError(Exception):
    """The recipe says something that can't be built. The message names the file, the place in it and what is wrong."""


class Part(BaseModel):
    """A frozen model that refuses fields it doesn't know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Wheel(Part):
    """A wheel of which only some files are taken; without `take` it is unpacked where python3 finds it."""

    requirement: str
    take: dict[str, ImagePath] = Field(default_factory=dict, description="path in the wheel → path in the image")


class Go(Part):
    """A Go program, built without cgo."""

    module: str = Field(description="folder of the module")
    program: ImagePath


class Own(Part):
    """Own files: a file, or a folder with all below it."""

    source: str = Field(alias="from")
    to: ImagePath


class Folder(Part):
    """A folder that the image prepares, mostly as a mount point."""

    path: ImagePath
    mode: str = Field("0755", pattern=r"^[01]?[0-7]{3,4}$")
    uid: int = 0
    gid: int = 0


class User(Part):
    """An account of the image; its group has the same name and number."""

    name: str
    uid: int = Field(gt=0)
    home: str = "/nonexistent"
    shell: str = "/sbin/nologin"


class Run(Part):
    """What the image says about running it."""

    user: str = Field(pattern=r"^\d+:\d+$")
    workdir: str = "/"
    entrypoint: tuple[str, ...]
    command: tuple[str, ...] = ()
    environment: dict[str, str] = Field(default_factory=dict)


class Recipe(Part):
    """One image."""

    name: str = Field(pattern=r"^[a-z][a-z_]*$")
    description: str
    debian: tuple[str, ...] = Field(description="Debian packages; what they depend on comes with them")
    without: dict[str, str] = Field(default_factory=dict, description="dependency or image path left out → the reason")
    wheels: tuple[Wheel | str, ...] = ()
    versions: str | None = Field(None, description="requirements lock whose versions the wheels take: what was tested is what ships")
    go: Go | None = None
    own: tuple[Own, ...] = ()
    folders: tuple[Folder, ...] = ()
    links: dict[ImagePath, str] = Field(default_factory=dict)
    users: tuple[User, ...] = ()
    run: Run
    folder: Path = Field(exclude=True, description="where the recipe lies; set by `load`")

    @property
    def debian_lock(self) -> Path:
        return self.folder / "debian.lock.json"

    @property
    def wheels_lock(self) -> Path:
        return self.folder / "wheels.lock"

    @property
    def reference(self) -> str:
        """The image's name in a container store, and the one its signature names."""
        return signed_name(self.name)


def load(folder: Path) -> Recipe:
    """Reads `folder/recipe.yaml`. Raises `RecipeError`."""
    path = folder / "recipe.yaml"
    try:
        return Recipe.model_validate({**yaml.safe_load(path.read_text()), "folder": folder})
    except FileNotFoundError as error:
        raise RecipeError(f"{path}: no such recipe; an image is a folder with a recipe.yaml") from error
    except (ValidationError, yaml.YAMLError, TypeError) as error:
        raise RecipeError(f"{path}: {error}") from error
