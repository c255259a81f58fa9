"""`domicile images push` refuses before it builds anything what it couldn't push."""


def test_a_stack_without_a_registry_is_refused(small_project):
    ran = small_project("images", "push", "local")
    assert ran.returncode == 2
    assert "has no registry" in ran.stderr
