"""The CLI's own files, taken over: a backend that the real CLI wrote, and was killed in, goes on here with nothing lost.

`recordings/sample` is that backend. What this engine then writes has the CLI's shape, field for field.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from domicile.engine import LockedError, Project, Secret, Stack, preview, up

RECORDINGS = Path(__file__).with_name("recordings")
WORLD = {"a-1": {"name": "a", "body": {"n": 1, "pw": "sesame"}, "label": "plain"}, "b-1": {"name": "b", "body": "a-1", "label": "plain"}}


@pytest.fixture
def sample(tmp_path, monkeypatch):
    """The stack of the CLI's backend, its program and its world, as a kill left them."""
    root, things = tmp_path / "sample", tmp_path / "things"
    shutil.copytree(RECORDINGS / "sample", root)
    for path in [root, *root.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
    shutil.copy(RECORDINGS / "kit/thing.py", root)
    things.mkdir()
    for name, content in WORLD.items():
        (things / f"{name}.json").write_text(json.dumps(content))
    monkeypatch.setenv("THINGS", str(things))
    return Stack.of(Project.load(root), "dev", f"file://{root}", "correct-horse")


def backend(stack: Stack) -> Path:
    return stack.backend.folder


def test_the_stack_its_outputs_and_its_secrets_are_seen(sample):
    assert sample.backend.stacks("sample") == ["dev"]
    assert sample.outputs() == {"b": "b-1", "pw": Secret("sesame")}
    texts = {key: entry.text for key, entry in sample.config_entries(show_secrets=True).items()}
    assert texts == {"sample:n": "2", "sample:obj": '{"key":"hush","list":["x"]}', "sample:password": "sesame"}


def test_configuration_and_pending_operations_are_read_as_they_were_left(sample):
    opened = sample.open()
    assert opened.config.values == {"sample:password": "sesame", "sample:n": "2", "sample:obj": '{"key":"hush","list":["x"]}'}
    assert opened.config.secret_keys == {"sample:password", "sample:obj"}
    assert [(o.type, o.resource.name) for o in opened.snapshot.pending] == [("updating", "a")]


def test_a_preview_works_under_the_lock_and_an_up_does_not(sample):
    assert preview(sample).exit_code == 0
    with pytest.raises(LockedError, match="user@host"):
        up(sample, break_dead_lock=True)


def test_the_killed_update_is_named_and_finished(sample):
    assert sample.cancel() == 1
    said = []
    result = up(sample, said.append, preview_first=False)
    assert result.exit_code == 0 and result.summary == {"same": 3, "update": 1}
    in_doubt = "urn:pulumi:dev::sample::rec:index:Box$pulumi-python:dynamic:Resource::a, interrupted while updating\n"
    assert in_doubt in "\n".join(e.message for e in said)
    assert "pending_operations" not in sample.backend.read("sample", "dev")
    assert up(sample).summary == {"same": 4}


def shape(v: Any) -> Any:
    """Keys in their order, and types; a secret is a leaf, and what a list holds is told once for each shape."""
    if isinstance(v, dict):
        return "secret" if "ciphertext" in v else {k: shape(x) for k, x in v.items()}
    return [shape(x) for x in v] if isinstance(v, list) else type(v).__name__


def same_shape(ours: Any, theirs: Any) -> None:
    assert json.dumps(shape(ours)) == json.dumps(shape(theirs))


def test_what_is_written_has_the_shape_of_what_the_cli_wrote(sample):
    """The checkpoint of the update before the kill, and ours after it: one resource differs, and none of their shapes."""
    before = json.loads(next(backend(sample).glob("history/sample/dev/*.checkpoint.json")).read_text())
    sample.cancel()
    assert up(sample, preview_first=False).exit_code == 0
    same_shape(json.loads(sample.backend.checkpoint("sample", "dev").read_text()), before)


def test_the_record_of_an_update_has_the_shape_of_the_clis(sample):
    theirs = sample.backend.history("sample", "dev")[0]
    sample.cancel()
    up(sample, preview_first=False)
    ours = sample.backend.history("sample", "dev")[0]
    loose = {"environment": {}, "resourceChanges": {}}
    same_shape({**ours, **loose}, {**theirs, **loose})
    assert {"exec.kind"} <= set(ours["environment"]) and ours["resourceChanges"] == {"same": 3, "update": 1}


def test_each_file_lies_where_the_cli_puts_it_with_its_companion(sample):
    theirs = {p.relative_to(backend(sample)).parent for p in backend(sample).rglob("*.json*") if "locks" not in p.parts}
    sample.cancel()
    up(sample, preview_first=False)
    made = [p for p in backend(sample).rglob("*") if p.is_file()]
    assert {p.relative_to(backend(sample)).parent for p in made if ".json" in p.name} == theirs
    for name in ("stacks/sample/dev.json", "stacks/sample/dev.json.bak", "meta.yaml"):
        path = backend(sample) / name
        about = json.loads(path.with_name(path.name + ".attrs").read_text())
        assert about["md5"] == base64.b64encode(hashlib.md5(path.read_bytes()).digest()).decode()
    same_shape(about, json.loads((RECORDINGS / "sample/.pulumi/meta.yaml.attrs").read_text()))


def test_the_lock_has_what_the_clis_lock_has(sample):
    theirs = json.loads(next(sample.lock_folder.glob("*.json")).read_text())
    sample.cancel()
    with sample.locked():
        (held,) = sample.lock_folder.glob("*.json")
        ours = json.loads(held.read_text())
    assert held.parent == sample.lock_folder and len(held.stem) == 36
    same_shape({k: ours[k] for k in theirs}, theirs)


def test_secrets_that_did_not_change_keep_their_ciphertext(sample):
    def ciphertexts() -> list[str]:
        found: list[str] = []

        def look(v: Any) -> None:
            for x in v.values() if isinstance(v, dict) else v if isinstance(v, list) else []:
                look(x)
            if isinstance(v, dict) and "ciphertext" in v:
                found.append(v["ciphertext"])

        look(sample.backend.read("sample", "dev")["resources"])
        return found

    sample.cancel()
    up(sample, preview_first=False)
    before = ciphertexts()
    sample.set_config("password", "changed", secret=True)
    assert up(sample, preview_first=False).summary == {"same": 3, "update": 1}
    kept, renewed = set(before) & set(ciphertexts()), set(before) - set(ciphertexts())
    assert kept and renewed
    up(sample, preview_first=False)
    before = ciphertexts()
    assert up(sample, preview_first=False).summary == {"same": 4} and ciphertexts() == before
