"""Components of another process: a package of them in a folder, used by a program that knows only their names."""

from __future__ import annotations

import shutil

import pytest
from tests.engine.conftest import PASSPHRASE

from domicile.engine import UNKNOWN, Project, ProjectError, Secret, Stack, UnsupportedError, destroy, preview

SITES = """
import os, sys
from typing import Optional, TypedDict
import pulumi
from thing import Thing

class SiteArgs(TypedDict):
    label: pulumi.Input[str]
    count: Optional[pulumi.Input[int]]

class Site(pulumi.ComponentResource):
    serial: pulumi.Output[str]
    token: pulumi.Output[str]

    def __init__(self, name: str, args: SiteArgs, opts: Optional[pulumi.ResourceOptions] = None):
        super().__init__("labkit:index:Site", name, {}, opts)
        if name == "haunted":
            raise Exception("nobody builds here")
        if name == "doomed":
            print("a last word", file=sys.stderr, flush=True)
            os._exit(9)
        inner = Thing(f"{name}-inner", body=args["label"], opts=pulumi.ResourceOptions(parent=self))
        self.serial, self.token = inner.serial, pulumi.Output.secret(inner.token)
        self.register_outputs({"serial": self.serial, "token": self.token})
"""
MAIN = """
from pulumi.provider.experimental import component_provider_host
from sites import Site

if __name__ == "__main__":
    component_provider_host(name="labkit", components=[Site])
"""
METHODS = """
import sys
import pulumi
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import CallResponse, CheckFailure, ConstructResponse, Provider
from pulumi.provider.experimental.server import main

class Door(pulumi.ComponentResource):
    def __init__(self, name, opts):
        super().__init__("doors:index:Door", name, {}, opts)
        self.register_outputs({})

class Doors(Provider):
    async def construct(self, request):
        return ConstructResponse(await Door(request.name, request.options).urn.future(), {}, {})

    async def call(self, request):
        word, door = request.args["word"].value, request.args["__self__"].value.urn
        if word == "mellon?":
            return CallResponse({}, failures=[CheckFailure("word", "that is a question")])
        if word == "knock":
            raise Exception("the door is no drum")
        return CallResponse({"answer": PropertyValue(f"{word} to {door.split('::')[-1]}", is_secret=True, dependencies=[door])})

main(sys.argv[1:], "1.0.0", Doors())
"""
SITE = """
class Site(pulumi.ComponentResource):
    serial: pulumi.Output[str]
    token: pulumi.Output[str]
    def __init__(self, name, opts=None, **props):
        super().__init__("labkit:index:Site", name, {**props, "serial": None, "token": None}, opts, True)
"""


@pytest.fixture
def site(yard):
    """A yard whose project names the package `labkit` in the folder beside it."""
    kit = yard.root.parent / "kit"
    kit.mkdir()
    (kit / "PulumiPlugin.yaml").write_text("runtime: python\n")
    (kit / "sites.py").write_text(SITES)
    (kit / "__main__.py").write_text(MAIN)
    shutil.copy(yard.root / "thing.py", kit)
    with_packages(yard, "{labkit: ../kit}")
    return yard


def with_packages(yard, packages):
    (yard.root / "Pulumi.yaml").write_text(f"name: yard\nruntime: python\npackages: {packages}\n")
    yard.stack = Stack.of(Project.load(yard.root), "dev", f"file://{yard.backend}", PASSPHRASE)


def entry(yard, name):
    return next(r for r in yard.state() if str(r["urn"]).endswith(f"::{name}"))


def test_a_component_of_a_package_lives_from_preview_to_destroy(site):
    program = SITE + "s = Site('s', label='LABEL')\nThing('after', body=s.serial)\npulumi.export('serial', s.serial)\n"
    site.program(program)
    tried = preview(site.stack)
    assert tried.exit_code == 0, tried.errors
    assert tried.summary == {"create": 4} and tried.outputs == {"serial": UNKNOWN} and site.calls() == []
    assert site.up(program).summary == {"create": 4}, site.said()
    assert site.calls() == ["create s-inner", "create after"]
    assert site.world()["after-1"]["body"] == "s-inner-1" and site.stack.outputs() == {"serial": "s-inner-1"}
    component, inner = entry(site, "s"), entry(site, "s-inner")
    assert component["type"] == "labkit:index:Site" and component["custom"] is False and component["outputs"]["serial"] == "s-inner-1"
    assert inner["parent"] == component["urn"] and "labkit:index:Site$pulumi-python:dynamic:Resource" in inner["urn"]
    assert site.up().summary == {"same": 4}
    assert site.up(program.replace("LABEL", "OTHER")).summary == {"same": 3, "update": 1} and site.calls() == ["update s-inner"]
    assert destroy(site.stack).exit_code == 0
    assert site.calls() == ["delete after", "delete s-inner"] and site.state() == [] and site.world() == {}


