"""pulumi_aws with each file loaded when a name in it is asked for, instead of all of a service's files at the first of its names.

A region's program names 60 of EC2's, S3's and their like's 1,500 classes; loading all of them takes most of a second and 60 MB (7.51).
Only how the SDK is loaded differs: its code, and what any name of it means, are its own. Called by `region`, under either engine.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pulumi_aws

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Service(ModuleType):
    """A service's module (`pulumi_aws.ec2`) that finds a name by the file that generated SDKs have it in, or else loads it all."""

    def __getattr__(self, name: str) -> object:
        if (loaded := sys.modules.get(f"{self.__name__}.{name}")) is not None:  # a file that others are just loading
            return loaded
        if name.startswith("__") and name != "__all__":  # asked for by tools of every module
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        for file in _files(name):
            if Path(self.__path__[0], f"{file}.py").is_file():
                found = import_module(f"{self.__name__}.{file}")
                if name == file or name in self.__dict__:
                    return self.__dict__.get(name, found)
        self._load_all()
        return getattr(self, name)

    def __dir__(self) -> list[str]:
        self._load_all()
        return list(vars(self))

    def _load_all(self) -> None:
        self.__class__ = ModuleType  # type: ignore[assignment]
        assert self.__spec__ and self.__spec__.loader  # noqa: S101 it was found by them
        self.__spec__.loader.exec_module(self)

    def __setattr__(self, name: str, value: object) -> None:
        """Loading a file binds it here: bind what it exports too, as the service's own `from .file import *` would."""
        super().__setattr__(name, value)
        if isinstance(value, ModuleType) and name != "outputs":  # the one file that is no more than itself
            for exported in value.__dict__.get("__all__", ()):
                super().__setattr__(exported, value.__dict__[exported])


def _files(name: str) -> list[str]:
    """Where a name may be: `Vpc`, `VpcArgs` in `vpc`, `GetVpcResult`, `get_vpc_output` in `get_vpc`, those of parts in `_inputs`."""
    words = _WORDS.sub("_", name).lower()
    files = [name, words, *(words.removesuffix(end) for end in ("_args", "_result", "_output") if words.endswith(end))]
    return [*dict.fromkeys(files), *(["_inputs"] if name.endswith(("Args", "ArgsDict")) else [])]


def load_by_file() -> None:
    """From now on, of every service that isn't loaded yet."""
    for module in vars(pulumi_aws).values():
        waits = type(module).__name__ == "_LazyModule"  # Pulumi's own, which loads all of the service at its first name
        if waits and module is not pulumi_aws.config:  # that one makes its own class
            module.__class__ = Service
