"""The verbs over state and configuration: the CLI's actions, flags, output and exit codes."""

from __future__ import annotations

import io
import json

import pytest

from domicile.engine import Secret, Stack, StackError, StateError
from domicile.engine.verbs import main

A_AND_B = """
p = pulumi.Output.secret('hush')
a = Thing('a', body=p)
b = Thing('b', body=a.serial)
pulumi.export('p', p)
pulumi.export('b', b.serial)
"""


@pytest.fixture
def say(yard, monkeypatch, capsys):
    """A verb of the engine in the project's folder; its exit code and what it printed, errors too."""

    def run(*arguments: str, stdin: str = "", passphrase: str = "correct-horse", **more: str) -> tuple[int, str]:
        monkeypatch.chdir(yard.root)
        for name, value in {"PULUMI_BACKEND_URL": f"file://{yard.backend}", "PULUMI_CONFIG_PASSPHRASE": passphrase, **more}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        try:
            code = main(list(arguments))
        except SystemExit as e:
            code = int(e.code or 0)
        return code, "".join(capsys.readouterr())

    return run


def other_stack(yard, name="other", passphrase="another") -> Stack:
    stack = Stack.of(yard.stack.project, name, f"file://{yard.backend}", passphrase)
    stack.init()
    return stack


# -- stacks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "verb", ["", "preview", "up", "refresh", "destroy", "stack", "stack import", "config", "config set", "state", "cancel"]
)
def test_each_verb_tells_its_flags(say, verb):
    code, text = say(*verb.split(), "--help")
    assert code == 0 and "--help" in text and (not verb or verb in text)


@pytest.mark.parametrize("wrong", [[], ["fly"], ["up", "--sideways"], ["stack", "output", "--json", "--shell"], ["state"]])
def test_a_wrong_usage_ends_with_2(say, wrong):
    assert say(*wrong)[0] == 2


def test_a_made_stack_is_selected_and_verbs_then_need_no_name(say, yard):
    assert say("stack", "init", "second")[0] == 0
    assert [s["name"] for s in json.loads(say("stack", "ls", "--json")[1]) if s["current"]] == ["second"]
    assert say("config", "set", "k", "v")[0] == 0 and "k: v" in (yard.root / "Pulumi.second.yaml").read_text()
    assert say("stack", "select", "dev")[0] == 0 and say("config", "get", "k")[0] == 1
    assert say("stack", "unselect")[0] == 0
    code, text = say("config")
    assert code == 1 and "--stack" in text
    assert say("stack", "select", "nowhere")[0] == 1
    assert say("stack", "init", "second")[0] == 1
    assert say("config", PULUMI_STACK="second")[0] == 0


def test_a_stack_with_resources_is_not_removed_unless_forced(say, yard):
    yard.up("Thing('a')\n")
    code, text = say("stack", "rm", "dev", "--yes")
    assert code == 1 and "destroy" in text and yard.stack.exists
    assert say("stack", "rm", "dev")[0] == 1, "without --yes and a terminal nothing is removed"
    assert say("stack", "rm", "dev", "--yes", "--force", "--preserve-config")[0] == 0
    assert not yard.stack.exists and (yard.root / "Pulumi.dev.yaml").exists()


def test_a_removed_stack_leaves_its_backups_and_last_state_and_nothing_else(say, yard):
    yard.up("Thing('a')\n")
    assert say("stack", "rm", "--stack", "dev", "--yes", "--force")[0] == 0
    left = sorted(
        {
            "/".join(p.relative_to(yard.backend / ".pulumi").parts[:2])
            for p in yard.backend.rglob("*")
            if p.is_file() and p.suffix != ".attrs"
        }
    )
    assert left == ["backups/yard", "meta.yaml", "stacks/yard"]
    assert json.loads(yard.checkpoint.with_suffix(".json.bak").read_text())["checkpoint"]["latest"]["resources"]
    assert not (yard.root / "Pulumi.dev.yaml").exists()


def test_outputs_are_shown_as_text_json_or_shell_and_secrets_only_on_demand(say, yard):
    yard.up(A_AND_B)
    assert json.loads(say("stack", "output", "--json", "-s", "dev")[1]) == {"b": "b-1", "p": "[secret]"}
    assert say("stack", "output", "p", "--show-secrets", "-s", "dev")[1] == "hush\n"
    assert say("stack", "output", "--shell", "-s", "dev")[1] == "b=b-1\np='[secret]'\n"
    assert say("stack", "output", "nothing", "-s", "dev")[0] == 1
    assert "hush" not in say("stack", "-s", "dev", "--show-urns")[1]


