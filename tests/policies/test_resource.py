"""What rules read: plain values by path, and nothing unknown by mistake."""

from __future__ import annotations

import pytest

from domicile_policies.resource import NotKnown, Resource, Unknown, known, normalised


def resource(**inputs) -> Resource:
    return Resource("aws:ec2/instance:Instance", "web", "urn:pulumi:s::p::aws:ec2/instance:Instance::web", normalised(inputs))


def test_values_are_found_by_path_and_absent_ones_are_the_default():
    web = resource(disks=[{"size": 8.0}, {"size": 9.5, "kms": None}])
    assert (web.get("disks[0].size"), web.get("disks[1].size")) == (8, 9.5) and isinstance(web.get("disks[0].size"), int)
    assert web.get("disks[1].kms", "none") == "none" and web.get("disks[2].size") is None and web.get("a.b[3]") is None


def test_reading_what_is_not_known_names_its_path():
    web = resource(disks=[{"kms": Unknown("")}], tags=Unknown(""))
    for path, told in (("disks[0].kms", "disks[0].kms"), ("tags.team", "tags"), ("tags", "tags")):
        with pytest.raises(NotKnown) as refused:
            web.get(path)
        assert refused.value.path == told
    assert not web.known("tags") and web.known("name") and not web.known("disks")


@pytest.mark.parametrize(
    "use",
    [lambda v: v == "x", lambda v: v != "x", bool, len, list, str, lambda v: "x" in v, lambda v: v["x"], lambda v: v < 3, lambda v: {v: 1}],
)
def test_an_unknown_value_inside_a_known_one_can_not_be_used_by_mistake(use):
    (disk,) = resource(disks=[{"kms": Unknown("")}]).get("disks")
    assert not known(disk)
    with pytest.raises(NotKnown):
        use(disk["kms"])


def test_a_document_is_read_and_what_is_none_is_said():
    assert resource(policy='{"Statement": []}').document("policy") == {"Statement": []}
    assert resource().document("policy") is None
    with pytest.raises(ValueError):
        resource(policy="{").document("policy")
    with pytest.raises(NotKnown):
        resource(policy=Unknown("")).document("policy")


def test_what_pulumi_keeps_for_itself_and_what_is_null_is_left_out():
    assert resource(a=None, __defaults=["a"], b=[None, 1.0]).inputs == {"b": [None, 1]}
