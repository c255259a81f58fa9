"""The state on disk: nothing secret in clear, whole at any time, in the CLI's own form."""

from __future__ import annotations

import json

import pytest

from domicile.engine import PassphraseError, Project, Stack, StateError, UnsupportedError, destroy, preview

SECRETS = ("sesame", "token-of-a", "hush")
PROGRAM = """
pw = pulumi.Config().require_secret('password')
a = Thing('a', body={'in': pw, 'out': 'loud'}, opts=O(additional_secret_outputs=['token']))
b = Thing('b', body=pulumi.Output.secret('hush'))
pulumi.export('pw', pw)
pulumi.export('b', b.body)
"""


def test_no_secret_stands_in_clear_in_any_file_of_the_backend_or_the_configuration(yard):
    yard.stack.set_config("password", "sesame", secret=True)
    assert yard.up(PROGRAM).exit_code == 0
    files = [p for p in [*yard.backend.rglob("*"), yard.root / "Pulumi.dev.yaml"] if p.is_file()]
    assert len(files) >= 6
    found = [(p.name, s) for p in files for s in SECRETS if s in p.read_text()]
    assert found == []
    assert yard.stack.outputs()["pw"].value == "sesame"


def test_an_unchanged_secret_keeps_its_ciphertext(yard):
    yard.up("Thing('a', body=pulumi.Output.secret('hush'))\n")
    before = [r for r in yard.state() if r["urn"].endswith("::a")]
    yard.up("Thing('a', body=pulumi.Output.secret('hush'))\nThing('b')\n")
    after = [r for r in yard.state() if r["urn"].endswith("::a")]
    assert before[0]["outputs"] == after[0]["outputs"]


def test_a_wrong_passphrase_opens_nothing_and_says_so(yard):
    yard.up("Thing('a')\n")
    other = Stack.of(Project.load(yard.root), "dev", f"file://{yard.backend}", "wrong")
    with pytest.raises(PassphraseError, match="PULUMI_CONFIG_PASSPHRASE"):
        preview(other)


def test_a_lost_salt_in_the_configuration_is_taken_from_the_state(yard):
    yard.up("Thing('a')\n")
    (yard.root / "Pulumi.dev.yaml").unlink()
    assert yard.up().summary == {"same": 2}
    assert yard.latest()["secrets_providers"]["state"]["salt"] in (yard.root / "Pulumi.dev.yaml").read_text()


def test_a_users_comments_in_the_configuration_outlive_the_salt(yard):
    (yard.root / "Pulumi.dev.yaml").write_text("# why it is so\nconfig:\n  yard:x: '1'\n")
    assert yard.up("pulumi.export('x', pulumi.Config().require('x'))\n").outputs == {"x": "1"}
    text = (yard.root / "Pulumi.dev.yaml").read_text()
    assert "# why it is so" in text and text.count("encryptionsalt: v1:") == 1


def test_the_layout_is_the_clis(yard):
    yard.up("Thing('a')\n")
    folder = yard.backend / ".pulumi"
    assert (folder / "meta.yaml").read_text() == "version: 1\n"
    assert (folder / "stacks/yard/dev.json.bak").exists()
    assert list((folder / "history/yard/dev").glob("dev-*.history.json")) and list((folder / "backups/yard/dev").glob("dev.*.json"))
    assert list((folder / "locks/organization/yard/dev").iterdir()) == []
    document = json.loads(yard.checkpoint.read_text())
    assert document["version"] == 3 and document["checkpoint"]["stack"] == "organization/yard/dev"


def test_everything_comes_after_what_it_leans_on(yard):
    yard.up("a = Thing('a')\nb = Thing('b', body=a.serial)\nc = Thing('c', opts=O(parent=b))\n")
    yard.plant("fail.create.d")
    yard.up("d = Thing('d')\na = Thing('a', body=1)\nb = Thing('b', body=a.serial)\nc = Thing('c', opts=O(parent=b, depends_on=[d]))\n")
    seen: set[str] = set()
    for r in yard.state():
        above = {r.get("parent"), *r.get("dependencies", []), r.get("provider", "").rpartition("::")[0]} - {None, ""}
        assert above <= seen
        seen.add(r["urn"])


def test_a_damaged_checkpoint_is_named_with_the_way_back(yard):
    yard.up("Thing('a')\n")
    yard.checkpoint.write_text(yard.checkpoint.read_text()[:100])
    with pytest.raises(StateError, match=r"\.bak"):
        yard.up()


def test_state_that_another_engine_wrote_and_this_one_cannot_honour_is_refused_untouched(yard):
    yard.up("Thing('a')\n")
    document = json.loads(yard.checkpoint.read_text())
    document["checkpoint"]["latest"]["resources"][-1]["stateMigrations"] = ["m"]
    yard.checkpoint.write_text(json.dumps(document))
    with pytest.raises(UnsupportedError, match=r"'a'.*stateMigrations"):
        destroy(yard.stack)
    assert list(yard.world()) == ["a-1"]
