"""What a person sees: a live tree and a question on a terminal, plain lines in a log, the CLI's JSON for a machine."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from terminal import CONTROL, Terminal

from domicile.engine import Event
from domicile.engine.display.tree import Tree

HOME_ROWS = """
class Home(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__('pkg:index:Home', name, {}, opts)
home = Home('home')
a = Thing('a', body='x', opts=O(parent=home))
b = Thing('b', body=a.serial)
pulumi.export('b', b.serial)
"""


@pytest.fixture
def terminal(yard):
    """A verb of the engine on a terminal."""

    def start(*arguments: str, columns: int = 100, rows: int = 40, **variables: str) -> Terminal:
        env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
        env |= {"PULUMI_BACKEND_URL": f"file://{yard.backend}", "PULUMI_CONFIG_PASSPHRASE": "correct-horse", **variables}
        return Terminal([sys.executable, "-m", "domicile.engine", *arguments, "--stack", "dev"], yard.root, env, columns, rows)

    return start


# -- the tree ---------------------------------------------------------------------------------------------------------


def test_a_terminal_shows_each_step_as_it_runs_and_the_tree_with_outputs_at_the_end(yard, terminal):
    yard.program(HOME_ROWS)
    knot = yard.plant("hang.create.a")
    shown = terminal("up", "--yes", "--skip-preview")
    assert "creating (0s)" in shown.until("creating (0s)")
    knot.unlink()
    code, text = shown.end()
    last = text[text.rindex("yard-dev") :]
    assert code == 0 and "\x1b[?25l" in shown.raw
    assert re.search(r"home +pkg:index:Home +created", last) and re.search(r" {4}a +pulumi-python:dynamic:Resource +created \(\d", last)
    assert 'b: "b-1"' in last and "+ 4 created" in last and "Duration:" in last


def test_what_does_not_change_is_counted_and_not_listed(yard, terminal):
    yard.up("for i in range(30):\n    Thing(f'thing{i}')\n")
    yard.program("for i in range(30):\n    Thing(f'thing{i}', body=2 if i == 7 else None)\n")
    _, text = terminal("up", "--yes", "--skip-preview", rows=12).end()
    last = text[text.rindex("thing7") :]
    assert "updated (" in last and "30 unchanged" in last and "thing8" not in last


def test_thousands_of_resources_fit_the_terminal_what_runs_first():
    screen = io.StringIO()
    tree = Tree(screen)
    tree.console.size = (80, 24)
    for i in range(3000):
        urn = f"urn:pulumi:dev::yard::pkg:index:Thing::t{i}"
        started = Event("resource-started", op="create" if i % 2 else "same", urn=urn, type="pkg:index:Thing", name=f"t{i}")
        tree(started)
        if i not in (7, 2991):
            tree(replace(started, kind="resource-finished"))
    lines = [line.rstrip() for line in "".join(s.text for s in tree.console.render(tree)).splitlines()]
    assert len(lines) < 24 and "1500 unchanged, 1482 more" in lines[-1]
    assert [line.split()[1] for line in lines if "creating" in line] == ["t7", "t2991"]


def test_diagnostics_stand_below_the_tree_under_their_resource(yard, terminal):
    yard.program("print('from the program')\na = Thing('a')\npulumi.log.warn('mind the gap', resource=a)\n")
    code, text = terminal("preview").end()
    below = text[text.index("Diagnostics:") :]
    assert code == 0 and "from the program" in below
    assert re.search(r"Resource \(a\):\s+warning: mind the gap", below)


@pytest.mark.parametrize("columns", [24, 60])
def test_a_narrow_terminal_gets_no_line_that_wraps(yard, terminal, columns):
    yard.program(HOME_ROWS.replace("'home'", f"'{'a-long-name' * 5}'"))
    shown = terminal("up", "--yes", "--skip-preview", columns=columns)
    code, _ = shown.end()
    drawn = CONTROL.sub("", re.sub(r"\x1b\[[0-9]*[AK]|\r", "\n", shown.raw.partition("Outputs:")[0]))
    assert code == 0 and max(len(line) for line in drawn.splitlines()) <= columns and "…" in drawn


def test_no_color_means_no_colour(yard, terminal):
    yard.program(HOME_ROWS)
    coloured, plain = terminal("preview"), terminal("preview", NO_COLOR="1")
    coloured.end()
    plain.end()
    colours = re.compile(r"\x1b\[[0-9;]*3[0-9]m")
    assert colours.search(coloured.raw) and not colours.search(plain.raw)


@pytest.mark.parametrize("how", ["--non-interactive", "TERM"])
def test_a_terminal_that_is_not_to_be_drawn_on_gets_lines(yard, terminal, how):
    yard.program(HOME_ROWS)
    shown = terminal("preview", how) if how.startswith("-") else terminal("preview", TERM="dumb")
    code, text = shown.end()
    assert code == 0 and "\x1b" not in shown.raw and "pkg:index:Home home" in text


# -- lines, diff and JSON ---------------------------------------------------------------------------------------------


def test_without_a_terminal_there_are_lines_and_no_control_sequences(yard):
    yard.program(HOME_ROWS)
    code, text = yard.run("up", "--yes", "--skip-preview")
    assert code == 0 and "\x1b" not in text and "\r" not in text
    assert re.search(r"pulumi-python:dynamic:Resource a creating …\n(.*\n)* *\+ +pulumi-python:dynamic:Resource a creating done", text)


def test_a_diff_has_old_and_new_of_each_property_with_no_secret_and_no_unknown(yard):
    yard.up("p = pulumi.Output.secret('hush')\na = Thing('a', body={'k': 1, 'gone': True, 'list': [1, 2], 's': p})\n")
    changed = "a = Thing('a', kind='oak', body={'k': 2, 'new': 'x', 'list': [1, 3], 's': p})\n"
    yard.program(f"p = pulumi.Output.secret('loud')\n{changed}Thing('b', body=a.serial)\n")
    code, text = yard.run("preview", "--diff")
    assert code == 0 and "hush" not in text and "loud" not in text and "04da6b54" not in text and "__provider" not in text
    for line in ("~ k: 1 => 2", "- gone: true", '+ new: "x"', "~ [1]: 2 => 3", "~ s: [secret] => [secret]", '+ kind: "oak"', "(replaces)"):
        assert line in text, line
    assert "+ body: output<string>" in text and "+- pulumi-python:dynamic:Resource: (replace)" in text


def test_the_plan_as_json_stands_alone_on_standard_output(yard):
    yard.program(HOME_ROWS)
    process = yard.start("preview", "--json")
    text = process.communicate(timeout=60)[0]
    plan = json.loads(text[text.index("{\n") : text.rindex("\n}") + 2])
    assert plan["changeSummary"] == {"create": 4} and {s["op"] for s in plan["steps"]} == {"create"}


def test_an_update_as_json_is_a_line_for_each_of_the_clis_events(yard):
    yard.program(HOME_ROWS)
    process = subprocess.run(
        [sys.executable, "-m", "domicile.engine", "up", "--yes", "--skip-preview", "--json", "--stack", "dev"], cwd=yard.root, text=True,
        env={**os.environ, "PULUMI_BACKEND_URL": f"file://{yard.backend}", "PULUMI_CONFIG_PASSPHRASE": "correct-horse"}, timeout=90,
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    events = [json.loads(line) for line in process.stdout.splitlines()]
    assert [e["sequence"] for e in events] == list(range(1, len(events) + 1))
    assert next(e["summaryEvent"] for e in events if "summaryEvent" in e)["resourceChanges"] == {"create": 4}


# -- the question -----------------------------------------------------------------------------------------------------


def test_an_up_shows_its_plan_and_asks_and_details_show_the_properties(yard, terminal):
    yard.program(HOME_ROWS)
    shown = terminal("up")
    assert "4 to create" in shown.until("[yes/no/details]") and yard.calls() == []
    shown.say("details")
    shown.until('+ body: "x"')
    shown.say("yes")
    code, text = shown.end()
    assert code == 0 and "4 created" in text and yard.names() == ["a", "b"]


@pytest.mark.parametrize("verb", ["up", "destroy", "refresh"])
def test_a_no_changes_nothing(yard, terminal, verb):
    yard.up("Thing('a')\n")
    yard.calls()
    before = yard.checkpoint.read_text()
    yard.program("Thing('a', body=2)\n")
    shown = terminal(verb)
    shown.until("[yes/no/details]")
    shown.say("no")
    code, text = shown.end()
    assert code == 1 and "declined" in text
    assert [c for c in yard.calls() if not c.startswith("read")] == [] and yard.checkpoint.read_text() == before


def test_a_destroy_is_asked_for_and_done(yard, terminal):
    yard.up("Thing('a')\n")
    shown = terminal("destroy")
    assert "2 to delete" in shown.until("[yes/no/details]")
    shown.say("yes")
    assert shown.end()[0] == 0 and yard.world() == {}


def test_what_a_preview_refuses_is_not_asked_for(yard, terminal):
    yard.program("a = Thing('a')\nThing('x', body='cursed')\n")
    code, text = terminal("up").end()
    assert code == 1 and "preview failed" in text and "the body is cursed" in text and "[yes/no/details]" not in text and yard.calls() == []


@pytest.mark.parametrize("verb", ["up", "destroy", "refresh"])
@pytest.mark.parametrize("flags", [[], ["--non-interactive"], ["--json"]])
def test_without_yes_and_without_anyone_to_ask_nothing_is_done(yard, verb, flags):
    yard.up("Thing('a')\n")
    yard.calls()
    code, text = yard.run(verb, *flags)
    assert code == 1 and "--yes" in text and yard.calls() == []


# -- Ctrl-C -----------------------------------------------------------------------------------------------------------


def test_one_interrupt_at_the_terminal_finishes_the_running_step_and_saves_it(yard, terminal):
    yard.program("a = Thing('a')\nb = Thing('b', body=a.serial)\n")
    knot = yard.plant("hang.create.a")
    shown = terminal("up", "--yes", "--skip-preview")
    yard.wait_for("create a")
    shown.process.send_signal(signal.SIGINT)
    shown.until("nothing new starts")
    knot.unlink()
    code, text = shown.end()
    assert code == 1 and "interrupted" in text[text.index("Diagnostics:") :]
    assert yard.names() == ["a"] and "pending_operations" not in yard.latest() and list(yard.stack.lock_folder.iterdir()) == []


def test_a_second_interrupt_at_the_terminal_aborts_and_says_what_is_in_doubt(yard, terminal):
    yard.program("a = Thing('a')\n")
    yard.plant("hang.create.a")
    shown = terminal("up", "--yes", "--skip-preview")
    yard.wait_for("create a")
    shown.process.send_signal(signal.SIGINT)
    shown.until("nothing new starts")
    shown.process.send_signal(signal.SIGINT)
    code, text = shown.end()
    said = text[text.index("Diagnostics:") :]
    in_doubt = "urn:pulumi:dev::yard::pulumi-python:dynamic:Resource::a, interrupted while creating"
    assert code == 1 and "Traceback" not in text and re.search(rf"aborted.*\n +\* {in_doubt}\n", said)
    assert [o["type"] for o in yard.latest()["pending_operations"]] == ["creating"] and list(yard.stack.lock_folder.iterdir()) == []
