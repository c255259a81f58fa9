"""A change of the configuration leaves the rest of Pulumi.STACK.yaml as its user wrote it, as the CLI does."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from domicile.engine.config_text import edited

WRITTEN = """\
# whose stack this is
encryptionsalt: v1:abc  # not to be lost
config:
  # why ten
  au:size: 10   # trailing
  au:list:
  - one  # the first
  - two
  au:deep:
    # inside
    a: {b: 1}
    c: |
      several
      lines
  # the last
  au:end: "x"
# the end
"""


def with_config(**changes: Any) -> dict[str, Any]:
    """The document with changed values of its configuration; None takes one out."""
    document = yaml.safe_load(WRITTEN)
    document["config"] |= {f"au:{name}": value for name, value in changes.items()}
    document["config"] = {k: v for k, v in document["config"].items() if v is not None}
    return document


@pytest.mark.parametrize(
    ("changes", "before", "after"),
    [
        ({"size": 11}, "  au:size: 10   # trailing\n", "  au:size: 11   # trailing\n"),
        ({"size": True}, "  au:size: 10   # trailing\n", "  au:size: true   # trailing\n"),
        ({"size": "11"}, "  au:size: 10   # trailing\n", "  au:size: '11'   # trailing\n"),
        ({"end": {"secure": "v1:x"}}, '  au:end: "x"\n', "  au:end:\n    secure: v1:x\n"),
        ({"end": None}, '  au:end: "x"\n', ""),
        ({"more": "y"}, '  au:end: "x"\n', '  au:end: "x"\n  au:more: y\n'),
        ({"deep": {"a": {"b": 2}, "c": "several\nlines\n"}}, "    a: {b: 1}\n", "    a:\n      b: 2\n"),
        ({"end": "a\nb"}, '  au:end: "x"\n', '  au:end: "a\\nb"\n'),
    ],
)  # fmt: skip
def test_only_what_has_changed_is_written(changes: dict[str, Any], before: str, after: str) -> None:
    assert edited(WRITTEN, with_config(**changes)) == WRITTEN.replace(before, after)


@pytest.mark.parametrize(
    "text", ["", "{}\n", "config: {au:a: 1}\n", "# nothing yet\n", "---\nconfig: &x {au:a: 1}\nother: *x", "config:\n"]
)
def test_what_allows_no_such_change_is_written_anew(text: str) -> None:
    document = {"encryptionsalt": "v1:abc", "config": {"au:a": 2, "au:b": [1]}}
    assert yaml.safe_load(edited(text, document)) == document


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
_sections = st.dictionaries(st.text(max_size=6), _values, max_size=4)
_documents = st.dictionaries(st.sampled_from(["encryptionsalt", "config", "other"]), _sections)


@settings(deadline=None)
@given(before=_documents, after=_documents)
def test_whatever_was_written_the_text_says_what_it_is_to_say(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert yaml.safe_load(edited(yaml.safe_dump(before), after)) == after


def test_a_comment_outlives_config_set_and_rm(yard) -> None:
    path = yard.root / "Pulumi.dev.yaml"
    path.write_text(path.read_text() + "config:\n  # why ten\n  yard:size: 10  # as measured\n")
    written = path.read_text()
    yard.stack.set_config("word", "hush", secret=True)
    yard.stack.set_config("size", "11")
    yard.stack.remove_config("word")
    assert path.read_text() == written.replace(" 10 ", " '11' ")