def test_history_has_each_update_latest_first(say, yard):
    yard.stack.set_config("password", "sesame", secret=True)
    yard.up("Thing('a')\n")
    yard.up("")
    code, text = say("stack", "history", "--json", "-s", "dev")
    records = json.loads(text)
    assert code == 0 and [r["resourceChanges"] for r in records] == [{"delete": 1, "same": 1}, {"create": 2}]
    assert records[0]["config"] == {"yard:password": {"secret": True}}
    shown = json.loads(say("stack", "history", "--json", "--show-secrets", "--page-size", "1", "-s", "dev")[1])
    assert [r["config"]["yard:password"]["value"] for r in shown] == ["sesame"]


# -- export and import ------------------------------------------------------------------------------------------------


def test_an_export_that_is_imported_again_changes_nothing(say, yard):
    yard.up(A_AND_B)
    before = yard.latest()
    assert say("stack", "export", "--file", str(yard.root / "x.json"), "-s", "dev")[0] == 0
    assert json.loads(say("stack", "export", "-s", "dev")[1]) == {"version": 3, "deployment": before}
    assert say("stack", "import", "--file", str(yard.root / "x.json"), "-s", "dev")[0] == 0
    assert {k: v for k, v in yard.latest().items() if k != "manifest"} == {k: v for k, v in before.items() if k != "manifest"}
    assert yard.up(A_AND_B).summary == {"same": 3}


def test_an_export_in_clear_is_imported_under_another_passphrase_with_its_secrets_closed(say, yard):
    yard.up(A_AND_B)
    code, text = say("stack", "export", "--show-secrets", "-s", "dev")
    assert code == 0 and "hush" in text and "ciphertext" not in text
    other = other_stack(yard)
    moved = text.replace("urn:pulumi:dev::", "urn:pulumi:other::")
    assert say("stack", "import", "-s", "other", stdin=moved, passphrase="another")[0] == 0
    assert "hush" not in other.backend.checkpoint("yard", "other").read_text()
    assert other.outputs() == {"b": "b-1", "p": Secret("hush")}
    again = json.loads(say("stack", "export", "--show-secrets", "-s", "other", passphrase="another")[1])
    assert again["deployment"]["resources"] == json.loads(moved)["deployment"]["resources"]


def test_secrets_closed_under_another_passphrase_are_refused_with_the_way_out(say, yard):
    yard.up(A_AND_B)
    text = say("stack", "export", "-s", "dev")[1].replace("urn:pulumi:dev::", "urn:pulumi:other::")
    other = other_stack(yard)
    with pytest.raises(StateError, match="--show-secrets"):
        other.import_(text, "x.json")
    assert other.backend.read("yard", "other").get("resources") is None


def _damaged(latest, damage):
    resources = latest["resources"]
    by = {r["urn"].rpartition("::")[2]: r for r in resources}
    if damage == "order":
        resources.reverse()
    elif damage == "twice":
        resources.append(by["a"])
    elif damage == "parent":
        by["a"]["parent"] = "urn:pulumi:dev::yard::x:y:Z::gone"
    elif damage == "dependency":
        by["b"]["dependencies"] = ["urn:pulumi:dev::yard::x:y:Z::gone"]
    elif damage == "provider":
        by["a"]["provider"] = by["a"]["provider"][:-3] + "zzz"
    elif damage == "stack":
        by["b"]["urn"] = by["b"]["urn"].replace("urn:pulumi:dev::", "urn:pulumi:prod::")
    elif damage == "secret":
        by["a"]["inputs"]["body"]["ciphertext"] = "v1:AAAAAAAAAAAAAAAA:AAAA"
    elif damage == "urn":
        del by["b"]["urn"]
    elif damage == "kind":
        by["b"]["inputs"] = "text"
    elif damage == "pending":
        latest["pending_operations"] = [{"type": "flying", "resource": by["a"]}]


