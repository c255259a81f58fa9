"""Changes of Pulumi.STACK.yaml's text that leave a user's comments and layout as they are. Called by `config`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

Change = tuple[int, int, str]  # from where to where in the text, and what stands there then


def edited(text: str, document: Mapping[str, Any]) -> str:
    """The text changed where it doesn't say `document`; where its form allows no such change, written anew."""
    text = text if not text or text.endswith("\n") else text + "\n"
    if _says(changed := _changed(text, document), document):
        return changed
    anew = _dumped(document)
    escaped: str = yaml.safe_dump(document, sort_keys=False)
    return anew if _says(anew, document) else escaped


def _says(text: str, document: Mapping[str, Any]) -> bool:
    try:
        return bool(yaml.safe_load(text) == document)
    except yaml.YAMLError:
        return False


def _changed(text: str, document: Mapping[str, Any]) -> str:
    """The text with changes where they are needed; an empty one if it has no form that can be changed so."""
    root = yaml.compose(text, yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        return ""
    try:
        changes = sorted(_changes(text, root, document), reverse=True)
    except yaml.YAMLError:  # an entry that can't be read by itself, as one with an alias
        return ""
    for start, end, new in changes:
        text = text[:start] + new + text[end:]
    return text


def _changes(text: str, node: yaml.MappingNode, wanted: Mapping[str, Any]) -> Iterator[Change]:
    left = dict(wanted)
    indent = node.value[0][0].start_mark.column if node.value else 0
    for key, value in node.value:
        start, end = key.start_mark.index - indent, _line_end(text, value)
        if key.value not in left:
            yield start, end, ""
            continue
        new = left.pop(key.value)
        if repr(yaml.safe_load(text[start:end])) == repr({key.value: new}):  # unlike values, their texts tell 1 from true
            continue
        if isinstance(value, yaml.MappingNode) and not value.flow_style and value.value and isinstance(new, dict) and new:
            yield from _changes(text, value, new)
        elif isinstance(value, yaml.ScalarNode) and value.style in (None, "'", '"') and value.value and not isinstance(new, dict | list):
            yield value.start_mark.index, value.end_mark.index, _scalar(new)
        else:
            yield start, end, _dumped({key.value: new}, indent)
    end = _line_end(text, node)
    if left:
        yield end, end, _dumped(left, indent)


def _line_end(text: str, node: yaml.Node) -> int:
    """Where the line after the node's last begins; comments below it aren't its own."""
    while isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    end = int(node.end_mark.index)
    if end > node.start_mark.index and text[end - 1] == "\n":
        return end
    return text.index("\n", end) + 1


def _scalar(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) and "\n" in value else _dumped(value).removesuffix("...\n").rstrip("\n")


def _dumped(value: Any, indent: int = 0) -> str:
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=1 << 20)
    return "".join(" " * indent + line for line in text.splitlines(keepends=True))
