"""Any generated SDK can be rehearsed by its types alone: here one that is written as Pulumi generates them."""

from __future__ import annotations

import pytest

from domicile.rehearsal.cloud import Cloud
from domicile.rehearsal.double import Double
from domicile.rehearsal.packages import package
from domicile.rehearsal.schema import Schema

TOKEN = "toy:garden/flower:Flower"
FLOWER = '''
@pulumi.input_type
class FlowerArgs:
    def __init__(__self__, *, colour: pulumi.Input['Colour'], petals: pulumi.Input[Optional[_builtins.int]] = None):
        """
        Prose that reaches column 0:
class Flower is not here.
        """

    @_builtins.property
    @pulumi.getter
    def colour(self) -> pulumi.Input['Colour']:
        """The colour. Changing this forces a new resource."""

    @_builtins.property
    @pulumi.getter
    def petals(self) -> pulumi.Input[Optional[_builtins.int]]:
        """How many. Defaults to `5`."""


@pulumi.type_token("toy:garden/flower:Flower")
class Flower(pulumi.CustomResource):
    def _internal_init(__self__):
        super(Flower, __self__).__init__('toy:garden/flower:Flower', None)

    @_builtins.property
    @pulumi.getter
    def colour(self) -> pulumi.Output['Colour']:
        """The colour."""

    @_builtins.property
    @pulumi.getter
    def petals(self) -> pulumi.Output[Optional[_builtins.int]]:
        """How many. Defaults to `5`."""

    @_builtins.property
    @pulumi.getter(name="latinName")
    def latin_name(self) -> pulumi.Output[_builtins.str]:
        """Its name in Latin."""
'''


@pytest.fixture
def toy(toy_sdk, tmp_path):
    toy_sdk(FLOWER, "class Colour(_builtins.str, Enum):\n    RED = 'red'\n    WHITE = 'white'\n")
    double = Double(package("toy"), Schema("pulumi_toy"), Cloud(tmp_path / "cloud"))
    double.configure({})
    return double


def urn(name):
    return f"urn:pulumi:s::p::{TOKEN}::{name}"


def test_a_package_without_tables_is_checked_made_read_and_removed(toy):
    assert [f.path for f in toy.check(urn("a"), {}, {"colour": "blue"}, b"")[1]] == ["colour"]
    assert [f.path for f in toy.check(urn("a"), {}, {}, b"")[1]] == ["colour"]
    inputs, faults = toy.check(urn("a"), {}, {"colour": "red"}, b"")
    assert not faults
    id_, outputs = toy.create(urn("a"), inputs)
    assert outputs["petals"] == 5 and outputs["latinName"]
    assert toy.read(urn("a"), id_, inputs, outputs) == (id_, inputs, outputs)
    toy.delete(urn("a"), id_, outputs)
    assert toy.cloud.things() == []


def test_what_its_prose_says_replaces_does(toy):
    found, _ = toy.difference(urn("a"), {}, {"colour": "red"}, {"colour": "white", "petals": 6}, set())
    assert found.replaces == ["colour"] and found.detail == {"colour": "UPDATE_REPLACE", "petals": "ADD"}
