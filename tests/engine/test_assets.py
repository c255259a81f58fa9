"""Assets and archives: known by their content."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile

import pytest

from domicile.engine import preview
from domicile.engine.assets import ARCHIVE, ASSET, hashed
from domicile.engine.values import SIGNATURE

# A provider that keeps what it is given, and can't say what has changed: then the engine itself compares the inputs.
KEEPER = """
import json, os
from pathlib import Path
from pulumi.dynamic import CreateResult, Resource, ResourceProvider, UpdateResult

def shown(a):
    if hasattr(a, "assets"):
        return {k: shown(v) for k, v in a.assets.items()}
    return a.text if hasattr(a, "text") else Path(a.path if hasattr(a, "path") else a.uri.removeprefix("file://")).read_text()

def keep(verb, props):
    folder = Path(os.environ["THINGS"])
    with open(folder / "calls.log", "a") as log:
        log.write(f"{verb} kept\\n")
    (folder / "kept.json").write_text(json.dumps(shown(props["content"])))

class Keeper(ResourceProvider):
    def create(self, props):
        keep("create", props)
        return CreateResult("kept", props)
    def update(self, id_, olds, news):
        keep("update", news)
        return UpdateResult(news)

class Kept(Resource):
    def __init__(self, content):
        super().__init__(Keeper(), "kept", {"content": content})
"""


def entry(yard, name):
    return next(r for r in yard.state() if str(r["urn"]).endswith(f"::{name}"))


@pytest.fixture
def folder(tmp_path):
    """Files of all kinds that matter to an archive: long names, names that aren't ASCII, links, an empty file, archives."""
    root = tmp_path / "folder"
    deep = root / ("d" * 60) / ("e" * 60)
    for d in (root / "sub", root / ".pulumi", deep):
        d.mkdir(parents=True)
    contents = {".pulumi/x": "no", "sub/one": "1" * 600, "sub.txt": "2", "sub-a": "", "Ümlaut.txt": "3"}
    for name, text in contents.items():
        (root / name).write_text(text)
    (deep / "f").write_text("4")
    (deep / ("g" * 120)).write_text("5")
    (root / "link").symlink_to("sub.txt")
    (root / "linked").symlink_to("sub")
    (tmp_path / "a.txt").write_text("content of a\n")
    for name, mode in (("small.tar", "w"), ("small.tar.gz", "w:gz")):
        with tarfile.open(tmp_path / name, mode) as tar:
            for member in ("b/two", "a"):
                info = tarfile.TarInfo(member)
                info.size = 3
                tar.addfile(info, io.BytesIO(b"abc"))
    with zipfile.ZipFile(tmp_path / "small.zip", "w") as archive:
        for member in ("b/two", "a"):
            archive.writestr(member, b"abc")
    return tmp_path


def within(path):
    return {SIGNATURE: ARCHIVE, "assets": {"in": {SIGNATURE: ARCHIVE, "path": path}, "t": {SIGNATURE: ASSET, "text": "hello"}}}


