"""A Pulumi package's resource and function types, read from its installed Python SDK without importing it.

The official schema isn't in the wheel, but the generated code carries nearly all of it: wire names in `@pulumi.getter(name=…)`,
types in annotations, required arguments as parameters without a default, enum values in `_enums.py`, secret outputs in
`additional_secret_outputs`, former types in `pulumi.Alias(type_=…)`, and in prose the defaults and which changes force a replacement.
Only the classes that are asked for are parsed, and what was is kept for the next process (`parsed`), so a plugin starts at once. Any
generated SDK will do: nothing here is AWS's.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from .parsed import Parsed
from .shapes import ANY, Prop, Shape, Type, props_json, props_of, shape_json, shape_of

T = TypeVar("T")

_PRIMITIVES: dict[str, Literal["str", "int", "float", "bool"]] = {"str": "str", "int": "int", "float": "float", "bool": "bool"}
_WRAPPERS = ("Input", "Output", "InputType", "Optional", "Awaitable")
_REPLACES = re.compile(
    r"forces? (?:a )?new resource|forces? (?:the )?replacement|(?:creates?|forces?|causes?) (?:a new|recreation|re-creation)"
    r"|chang\w+ this .{0,40}(?:new|recreat|replac)|will be (?:recreated|replaced)",
    re.IGNORECASE,
)
_DEFAULT = re.compile(r"\bDefaults?(?: value)?(?: is| to|:)? [`\"]+([^`\"]*)[`\"]+")
_CLASS = re.compile(r"^class (\w+)", re.MULTILINE)
_BLOCK = re.compile(r"^(?:class |def |@|if |else|\w+ = )", re.MULTILINE)


class SchemaError(Exception):
    """The package isn't installed, or isn't a generated Pulumi SDK."""


class Schema:
    """The types of one installed package (`pulumi_aws`). Safe to use from several threads."""

    def __init__(self, module: str) -> None:
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            raise SchemaError(f"{module} is not installed; install it: its types are what inputs are checked against")
        self.root = Path(spec.origin).parent
        try:
            plugin = json.loads((self.root / "pulumi-plugin.json").read_text())
        except FileNotFoundError as e:
            raise SchemaError(f"{module} has no pulumi-plugin.json: it is not a Pulumi SDK") from e
        self.name: str = plugin["name"]
        self.version: str = plugin["version"]
        self._texts: dict[Path, tuple[str, dict[str, int]]] = {}
        self._found: dict[str, Any] = {}
        self._read: set[Path] = set()  # by the look-up under way
        self._lock = threading.RLock()
        self._parsed = Parsed(f"{self.name}-{self.version}", self.root, Path(__file__))

    # -- look-ups -----------------------------------------------------------------------------------------------------

    @cached_property
    def tokens(self) -> dict[str, tuple[str, str]]:
        """Every resource type, with its module and class."""
        text = (self.root / "__init__.py").read_text()
        block = re.search(r'resource_modules="""(.*?)"""', text, re.DOTALL)
        modules = json.loads(block.group(1)) if block else []
        return {token: (m["fqn"], cls) for m in modules for token, cls in m["classes"].items()}

    def resource(self, token: str) -> Shape | None:
        """The resource's shape, or None if the package has no such type. The provider's own is `pulumi:providers:NAME`."""
        return self._once(f"resource {token}", lambda: self._resource(token), shape_json, shape_of)

    def function(self, token: str) -> Shape | None:
        return self._once(f"function {token}", lambda: self._function(token), shape_json, shape_of)

    def object(self, ref: str) -> dict[str, Prop]:
        """The properties of a nested object."""
        folder, name = ref.rsplit("#", 1)
        path = Path(folder)
        return self._once(f"object {ref}", lambda: self._props(self._class(path / "_inputs.py", name), path), props_json, props_of) or {}

    def enum(self, ref: str) -> set[Any]:
        """The values of an enum."""
        folder, name = ref.rsplit("#", 1)
        return set(self._once(f"enum {ref}", lambda: self._values(Path(folder) / "_enums.py", name), list, list) or ())

    def recall(self) -> None:
        """Look up the resources that processes of before have parsed, while nobody asks for any yet."""
        for token in self._parsed.known("resource"):
            self.resource(token)

    def save(self) -> None:
        """Keep what was parsed for the next process."""
        with self._lock:
            self._parsed.save()

    def _once(self, what: str, parse: Callable[[], T | None], tell: Callable[[T], Any], told: Callable[[Any], T]) -> T | None:
        """What has been looked up before, here or in a process of before; else it is parsed. That there is no such thing isn't kept."""
        with self._lock:
            if what not in self._found:
                found = self._parsed.get(what, told)
                if found is None:
                    self._read = set()
                    found = parse()
                    if found is not None:
                        self._parsed.put(what, tell(found), self._read)
                self._found[what] = found
            known: T | None = self._found[what]
            return known

    # -- reading the generated code -----------------------------------------------------------------------------------

    def _resource(self, token: str) -> Shape | None:
        if token == f"pulumi:providers:{self.name}":
            path, cls = self.root / "provider.py", "Provider"
        elif token in self.tokens:
            module, cls = self.tokens[token]
            path = self._file_of(self.root.joinpath(*module.split(".")[1:]), token, cls)
        else:
            return None
        text, _ = self._text(path)
        args = self._class(path, cls + "Args") or self._class(path, cls + "InitArgs")
        secrets = re.search(r"additional_secret_outputs=\[(.*?)\]", text)
        return Shape(
            token,
            self._props(args, path.parent),
            self._props(self._class(path, cls), path.parent),
            frozenset(re.findall(r'"(\w+)"', secrets.group(1)) if secrets else ()),
            tuple(re.findall(r'pulumi\.Alias\(type_="([^"]+)"\)', text)),
        )

    def _function(self, token: str) -> Shape | None:
        _, module, name = token.split(":")
        folder = self.root.joinpath(*[p for p in module.split("/")[:-1] if p != "index"])
        path = folder / f"{_snake(name)}.py"
        if not path.is_file():
            return None
        text, _ = self._text(path)
        result = self._class(path, name[0].upper() + name[1:] + "Result")
        return Shape(token, self._arguments(_snake(name), text, folder), self._props(result, folder))

    def _arguments(self, name: str, text: str, folder: Path) -> dict[str, Prop]:
        """A function's arguments. All have a default; those that must be given are Optional once in the form for outputs, others twice."""
        signature = re.search(rf"^def {name}\((.*?)\) ->", text, re.DOTALL | re.MULTILINE)
        for_outputs = re.search(rf"^def {name}_output\((.*?)\) ->", text, re.DOTALL | re.MULTILINE)
        if signature is None:
            return {}
        wire = {py: name for name, py in re.findall(r"__args__\['(\w+)'\] = (\w+)", text)}
        needed = {a.arg for a in _parameters(for_outputs.group(1)) if not _is_twice_optional(a.annotation)} if for_outputs else set()
        given = (a for a in _parameters(signature.group(1)) if a.arg in wire)
        return {wire[a.arg]: Prop(self._type(a.annotation, folder), a.arg in needed) for a in given}

    def _text(self, path: Path) -> tuple[str, dict[str, int]]:
        """A module's text, and where each of its classes begins."""
        self._read.add(path)
        if path not in self._texts:
            text = path.read_text() if path.is_file() else ""
            self._texts[path] = text, {m.group(1): m.start() for m in _CLASS.finditer(text)}
        return self._texts[path]

    @staticmethod
    def _file_of(folder: Path, token: str, cls: str) -> Path:
        module = token.split(":")[1].rsplit("/", 1)[-1]
        for stem in (_snake(module), _snake(cls), cls):
            path = folder / f"{stem}.py"
            if path.is_file() and f"'{token}'" in path.read_text():
                return path
        return next(p for p in sorted(folder.glob("*.py")) if f"'{token}'," in p.read_text())

    def _class(self, path: Path, name: str) -> ast.ClassDef | None:
        """One class of a module, parsed alone: the generated files run to megabytes."""
        text, classes = self._text(path)
        if name not in classes:
            return None
        start = classes[name]
        for end in (*(m.start() for m in _BLOCK.finditer(text, start + 1)), len(text)):
            try:  # prose in a docstring can reach column 0 and look like the next block
                node = ast.parse(text[start:end]).body[0]
            except SyntaxError:
                continue
            return node if isinstance(node, ast.ClassDef) else None
        return None

    def _values(self, path: Path, name: str) -> list[Any]:
        node = self._class(path, name)
        return [ast.literal_eval(s.value) for s in node.body if isinstance(s, ast.Assign)] if node else []

    def _props(self, node: ast.ClassDef | None, folder: Path) -> dict[str, Prop]:
        required: set[str] = set()
        props: dict[str, Prop] = {}
        for f in (n for n in (node.body if node else ()) if isinstance(n, ast.FunctionDef)):
            if f.name == "__init__":
                required |= {a.arg for a, d in zip(f.args.kwonlyargs, f.args.kw_defaults, strict=True) if d is None}
            name = _wire_name(f)
            if name:
                text = ast.get_docstring(f) or ""
                default = _DEFAULT.search(text)
                props[name] = Prop(
                    self._type(f.returns, folder), f.name in required, _is_optional(f.returns), bool(_REPLACES.search(text)),
                    default.group(1) if default else None,
                )  # fmt: skip
        return props

    def _type(self, node: ast.expr | None, folder: Path) -> Type:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self._named(node.value, folder)
        if isinstance(node, ast.Attribute):
            if node.attr in ("Asset", "Archive"):
                return Type("asset")
            return Type(_PRIMITIVES[node.attr]) if node.attr in _PRIMITIVES else ANY
        if not isinstance(node, ast.Subscript):
            return ANY
        head = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
        args = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if head in _WRAPPERS:
            return self._type(args[0], folder)
        if head == "Sequence":
            return Type("list", self._type(args[0], folder))
        if head == "Mapping":
            return Type("map", self._type(args[1], folder))
        return self._union([self._type(a, folder) for a in args]) if head == "Union" else ANY

    @staticmethod
    def _union(kinds: list[Type]) -> Type:
        """The 'ArgsDict' and 'outputs.' twins of an object read as any; an enum beside its primitive is open, as in Pulumi itself."""
        kinds = list(dict.fromkeys(k for k in kinds if k.kind not in ("any", "enum")))
        return kinds[0] if len(kinds) == 1 else Type("union", tuple(kinds)) if kinds else ANY

    def _named(self, name: str, folder: Path) -> Type:
        """A quoted class: 'VpcTagArgs', 'outputs.Vpc', or in another module '_core.v1.PodSpecArgs'."""
        if name.startswith("outputs.") or name.endswith("ArgsDict"):
            return ANY
        *modules, cls = name.split(".")
        parts = [m.lstrip("_") for m in modules if m not in ("_inputs", "inputs", "_enums")]
        folder = self.root.joinpath(*parts) if parts else folder
        if cls.endswith("Args"):
            return Type("object", f"{folder}#{cls}")
        return Type("enum", f"{folder}#{cls}") if cls in self._text(folder / "_enums.py")[1] else ANY


def _wire_name(function: ast.FunctionDef) -> str:
    """What the property is called on the wire: of `@pulumi.getter(name="cidrBlock")`, else its own name; empty if it is no getter."""
    for d in function.decorator_list:
        call = d.func if isinstance(d, ast.Call) else d
        if isinstance(call, ast.Attribute) and call.attr == "getter":
            return str(ast.literal_eval(d.keywords[0].value)) if isinstance(d, ast.Call) else function.name
    return ""


def _is_optional(node: ast.expr | None) -> bool:
    """Whether an annotation says that the value may be absent: `pulumi.Output[Optional[…]]`, `Optional[…]`."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute):
        node = node.slice
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Optional"


def _is_twice_optional(node: ast.expr | None) -> bool:
    return node is not None and "Optional[Optional[" in ast.unparse(node)


def _parameters(signature: str) -> list[ast.arg]:
    function = ast.parse(f"def f({signature}): pass").body[0]
    assert isinstance(function, ast.FunctionDef)  # noqa: S101 it was written so
    return function.args.args


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])|(?<=[A-Z])([A-Z])(?=[a-z])", lambda m: "_" + m.group(0), name).lower()
