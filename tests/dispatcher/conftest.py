"""What the dispatcher's tests share: see `dispatcher_lab.py`. Podman's API, OpenBao and the image are made once for all of them."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import dispatcher_lab

from domicile_control_plane.aws import FrontDoor


@pytest.fixture(scope="session")
def dispatcher_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with dispatcher_lab.engine(tmp_path_factory.mktemp("engine")) as socket:
        yield socket


@pytest.fixture(scope="session")
def dispatcher_image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dispatcher_lab.Image]:
    with dispatcher_lab.image(tmp_path_factory.mktemp("image")) as image:
        yield image


@pytest.fixture(scope="session")
def dispatcher_bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dispatcher_lab.Bao]:
    with dispatcher_lab.Bao(tmp_path_factory.mktemp("bao")).started() as bao:
        yield bao


@pytest.fixture
async def host_on_aws(
    tmp_path: Path, dispatcher_image: dispatcher_lab.Image, dispatcher_bao: dispatcher_lab.Bao, dispatcher_engine: Path
) -> AsyncIterator[dispatcher_lab.Lab]:
    """The same, at Claude Platform on AWS."""
    door = FrontDoor("wrkspc_01Lab")
    async with dispatcher_lab.lab(tmp_path, dispatcher_image, dispatcher_bao, dispatcher_engine, door) as lab:
        yield lab


@pytest.fixture
async def host(
    tmp_path: Path, dispatcher_image: dispatcher_lab.Image, dispatcher_bao: dispatcher_lab.Bao, dispatcher_engine: Path
) -> AsyncIterator[dispatcher_lab.Lab]:
    """A worker host whose dispatcher isn't running yet."""
    async with dispatcher_lab.lab(tmp_path, dispatcher_image, dispatcher_bao, dispatcher_engine) as lab:
        yield lab
