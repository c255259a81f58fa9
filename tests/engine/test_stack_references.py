"""A stack reads the outputs of another stack of the same backend, of its own project or another."""

from __future__ import annotations

import pytest

from domicile.engine import PassphraseError, Project, Stack, StackError, refresh, up


@pytest.fixture
def other(yard):
    """The stack `base` of another project, `ground`, with a plain and a secret output."""
    folder = yard.root.parent / "ground"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: ground\nruntime: python\n")
    (folder / "__main__.py").write_text("import pulumi\npulumi.export('host', 'h1')\npulumi.export('key', pulumi.Output.secret('hush'))\n")
    stack = Stack.of(Project.load(folder), "base", f"file://{yard.backend}", "correct-horse")
    stack.init()
    assert up(stack, preview_first=False).exit_code == 0
    return stack


def test_outputs_of_another_project_are_read_and_secrets_stay_secret(yard, other):
    program = (
        "ref = pulumi.StackReference('organization/ground/base')\npulumi.export('all', [ref.get_output('host'), ref.get_output('key')])\n"
    )
    result = yard.up(program)
    assert result.exit_code == 0 and result.shown_outputs(show_secrets=True) == {"all": ["h1", "hush"]}
    assert "hush" not in yard.checkpoint.read_text() and "hush" not in str(result.shown_outputs())
    assert refresh(yard.stack).summary == {"same": 2}


def test_a_stack_of_the_same_project_needs_no_more_than_its_name(yard):
    result = yard.up("pulumi.export('x', '1')\n")
    result = yard.up("pulumi.export('x', '2')\npulumi.export('before', pulumi.StackReference('dev').get_output('x'))\n")
    assert result.exit_code == 0 and result.outputs == {"x": "2", "before": "1"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("organization/yard/lost", "unknown stack"), ("acme/yard/dev", "must be 'organization'"), ("a/b/c/d", "organization/PROJECT/STACK"),
        ("organization/../x", "organization/PROJECT/STACK"),
    ],
)  # fmt: skip
def test_a_reference_to_no_stack_says_what_is_wrong(yard, name, said):
    with pytest.raises(StackError, match=said):
        yard.stack.outputs_of(name)


def test_a_stack_of_another_passphrase_is_not_read_with_its_secrets_left_out(yard, other):
    stranger = Stack.of(yard.stack.project, "dev", f"file://{yard.backend}", "another")
    with pytest.raises(PassphraseError):
        stranger.outputs_of("organization/ground/base")