# What pulumi's Go SDK 3.272.0 (asset.FromText, archive.FromPathWithWD, archive.FromAssetsWithWD) says of the same content.
PULUMIS = [
    ({SIGNATURE: ASSET, "text": "hello"}, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
    ({SIGNATURE: ASSET, "text": ""}, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ({SIGNATURE: ASSET, "path": "a.txt"}, "ae1234b2b51186ede2fca3f1c69ec585b263c4bdc45adaafcd3921bd3eb9fea6"),
    ({SIGNATURE: ARCHIVE, "assets": {}}, "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"),
    ({SIGNATURE: ARCHIVE, "path": "folder"}, "262807d99a3f2ffb2773b8bdfb7f0f1d11977687d3d3c859f28eaa8831e93ed9"),
    (within("folder"), "e7f8b3cf6a95262eb9b4ae77d942f78c23adfdead2ef43f187720b3b356a2811"),
    (within("small.zip"), "f15f5d0e5fec6af6b6d423b473a8c188fbfc56a0eff161f2654adc52554a9b76"),
    (within("small.tar"), "f15f5d0e5fec6af6b6d423b473a8c188fbfc56a0eff161f2654adc52554a9b76"),
    (within("small.tar.gz"), "f15f5d0e5fec6af6b6d423b473a8c188fbfc56a0eff161f2654adc52554a9b76"),
]


@pytest.mark.parametrize(("value", "digest"), PULUMIS)
def test_a_hash_is_pulumis_own(folder, value, digest):
    assert hashed(value, folder)["hash"] == digest


def test_an_archive_file_is_hashed_as_it_is(folder):
    for name in ("small.zip", "small.tar.gz"):
        expected = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert hashed({SIGNATURE: ARCHIVE, "path": name}, folder)["hash"] == expected


def test_the_state_has_an_asset_in_the_clis_form(yard):
    (yard.root / "a.txt").write_text("one")
    program = "class Box(pulumi.ComponentResource):\n    pass\n"
    program += (
        "Box('x:y:Box', 'box', {'file': pulumi.FileAsset('a.txt'), 'all': pulumi.AssetArchive({'t': pulumi.StringAsset('hello')})})\n"
    )
    assert yard.up(program).exit_code == 0, yard.said()
    inputs = entry(yard, "box")["inputs"]
    assert inputs["file"] == {SIGNATURE: ASSET, "hash": hashlib.sha256(b"one").hexdigest(), "path": "a.txt"}
    text = {SIGNATURE: ASSET, "hash": PULUMIS[0][1], "text": "hello"}
    assert inputs["all"] == {**hashed({SIGNATURE: ARCHIVE, "assets": {"t": text}}, yard.root)}


@pytest.mark.parametrize(
    "content",
    [
        "pulumi.FileAsset('a.txt')",
        "pulumi.AssetArchive({'a': pulumi.FileAsset('a.txt')})",
        "pulumi.Output.secret(pulumi.FileAsset('a.txt'))",
    ],
)
def test_a_change_of_a_files_content_is_a_change(yard, content):
    (yard.root / "a.txt").write_text("one")
    (yard.root / "keeper.py").write_text(KEEPER)
    program = f"from keeper import Kept\nKept({content})\n"
    assert yard.up(program).exit_code == 0, yard.said()
    assert yard.up().summary == {"same": 2} and yard.calls() == ["create kept"]
    (yard.root / "a.txt").write_text("two")
    assert preview(yard.stack).summary == {"same": 1, "update": 1}
    assert yard.up().summary == {"same": 1, "update": 1} and yard.calls() == ["update kept"]
    assert "two" in str(yard.world()["kept"])
    assert yard.up().summary == {"same": 2}


def test_the_same_content_from_elsewhere_is_no_change(yard):
    for name in ("a.txt", "b.txt"):
        (yard.root / name).write_text("one")
    box = "class Box(pulumi.ComponentResource):\n    pass\nBox('x:y:Box', 'box', {'file': pulumi.%s})\n"
    assert yard.up(box % "FileAsset('a.txt')").exit_code == 0, yard.said()
    for same in ("FileAsset('b.txt')", "StringAsset('one')", f"RemoteAsset('file://{yard.root}/a.txt')"):
        assert yard.up(box % same).summary == {"same": 2}, yard.said()
    assert yard.up(box % "StringAsset('two')").summary == {"same": 1, "update": 1}


def test_a_secret_assets_text_is_not_in_the_state(yard):
    (yard.root / "keeper.py").write_text(KEEPER)
    assert yard.up("from keeper import Kept\nKept(pulumi.Output.secret(pulumi.StringAsset('whisper')))\n").exit_code == 0, yard.said()
    assert yard.world()["kept"] == "whisper" and "whisper" not in yard.checkpoint.read_text()


@pytest.mark.parametrize(
    ("asset", "words"),
    [
        ("FileAsset('no.txt')", "no.txt can't be read"),
        ("FileAsset('sub')", "use a FileArchive"),
        ("FileArchive('thing.py')", "neither a folder nor a file that ends in"),
        ("AssetArchive({'x': pulumi.FileArchive('nowhere')})", "nowhere"),
    ],
)
def test_what_cant_be_read_is_one_error_and_nothing_is_made(yard, asset, words):
    (yard.root / "sub").mkdir()
    result = yard.up(f"Thing('x', body=pulumi.{asset})\n")
    assert result.exit_code == 1 and yard.calls() == []
    assert len(result.errors) == 1 and words in result.errors[0] and "x" in result.errors[0], result.errors
