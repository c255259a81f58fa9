"""What a plugin has parsed of an SDK serves the next process, as long as the files are the same."""

from __future__ import annotations

import ast
import json

import pytest

from domicile.rehearsal import parsed
from domicile.rehearsal.schema import Schema

FLOWER = """
class FlowerArgs:
    @pulumi.getter
    def colour(self) -> pulumi.Input['Colour']: ...

class Flower(pulumi.CustomResource):
    def _internal_init(__self__):
        super(Flower, __self__).__init__('toy:garden/flower:Flower', None)

    @pulumi.getter
    def colour(self) -> pulumi.Output['Colour']: ...
"""
TOKEN = "toy:garden/flower:Flower"
AWS = ["aws:ec2/launchTemplate:LaunchTemplate", "aws:s3/bucket:Bucket", "aws:lb/targetGroup:TargetGroup", "aws:kms/key:Key"]


@pytest.fixture
def toy(toy_sdk, tmp_path, monkeypatch):
    """The folder of a generated SDK, with a cache that holds what was parsed of it."""
    root = toy_sdk(FLOWER, "class Colour(str, Enum):\n    RED = 'red'\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    schema = Schema("pulumi_toy")
    assert looked_up(schema) == {"red"}
    schema.save()
    return root


def looked_up(schema):
    return schema.enum(schema.resource(TOKEN).inputs["colour"].type.of)


def files():
    return list(parsed.folder().iterdir())


def test_the_next_process_parses_nothing_and_knows_the_same(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = Schema("pulumi_aws")
    shapes = {token: first.resource(token) for token in [*AWS, "pulumi:providers:aws"]}
    function = first.function("aws:ec2/getAmi:getAmi")
    objects = {p.type.of: first.object(p.type.of) for shape in shapes.values() for p in shape.inputs.values() if p.type.kind == "object"}
    assert len(objects) > 10
    first.save()
    monkeypatch.setattr(ast, "parse", None)
    second = Schema("pulumi_aws")
    assert {token: second.resource(token) for token in shapes} == shapes
    assert {ref: second.object(ref) for ref in objects} == objects
    assert second.function("aws:ec2/getAmi:getAmi") == function


def test_a_changed_file_is_parsed_anew(toy):
    (toy / "garden" / "_enums.py").write_text("class Colour(str, Enum):\n    BLUE = 'blue'\n")
    assert looked_up(Schema("pulumi_toy")) == {"blue"}
    (toy / "garden" / "flower.py").write_text(FLOWER.replace("colour", "hue"))
    assert set(Schema("pulumi_toy").resource(TOKEN).inputs) == {"hue"}


def test_a_type_that_a_new_version_lacks_is_not_known_from_the_old_one(toy):
    init = toy / "__init__.py"
    init.write_text(init.read_text().replace(TOKEN, "toy:garden/tree:Tree"))
    assert Schema("pulumi_toy").resource(TOKEN) is None


NOT_ONE = [{"resource": 3, f"resource {TOKEN}": [{}, [1]]}, {f"resource {TOKEN}": 7}, []]


@pytest.mark.parametrize("content", ["", "{", *map(json.dumps, NOT_ONE)])
def test_a_damaged_cache_is_as_none(toy, content):
    (file,) = files()
    file.write_text(content)
    schema = Schema("pulumi_toy")
    schema.recall()
    assert looked_up(schema) == {"red"}
    schema.save()
    assert TOKEN in file.read_text()


def test_a_deleted_cache_is_written_anew_and_one_that_cannot_be_is_done_without(toy, monkeypatch, tmp_path):
    (file,) = files()
    file.unlink()
    schema = Schema("pulumi_toy")
    assert looked_up(schema) == {"red"}
    schema.save()
    assert files() == [file]
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    schema = Schema("pulumi_toy")
    assert looked_up(schema) == {"red"}
    schema.save()


def test_two_that_save_keep_what_each_has_found(toy):
    (file,) = files()
    file.unlink()
    one, other = Schema("pulumi_toy"), Schema("pulumi_toy")
    one.resource(TOKEN)
    other.enum(f"{toy / 'garden'}#Colour")
    one.save()
    other.save()
    assert {what.partition(" ")[0] for what in json.loads(file.read_text())} == {"resource", "enum"}


def test_what_is_recalled_before_anybody_asks_is_what_the_files_say_now(toy):
    (toy / "garden" / "flower.py").write_text(FLOWER.replace("colour", "hue"))
    schema = Schema("pulumi_toy")
    schema.recall()
    assert set(schema.resource(TOKEN).inputs) == {"hue"}