@pytest.mark.parametrize(
    ("damage", "said"),
    {
        "order": "put it before this one",
        "twice": r"resources\[4\].urn",
        "parent": r"resources\[2\].parent",
        "dependency": r"dependencies\[0\]",
        "provider": r"resources\[2\].provider",
        "stack": "of another stack",
        "secret": r"resources\[2\].inputs.body",
        "urn": r"resources\[3\].urn",
        "kind": r"resources\[3\].inputs",
        "pending": r"pending_operations\[0\].type",
    }.items(),
)
def test_a_damaged_deployment_is_refused_whole_with_the_place_of_the_fault(yard, damage, said):
    yard.up(A_AND_B)
    before = yard.checkpoint.read_text()
    document = yard.stack.export()
    _damaged(document["deployment"], damage)
    with pytest.raises(StateError, match=said):
        yard.stack.import_(json.dumps(document), "x.json")
    assert yard.checkpoint.read_text() == before and list(yard.stack.lock_folder.iterdir()) == []


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 3}', '{"version": 2, "deployment": {}}', '{"version": 3, "deployment": {"resources": 1}}']
)
def test_what_is_no_export_is_refused(yard, text):
    with pytest.raises(StateError, match=r"x\.json"):
        yard.stack.import_(text, "x.json")


def test_a_forced_import_names_the_faults_and_goes_on(say, yard):
    yard.up(A_AND_B)
    document = yard.stack.export()
    document["deployment"]["resources"][3]["dependencies"] = ["urn:pulumi:dev::yard::x:y:Z::gone"]
    code, text = say("stack", "import", "--force", "-s", "dev", stdin=json.dumps(document))
    assert code == 0 and "warning: resources[3].dependencies[0]" in text
    assert yard.state()[3]["dependencies"] == ["urn:pulumi:dev::yard::x:y:Z::gone"]


def test_nothing_is_imported_or_removed_while_an_operation_runs(say, yard):
    with yard.stack.locked():
        assert say("stack", "rm", "dev", "--yes")[0] == 1
        code, text = say("stack", "import", "-s", "dev", stdin=json.dumps(yard.stack.export()))
        assert code == 1 and "locked" in text
    assert yard.stack.exists


# -- configuration ----------------------------------------------------------------------------------------------------


def test_configuration_is_set_listed_read_and_removed_in_the_clis_form(say, yard):
    for arguments in (
        ["plain", "x"],
        ["--secret", "word", "hush"],
        ["--path", "o.list[0]", "one"],
        ["--path", "o.n", "3"],
        ["--path", "top", "3"],
    ):
        assert say("config", "set", *arguments, "-s", "dev")[0] == 0
    assert say("config", "set", "piped", "-s", "dev", stdin="from a pipe\n")[0] == 0
    entries = yard.stack.project.config_file("dev").entries
    assert entries["yard:o"] == {"list": ["one"], "n": 3} and entries["yard:top"] == "3" and entries["yard:piped"] == "from a pipe"
    assert set(entries["yard:word"]) == {"secure"}
    listed = json.loads(say("config", "--json", "-s", "dev", passphrase="")[1])
    assert listed["yard:o"] == {"value": '{"list":["one"],"n":3}', "objectValue": {"list": ["one"], "n": 3}, "secret": False}
    assert listed["yard:word"] == {"secret": True}
    assert "hush" in say("config", "--show-secrets", "-s", "dev")[1] and "hush" not in say("config", "-s", "dev")[1]
    assert say("config", "get", "word", "-s", "dev")[1] == "hush\n"
    assert say("config", "get", "--path", "o.list[0]", "-s", "dev")[1] == "one\n"
    assert say("config", "rm", "--path", "o.list[0]", "-s", "dev")[0] == 0
    assert say("config", "get", "o", "-s", "dev")[1] == '{"list":[],"n":3}\n'
    assert say("config", "rm", "plain", "-s", "dev")[0] == 0
    assert say("config", "get", "plain", "-s", "dev")[0] == 1 and say("config", "rm", "plain", "-s", "dev")[0] == 1


def test_several_values_are_set_and_removed_at_once(say, yard):
    assert say("config", "set-all", "--plaintext", "a=1", "--secret", "b=x=y", "--path", "--plaintext", "o.k=v", "-s", "dev")[0] == 0
    assert {k: e.text for k, e in yard.stack.config_entries(show_secrets=True).items()} == {
        "yard:a": "1",
        "yard:b": "x=y",
        "yard:o": '{"k":"v"}',
    }
    assert say("config", "rm-all", "a", "b", "-s", "dev")[0] == 0
    assert list(yard.stack.config_entries()) == ["yard:o"]
    assert say("config", "set-all", "--plaintext", "a", "-s", "dev")[0] == 1


