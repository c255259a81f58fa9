"""Python bytecode for an image's modules, made by the image's own interpreter, so that the builder's doesn't matter.

An image's root is read-only, so without this every start would compile again. The files carry the hash of their source and
aren't checked against it at run time (PEP 552, `unchecked-hash`): no time of day goes in.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from domicile_images.tree import Tree
from domicile_images.wheels import PYTHON

_LIBRARIES = "usr/lib/x86_64-linux-gnu"
_RUNTIME = (f"usr/bin/python{PYTHON}", _LIBRARIES, f"usr/lib/python{PYTHON}")
_PROGRAM = """
import importlib.util, py_compile, sys
root = sys.argv[1]
for path in sys.stdin.read().split("\\0"):
    source = f"{root}/{path}"
    try:
        py_compile.compile(source, dfile=f"/{path}", doraise=True, optimize=0,
                           invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    except py_compile.PyCompileError as error:  # templates and examples of other Pythons: nothing can import them either
        print(error.msg.strip(), file=sys.stderr)
"""


class BytecodeError(Exception):
    """The image's interpreter didn't run."""


def compiled(modules: Tree, debian: Tree, folder: Path) -> Tree:
    """The bytecode of every module in `modules`. `debian` holds the interpreter; `folder` is a scratch folder."""
    sources = [path for path, _ in modules.files() if path.endswith(".py") and "python" in path]
    result = Tree()
    if not sources:
        return result
    runtime, work = folder / "runtime", folder / "modules"
    _part(debian, _RUNTIME).extract_to(runtime)
    Tree({path: modules.entries[path] for path in sources}).extract_to(work)
    _run(runtime, work, sources)
    for file in sorted(work.rglob("*.pyc")):
        result.file(str(file.relative_to(work)), file.read_bytes())
    return result


def _part(tree: Tree, below: tuple[str, ...]) -> Tree:
    return Tree({path: entry for path, entry in tree.entries.items() if path.startswith(below)})


def _run(runtime: Path, work: Path, sources: list[str]) -> None:
    """Starts the interpreter through the image's own loader and C library."""
    loader = [f"{runtime}/{_LIBRARIES}/ld-linux-x86-64.so.2", "--library-path", f"{runtime}/{_LIBRARIES}"]
    command = [*loader, f"{runtime}/usr/bin/python{PYTHON}", "-s", "-S", "-B", "-c", _PROGRAM, str(work)]
    env = {"PYTHONHOME": f"{runtime}/usr", "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, input="\0".join(sources), env=env, text=True, capture_output=True, check=False)
    if done.returncode:
        raise BytecodeError(f"the image's Python can't compile its modules: {done.stderr.strip()[-2000:]}")
