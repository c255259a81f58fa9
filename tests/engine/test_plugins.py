"""Plugins that misbehave: the operation ends with their name and last words, no step in doubt that needn't be, no process left."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from domicile.engine import PluginError, PolicyPack, destroy, preview, refresh, up
from domicile.engine.plugins import connection, process
from domicile.engine.plugins.process import Children

ODD = "from pulumi import CustomResource\nimport os\nopen(os.environ['THINGS'] + '/pids', 'a').write(f'{os.getpid()}\\n')\n"
ONE = ODD + "CustomResource('odd:index:Odd', 'a', {'body': 'x'})\n"


def behave(yard, method: str, how: str) -> None:
    (yard.things / f"odd.{method}").write_text(how)


def well(yard) -> None:
    """From here on the plugin behaves."""
    for file in yard.things.glob("odd.*"):
        file.unlink()


def pending(yard) -> list[str]:
    return [str(o["type"]) for o in yard.latest().get("pending_operations") or []]


def states(yard) -> list[str]:
    return sorted(str(r["urn"]).split("::")[-1] for r in yard.state() if r["type"] == "odd:index:Odd")


def told(result, *words: str) -> None:
    text = "\n".join(result.errors)
    assert result.exit_code == 1
    assert all(w in text for w in ("provider odd", *words)), text


# -- at the start -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("garbage", "said 'hello, world' where its port was expected"),
        ("no-such-port", "said '99999' where"),
        ("endless", "said 'xxxx"),
        ("exit", "ended with exit code 3"),
        ("silent", "said no port in 2 s"),
        ("dead-port", "said port 1, but nothing answers there"),
        ("flood", "printed more than 0 MiB"),
    ],
)
def test_a_plugin_that_does_not_start_ends_the_operation_with_nothing_made(odd, monkeypatch, how, said):
    monkeypatch.setattr(process, "START_SECONDS", 2 if how == "silent" else 60)
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 1)
    monkeypatch.setattr(process, "FLOOD_BYTES", 100_000)
    behave(odd, "start", how)
    result = odd.up(ONE)
    told(result, said, "x" * 1000 if how == "flood" else "about to start")
    assert odd.world() == {} and states(odd) == [] and pending(odd) == []


def test_a_plugin_that_cant_be_run_says_why(yard, monkeypatch):
    (yard.root.parent / "pulumi-resource-odd").write_text("#!/no/such/interpreter\n")
    (yard.root.parent / "pulumi-resource-odd").chmod(0o755)
    monkeypatch.setenv("PATH", str(yard.root.parent), prepend=":")
    told(yard.up("pulumi.CustomResource('odd:index:Odd', 'a')\n"), "can't be run: No such file or directory")


# -- in a call --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["CheckConfig", "Configure", "Check", "Invoke"])
def test_a_plugin_that_dies_over_a_question_leaves_nothing_in_doubt(odd, method):
    behave(odd, method, "die")
    result = odd.up(ODD + "pulumi.runtime.invoke('odd:index:get', {})\n" if method == "Invoke" else ONE)
    told(result, method, "It ended with exit code 9", f"now {method}")
    assert pending(odd) == []
    well(odd)
    assert odd.up(ONE).exit_code == 0 and list(odd.world()) == ["a"] and states(odd) == ["a"]


def test_a_plugin_that_dies_in_a_create_leaves_just_that_in_doubt(odd):
    program = ODD + "CustomResource('odd:index:Odd', 'a')\n"
    behave(odd, "Created", "die")
    told(odd.up(program), "gave no answer to Create", "It ended with exit code 9", "now Created")
    assert pending(odd) == ["creating"] and states(odd) == [] and list(odd.world()) == ["a"]
    well(odd)
    assert odd.up().exit_code == 0 and states(odd) == ["a"] and pending(odd) == ["creating"]
    refresh(odd.stack, clear_pending_creates=True)
    assert pending(odd) == [] and odd.up().summary == {"same": 2}


@pytest.mark.parametrize("method", ["Diff", "Update", "Delete"])
def test_a_plugin_that_dies_over_what_is_there_is_asked_again(odd, method):
    odd.up(ONE)
    behave(odd, method, "die")
    program = ODD if method == "Delete" else ONE.replace("'x'", "'y'")
    told(odd.up(program), f"gave no answer to {method}", "It ended with exit code 9", f"now {method}")
    assert pending(odd) == {"Diff": [], "Update": ["updating"], "Delete": ["deleting"]}[method] and states(odd) == ["a"]
    well(odd)
    assert odd.up().exit_code == 0 and pending(odd) == []
    assert odd.world() == ({} if method == "Delete" else {"a": {"body": "y"}}) and len(states(odd)) == len(odd.world())


def test_a_plugin_that_dies_in_a_refresh_leaves_the_state_as_it_was(odd):
    odd.up(ONE)
    behave(odd, "Read", "die")
    told(refresh(odd.stack), "gave no answer to Read", "now Read")
    assert states(odd) == ["a"] and pending(odd) == []


def test_a_plugin_that_is_gone_already_puts_nothing_in_doubt(odd):
    job = odd.stack.project, "odd", "", "127.0.0.1:1", lambda stream, line: None
    plugin = connection.PluginProcess(*job, Children())
    plugin._child.signal(signal.SIGKILL)
    assert plugin._child.ended(20)
    with pytest.raises(PluginError, match="provider odd is gone before Create: it was killed by SIGKILL"):
        _ = plugin.stub.Create
    plugin.close()


def test_a_plugin_that_floods_its_output_is_ended(odd, monkeypatch):
    monkeypatch.setattr(process, "FLOOD_BYTES", 300_000)
    behave(odd, "Create", "flood")
    told(odd.up(ONE), "was ended, as it printed more than 0 MiB", "xxxx")
    assert pending(odd) == ["creating"] and len(odd.said()) < 1_000_000


@pytest.mark.parametrize("how", ["stubborn", "with-child"])
def test_no_process_outlives_the_operation(odd, how):
    behave(odd, "start", how)
    assert odd.up(ONE).exit_code == 0
    assert len((odd.things / "pids").read_text().split()) == (3 if how == "with-child" else 2)


# -- answers that are garbage -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["no-id", "unknown-id", "raw", "in-part-without-id", "garbled-status"])
def test_a_create_without_an_id_is_in_doubt(odd, how):
    behave(odd, "Create", how)
    result = odd.up(ONE)
    if how == "garbled-status":  # a failure like any other
        assert "the status is garbled" in "\n".join(result.errors) and pending(odd) == []
    else:
        told(result, "Create" if how == "raw" else "gave it no id", "about to start")
        assert pending(odd) == ["creating"]
    assert result.exit_code == 1 and states(odd) == []


@pytest.mark.parametrize("how", ["unknown-mark", "empty-secret", "unknown", "nan", "no-kind"])
def test_what_was_made_with_a_garbled_answer_is_kept_and_mended(odd, how):
    behave(odd, "Create", how)
    told(odd.up(ONE), "answered Create with what can't be used", "now Create")
    assert states(odd) == ["a"] and pending(odd) == [] and "NaN" not in odd.checkpoint.read_text()
    well(odd)
    assert odd.up(ONE).summary == {"same": 1, "update": 1}
    assert odd.up(ONE).summary == {"same": 2} and [c for c in odd.calls() if c.startswith("create")] == ["create a"]


def test_an_update_with_a_garbled_answer_is_done_again(odd):
    odd.up(ONE)
    behave(odd, "Update", "empty-secret")
    told(odd.up(ONE.replace("'x'", "'y'")), "answered Update with what can't be used", "a secret has no value")
    well(odd)
    assert odd.up().summary == {"same": 1, "update": 1} and odd.up().summary == {"same": 2}


@pytest.mark.parametrize(("method", "how"), [("Check", "empty-secret"), ("Check", "raw"), ("Diff", "bad-kind"), ("Read", "nan")])
def test_a_garbled_answer_to_a_question_changes_nothing(odd, method, how):
    odd.up(ONE)
    behave(odd, method, how)
    told(refresh(odd.stack) if method == "Read" else odd.up(ONE.replace("'x'", "'y'")), method)
    assert odd.world() == {"a": {"body": "x"}} and states(odd) == ["a"] and pending(odd) == []


# -- interruptions ----------------------------------------------------------------------------------------------------


def end(process, *signals: int) -> str:
    for number in signals:
        process.send_signal(number)
    text = process.communicate(timeout=60)[0]
    assert process.returncode == 1, text
    return text


def test_ctrl_c_is_passed_on_to_plugins_as_a_cancel(odd):
    odd.program(ONE)
    behave(odd, "Create", "until-cancelled")
    engine = odd.start("up", "--yes", "--skip-preview")
    odd.wait_for("waiting")
    text = end(engine, signal.SIGINT)
    assert "broken off, as it was asked" in text and pending(odd) == [] and states(odd) == []


def test_ctrl_c_ends_a_question_that_hangs(odd):
    odd.program(ONE)
    behave(odd, "Check", "hang")
    engine = odd.start("up", "--yes", "--skip-preview")
    odd.wait_for("check a")
    end(engine, signal.SIGINT)
    assert pending(odd) == [] and odd.world() == {}


@pytest.mark.parametrize(("method", "word"), [("Create", "creating"), ("Delete", "deleting")])
def test_a_second_ctrl_c_ends_a_step_that_hangs_and_says_what_is_in_doubt(odd, method, word):
    odd.program(ONE)
    if method == "Delete":
        odd.up()
        odd.program(ODD)
    behave(odd, method, "hang")
    engine = odd.start("up", "--yes", "--skip-preview")
    odd.wait_for(f"{method.lower()} a")
    engine.send_signal(signal.SIGINT)
    odd.wait_for("cancelled")
    text = end(engine, signal.SIGINT)
    assert "Traceback" not in text and pending(odd) == [word]
    assert f"aborted; it isn't known what became of:\n  * urn:pulumi:dev::yard::odd:index:Odd::a, interrupted while {word}\n" in text
    well(odd)
    assert odd.up().exit_code == 0
    assert destroy(odd.stack).exit_code == 0 and odd.world() == {}


# -- dynamic providers ------------------------------------------------------------------------------------------------


def test_a_dynamic_provider_that_dies_says_its_last_words(yard):
    yard.plant("die.create.a")
    result = yard.up("Thing('a')\n")
    text = "\n".join(result.errors)
    assert result.exit_code == 1 and "provider pulumi-python" in text and "exit code 9" in text and "a last word" in text
    assert pending(yard) == ["creating"]


def test_a_dynamic_create_without_an_id_is_in_doubt(yard):
    result = yard.up("""