def test_a_secret_within_an_object_makes_the_whole_secret_and_keeps_its_place(say, yard):
    assert say("config", "set", "--path", "--secret", "o.key", "hush", "-s", "dev")[0] == 0
    assert say("config", "set", "--path", "o.open", "yes", "-s", "dev")[0] == 0
    assert json.loads(say("config", "--json", "-s", "dev")[1]) == {"yard:o": {"secret": True}}
    assert json.loads(say("config", "get", "o", "-s", "dev")[1]) == {"key": "hush", "open": "yes"}


def test_the_projects_defaults_are_listed_and_the_stacks_own_values_win(say, yard):
    (yard.root / "Pulumi.yaml").write_text("name: yard\nruntime: python\nconfig: {size: {default: 3}, zone: north}\n")
    assert say("config", "set", "zone", "south", "-s", "dev")[0] == 0
    assert {k: v["value"] for k, v in json.loads(say("config", "--json", "-s", "dev")[1]).items()} == {
        "yard:size": "3",
        "yard:zone": "south",
    }
    assert say("config", "get", "size", "-s", "dev")[1] == "3\n"


def test_the_passphrase_may_lie_in_a_file(say, yard, monkeypatch):
    yard.stack.set_config("word", "hush", secret=True)
    (yard.root / "passphrase").write_text("correct-horse\n")
    say("config", "-s", "dev", PULUMI_CONFIG_PASSPHRASE_FILE=str(yard.root / "passphrase"))
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    assert main(["config", "get", "word", "-s", "dev"]) == 0


# -- state ------------------------------------------------------------------------------------------------------------


def urn(yard, name):
    return next(str(r["urn"]) for r in yard.state() if str(r["urn"]).endswith(f"::{name}"))


def test_a_resource_is_taken_out_of_the_state_and_stays_in_the_world(say, yard):
    yard.up(A_AND_B)
    code, text = say("state", "delete", urn(yard, "a"), "--yes", "-s", "dev")
    assert code == 1 and urn(yard, "b") in text and yard.names() == ["a", "b"]
    assert say("state", "delete", urn(yard, "a"), "-s", "dev")[0] == 1, "without --yes nothing goes"
    assert say("state", "delete", urn(yard, "a"), "--target-dependents", "--yes", "-s", "dev")[0] == 0
    assert yard.names() == [] and list(yard.world()) == ["a-1", "b-1"]


def test_what_is_protected_is_taken_out_by_force_or_once_it_is_unprotected(say, yard):
    yard.up("Thing('a', opts=O(protect=True))\nThing('b', opts=O(protect=True))\n")
    assert say("state", "delete", urn(yard, "a"), "--yes", "-s", "dev")[0] == 1
    assert say("state", "delete", urn(yard, "a"), "--force", "--yes", "-s", "dev")[0] == 0
    assert say("state", "unprotect", "--yes", "-s", "dev")[0] == 1
    assert say("state", "unprotect", "--all", "--yes", "-s", "dev")[0] == 0
    assert yard.names() == ["b"] and "protect" not in yard.state()[-1]


def test_a_renamed_resource_is_the_same_to_the_program_that_renames_it_too(say, yard):
    yard.up("a = Thing('a')\nThing('b', body=a.serial, opts=O(parent=a))\n")
    assert say("state", "rename", urn(yard, "a"), "b", "--yes", "-s", "dev")[0] == 0
    assert say("state", "rename", urn(yard, "b"), "x::y", "--yes", "-s", "dev")[0] == 1
    yard.calls()
    assert yard.up("a = Thing('a', rname='b')\nThing('b', body=a.serial, opts=O(parent=a))\n").summary == {"same": 3}
    assert yard.calls() == []


def test_what_is_replaced_with_a_resource_is_renamed_and_deleted_with_it_in_the_state(say, yard):
    yard.up("a = Thing('a')\nThing('b', opts=O(replace_with=[a]))\n")
    assert say("state", "delete", urn(yard, "a"), "--yes", "-s", "dev")[0] == 1, "the other leans on it"
    assert say("state", "rename", urn(yard, "a"), "c", "--yes", "-s", "dev")[0] == 0
    assert yard.state()[-1]["replaceWith"] == [urn(yard, "c")]


def test_a_urn_that_is_not_there_is_named(say, yard):
    yard.up("Thing('a')\n")
    code, text = say("state", "delete", "urn:pulumi:dev::yard::x:y:Z::nobody", "--yes", "-s", "dev")
    assert code == 1 and "nobody" in text


def test_a_stack_made_twice_is_refused(yard):
    with pytest.raises(StackError, match="already exists"):
        yard.stack.init()