def test_secrets_and_dependencies_go_in_and_come_out(site):
    program = SITE + "a = Thing('a')\ns = Site('s', label=pulumi.Output.secret(a.serial).apply(lambda n: n + '-whisper'))\n"
    result = site.up(program + "x = Thing('x', kind=s.serial)\npulumi.export('token', s.token)\npulumi.export('serial', s.serial)\n")
    assert result.exit_code == 0, site.said()
    assert site.world()["s-inner-1"]["body"] == "a-1-whisper" and "whisper" not in site.checkpoint.read_text()
    assert result.outputs == {"token": Secret("token-of-s-inner"), "serial": "s-inner-1"}
    assert entry(site, "a")["urn"] in entry(site, "s-inner")["dependencies"]
    assert entry(site, "s-inner")["urn"] in entry(site, "x")["dependencies"]


@pytest.mark.parametrize(
    ("use", "words"),
    [("Site('haunted', label='x')", "nobody builds here"), ("Site('s')", "'label'"), ("Site('doomed', label='x')", "a last word")],
)
def test_a_constructor_that_fails_is_one_error_with_its_words(site, use, words):
    result = site.up(SITE + f"s = {use}\nThing('after', body=s.serial)\n")
    assert result.exit_code == 1 and site.world() == {} and site.names() == []
    assert len(result.errors) == 1 and words in result.errors[0] and "labkit:index:Site" in result.errors[0], result.errors


def test_a_child_that_fails_ends_the_operation_with_its_own_error(site):
    site.plant("fail.create.s-inner")
    result = site.up(SITE + "s = Site('s', label='x')\nThing('after', body=s.serial)\n")
    assert result.exit_code == 1 and site.names() == []
    assert len(result.errors) == 1 and "create of s-inner is not possible today" in result.errors[0], result.errors


def test_options_aliases_and_transforms_of_the_program_reach_a_component_of_a_package(site):
    assert site.up(SITE + "Site('old', label='x')\n").exit_code == 0, site.said()
    site.calls()
    program = """
def louder(args):
    return pulumi.ResourceTransformResult({**args.props, 'label': 'loud'} if args.type_ == 'labkit:index:Site' else args.props, args.opts)
Site('new', O(aliases=[pulumi.Alias(name='old')], protect=True, transforms=[louder]), label='x')
"""
    result = site.up(SITE + program)
    assert result.exit_code == 0, site.said()
    assert entry(site, "new")["protect"] is True and entry(site, "new-inner")["protect"] is True
    assert site.world()["old-inner-1"]["body"] == "loud"  # the same thing: its name follows the former name of its component
    assert result.summary == {"same": 1, "update": 2}


def test_a_method_of_a_component_is_called_and_its_secrets_stay_such(site):
    door = site.root.parent / "doors"
    door.mkdir()
    (door / "PulumiPlugin.yaml").write_text("runtime: {name: python}\n")
    (door / "__main__.py").write_text(METHODS)
    with_packages(site, "{doors: {source: ../doors}}")
    program = """
class Door(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("doors:index:Door", name, {}, None, True)
    def open(self, word):
        return pulumi.runtime.call("doors:index:Door/open", {"__self__": self, "word": word}, self)
d = Door('d')
answer = d.open('WORD').apply(lambda r: r['answer'])
Thing('x', body=answer)
pulumi.export('answer', answer)
"""
    result = site.up(program.replace("WORD", "mellon"))
    assert result.exit_code == 0, site.said()
    assert result.outputs == {"answer": Secret("mellon to d")} and "mellon" not in site.checkpoint.read_text()
    assert site.world()["x-1"]["body"] == "mellon to d" and entry(site, "d")["urn"] in entry(site, "x")["dependencies"]
    assert "the door is no drum" in "".join(site.up(program.replace("WORD", "knock")).errors)
    refused = site.up(program.replace("WORD", "mellon?"))
    assert refused.exit_code == 1 and "that is a question" in site.said()


@pytest.mark.parametrize(
    ("packages", "error", "words"),
    [
        ("{labkit: {source: ../kit, parameters: [x]}}", UnsupportedError, "parameterized"),
        ("{labkit: github.com/someone/kit@1.0.0}", UnsupportedError, "github.com/someone/kit"),
        ("{labkit: ../nowhere}", ProjectError, "nowhere"),
    ],
)
def test_a_package_from_elsewhere_is_refused_by_name(site, packages, error, words):
    with pytest.raises(error, match=words):
        with_packages(site, packages)


def test_a_package_of_another_language_is_refused(site):
    (site.root.parent / "kit/PulumiPlugin.yaml").write_text("runtime: nodejs\n")
    result = site.up(SITE + "Site('s', label='x')\n")
    assert result.exit_code == 1 and "runtime 'nodejs'" in result.errors[0] and len(result.errors) == 1