from pulumi.dynamic import CreateResult, Resource, ResourceProvider
class P(ResourceProvider):
    def create(self, props):
        return CreateResult("", {})
class Nameless(Resource):
    pass
Nameless(P(), "a", {})
""")
    assert result.exit_code == 1 and "gave it no id" in "\n".join(result.errors) and pending(yard) == ["creating"]


# -- policy packs -----------------------------------------------------------------------------------------------------

RULE = """
import os, sys, time
from pulumi_policy import EnforcementLevel as L, PolicyPack, ResourceValidationPolicy
open(os.environ["THINGS"] + "/pids", "a").write(f"{os.getpid()}\\n")
def rule(args, report):
    if args.resource_type == "odd:index:Odd":
        print("thinking", file=sys.stderr, flush=True)
        open(os.environ["THINGS"] + "/calls.log", "a").write("rule\\n")
        ACTION
START
PolicyPack("odd-pack", [ResourceValidationPolicy("rule", "A rule.", rule, L.MANDATORY)])
"""


def pack(yard, action: str = "pass", start: str = "") -> Path:
    folder = yard.root.parent / "pack"
    folder.mkdir()
    (folder / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (folder / "__main__.py").write_text(RULE.replace("ACTION", action).replace("START", start))
    return folder


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("raise RuntimeError('no rules today')", "no rules today"),
        ("print('hello')", "said 'hello' where its port was expected"),
        ("sys.exit(4)", "ended with exit code 4"),
    ],
)
def test_a_pack_that_does_not_start_is_an_error_before_anything_is_touched(odd, start, said):
    odd.program(ONE)
    with pytest.raises(PluginError, match="policy pack pack did not start") as caught:
        up(odd.stack, policy_packs=[PolicyPack(pack(odd, start=start))], preview_first=False)
    assert said in str(caught.value) and odd.world() == {} and odd.calls() == []


@pytest.mark.parametrize(
    ("action", "said"),
    [("os._exit(5)", "exit code 5"), ("[print('x' * 1000, file=sys.stderr) for _ in iter(int, 1)]", "printed more than 0 MiB")],
)
def test_a_pack_that_dies_or_floods_ends_the_operation(odd, monkeypatch, action, said):
    monkeypatch.setattr(process, "FLOOD_BYTES", 300_000)
    odd.program(ONE)
    result = up(odd.stack, policy_packs=[PolicyPack(pack(odd, action))], preview_first=False)
    text = "\n".join(result.errors)
    assert result.exit_code == 1 and "policy pack odd-pack" in text and said in text
    assert odd.world() == {} and states(odd) == [] and pending(odd) == []


HANG = "open(os.environ['THINGS'] + '/calls.log', 'a').write('rule\\n'); time.sleep(1000)"
HANGING_STACK_RULE = f"""
from pulumi_policy import StackValidationPolicy
def slow(args, report):
    {HANG}
PolicyPack("odd-pack", [StackValidationPolicy("slow", "A slow rule.", slow)])
"""


@pytest.mark.parametrize(
    ("action", "start", "made"),
    [("time.sleep(1000)", "", []), ("pass", HANG, []), ("pass", HANGING_STACK_RULE, ["a"])],
    ids=["resource rule", "start", "stack rule"],
)
def test_ctrl_c_ends_a_pack_that_hangs(odd, action, start, made):
    odd.program(ONE)
    engine = odd.start("up", "--yes", "--skip-preview", "--policy-pack", str(pack(odd, action, start)))
    odd.wait_for("rule")
    end(engine, signal.SIGINT)
    assert list(odd.world()) == made == states(odd) and pending(odd) == []


def test_a_pack_whose_level_there_is_not_is_named(odd):
    garbled = "import pulumi_policy.policy as p\np.proto.ADVISORY, p.proto.MANDATORY = 77, 77"
    odd.program(ONE)
    with pytest.raises(Exception, match=r"odd-pack says of its rules what can't be used: there is no enforcement level 77"):
        preview(odd.stack, policy_packs=[PolicyPack(pack(odd, start=garbled))])
