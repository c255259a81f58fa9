"""What the engine doesn't do, it refuses by name, before anything is touched: never silently."""

from __future__ import annotations

import pytest
from pulumi.runtime.proto.resource_pb2 import RegisterResourceRequest

from domicile.engine import ProjectError, StackError, UnsupportedError, preview
from domicile.engine.deployment.goal import refuse_unsupported
from domicile.engine.verbs import flags, main, refused

REFUSED = {
    "a remote asset": "Thing('x', body=pulumi.RemoteAsset('https://example.org/x'))",
    "a remote asset or archive": "Thing('x', body=pulumi.AssetArchive({'a': pulumi.RemoteArchive('https://example.org/x.zip')}))",
    "the option `hooks` of a provider": (
        "h = pulumi.ResourceHook('h', lambda a: None)\n"
        "pulumi.ProviderResource('gadget', 'g', {}, O(hooks=pulumi.ResourceHookBinding(before_create=[h])))"
    ),
    "the parameterized package 'bridge'": (
        "from pulumi.runtime.proto.resource_pb2 import Parameterization, RegisterPackageRequest\n"
        "asked = RegisterPackageRequest(name='bridge', version='1.0.0', parameterization=Parameterization(name='x', version='1.0.0'))\n"
        "pulumi.runtime.settings.get_monitor().RegisterPackage(asked)"
    ),
    "`state_migrations`": "Thing('x', opts=O(state_migrations=[lambda a: None]))",
    "`env_var_mappings`": "pulumi.ProviderResource('gadget', 'x', {}, O(env_var_mappings={'A': 'B'}))",
    "the resource type pulumi:index:Stash": "pulumi.CustomResource('pulumi:index:Stash', 'x', {'input': 1})",
    "`replace_with`": "a = Thing('a')\npulumi.ComponentResource('x:y:Z', 'x', {}, O(replace_with=[a]))",
}


@pytest.mark.parametrize("feature", REFUSED)
def test_refused_by_name_with_nothing_touched(yard, feature):
    result = yard.up(f"base = Thing('base')\n{REFUSED[feature]}\n", preview_first=True)
    assert result.exit_code == 1
    said = [e for e in result.errors if feature in e and "not supported by the embedded engine" in e]
    assert said, result.errors
    assert yard.calls() == [] and yard.state() == [] and yard.world() == {}


def test_a_snippet_is_refused_by_name():
    request = RegisterResourceRequest(type="x:y:Z", name="x", custom=True, snippetId="s")
    with pytest.raises(UnsupportedError, match="a snippet"):
        refuse_unsupported(request)


REFUSED_FLAGS = (
    "--attach-debugger", "--config-file", "--config-path", "--import-file", "--message", "--plan", "--remove", "--save-plan",
    "--secrets-provider", "--show-config", "--show-secrets", "--skip-pending-creates", "--suppress-outputs",
)  # fmt: skip
REFUSED_VERBS = (
    "config copy", "config cp", "config env", "config refresh", "import", "install", "login", "logout", "logs", "new", "package", "plugin",
    "policy", "stack change-secrets-provider", "stack graph", "stack rename", "stack tag", "state edit", "state move", "state protect",
    "state repair", "state taint", "state untaint", "state upgrade", "watch",
)  # fmt: skip


def test_the_refused_flags_and_verbs_are_those_that_are_tried():
    assert set(REFUSED_FLAGS) == set(refused.FLAGS) and set(REFUSED_VERBS) == set(refused.VERBS)


def test_no_verb_or_flag_is_both_taken_and_refused():
    taken = {name for flag in flags.FLAGS for name in flag.names}
    assert not taken & {*refused.FLAGS, *refused.SHORT}


def refusal(capsys, *arguments: str) -> str:
    """What is said of it: an error, before a project or a stack is looked for."""
    assert main(list(arguments)) == 1
    return capsys.readouterr().err


@pytest.mark.parametrize("flag", (*REFUSED_FLAGS, "-m"))
@pytest.mark.parametrize("verb", flags.OPERATIONS)
def test_a_flag_of_the_cli_that_is_not_supported_is_refused_with_what_to_use_instead(capsys, flag, verb):
    name = refused.SHORT.get(flag, flag)
    assert f"the flag {name} is not supported by the embedded engine; {refused.FLAGS[name]}" in refusal(capsys, verb, "--yes", flag, "x")


@pytest.mark.parametrize("verb", REFUSED_VERBS)
def test_a_verb_of_the_cli_that_is_not_supported_is_refused_with_what_to_use_instead(capsys, verb):
    said = f"`{verb}` is not supported by the embedded engine; {refused.VERBS[verb]}"
    assert said in refusal(capsys, *verb.split(), "x", "--yes")


def test_a_stack_may_be_named_as_a_verb_is(yard):
    assert yard.run("config", "--stack", "env")[0] == yard.run("config", "--stack", "dev")[0] == 0


def test_the_folder_is_not_changed_by_a_flag(capsys):
    assert "change into the project's folder" in refusal(capsys, "-C", "/", "up")


def test_a_flag_that_only_destroy_honours_is_refused_elsewhere(yard):
    code, text = yard.run("refresh", "--yes", "--run-program")
    assert code == 1 and "the flag --run-program is not supported" in text


@pytest.mark.parametrize(
    "content",
    ["name: yard\nruntime: nodejs\n", "name: yard\nruntime: python\nplugins: {providers: []}\npackages: {x: some/where}\n"],
)
def test_a_project_that_needs_more_is_refused(yard, content):
    (yard.root / "Pulumi.yaml").write_text(content)
    with pytest.raises(UnsupportedError):
        type(yard.stack.project).load(yard.root)


def test_a_backend_that_is_no_folder_is_refused(yard):
    with pytest.raises(UnsupportedError, match="file:///"):
        type(yard.stack).of(yard.stack.project, "dev", "s3://bucket", "x")


def test_a_stack_that_is_not_there_is_named_with_what_to_do(yard):
    lost = type(yard.stack).of(yard.stack.project, "lost", f"file://{yard.backend}", "x")
    with pytest.raises(StackError, match="stack init lost"):
        preview(lost)


@pytest.mark.parametrize("name", ["", "a b", "../x", "a$b"])
def test_a_stack_name_that_could_leave_its_folder_is_refused(yard, name):
    with pytest.raises(StackError):
        type(yard.stack).of(yard.stack.project, name if name != "../x" else "..", f"file://{yard.backend}", "x").init()


def test_missing_configuration_that_the_project_declares_is_refused(yard):
    (yard.root / "Pulumi.yaml").write_text("name: yard\nruntime: python\nconfig: {must: {type: integer}}\n")
    stack = type(yard.stack).of(type(yard.stack.project).load(yard.root), "dev", f"file://{yard.backend}", "correct-horse")
    with pytest.raises(ProjectError, match="missing configuration value 'must'"):
        preview(stack)
    stack.set_config("must", "many")
    with pytest.raises(ProjectError, match="must be of type 'integer'"):
        preview(stack)
