"""Verbs and flags of the CLI that this engine doesn't take, each with what to use instead: refused before anything else is looked at."""

from __future__ import annotations

from ..errors import UnsupportedError
from .flags import OPERATIONS

CLI = "use Pulumi's own CLI on the same folder"
VERBS = {
    "import": "give the resource the option `import_` and run `up`",
    "watch": "run `up --yes` after each change",
    "logs": "ask the provider's own tools",
    "new": "write Pulumi.yaml and a program, and make a stack with `stack init`",
    "login": "set PULUMI_BACKEND_URL to file:///a/folder",
    "logout": "set PULUMI_BACKEND_URL to another file:///a/folder",
    "install": "install the program's packages with pip, and put plugins into PULUMI_HOME or on PATH",
    "plugin": "put plugins into PULUMI_HOME or on PATH",
    "package": "name a folder of Python under `packages:` in Pulumi.yaml",
    "policy": "give the folder of a pack to `up` or `preview` with --policy-pack",
    "stack rename": "make the new one with `stack init`, export the old with --show-secrets, replace its name in the URNs, and import that",
    "stack change-secrets-provider": "make another stack under the other passphrase, and move the state with `stack export --show-secrets`",
    "stack tag": CLI,
    "stack graph": "read `parent` and `dependencies` in `stack export`",
    "config cp": "set each value with `config set --stack` of the other",
    "config copy": "set each value with `config set --stack` of the other",
    "config env": CLI,
    "config refresh": "take the values from the latest record in .pulumi/history",
    "state edit": "change what `stack export` writes, and give it to `stack import`",
    "state move": "take the entry from one `stack export` to the other, and import both",
    "state repair": "mend what `stack import` names in what `stack export` writes",
    "state protect": "give the resource the option `protect=True` and run `up`",
    "state taint": "name the resource in `up --replace`",
    "state untaint": "leave it out of `up --replace`",
    "state upgrade": CLI,
}
FLAGS = {
    "--plan": "look at the `preview`, and run `up` with --expect-no-changes where nothing may change",
    "--save-plan": "keep what `preview --json` prints",
    "--import-file": "give resources the option `import_`",
    "--attach-debugger": "start the debugger in the program",
    "--config-file": "write Pulumi.STACK.yaml beside Pulumi.yaml",
    "--config-path": "set the value before with `config set --path`",
    "--message": "leave it out: records of history are told apart by their time",
    "--remove": "run `stack rm` after it",
    "--secrets-provider": "leave it out: secrets are closed under the passphrase",
    "--skip-pending-creates": "leave it out: pending creates stay as they are unless --clear-pending-creates is given",
    "--show-config": "run `config`",
    "--show-secrets": "run `stack output --show-secrets` after it",
    "--suppress-outputs": "leave it out",
}
SHORT = {"-m": "--message"}
STACK = ("--stack", "-s")  # what follows is a name
GLOBAL = {
    "--cwd": "change into the project's folder before",
    "-C": "change into the project's folder before",
}


def refuse_unsupported(arguments: list[str]) -> None:
    """UnsupportedError if there is a verb or a flag of the CLI's among them that this engine doesn't honour."""
    words = [word.partition("=")[0] for word in arguments]
    if words[:1] and words[0] in GLOBAL:
        raise UnsupportedError(f"the flag {words[0]}", instead=GLOBAL[words[0]])
    verbs = [word for before, word in zip(["", *arguments], words, strict=False) if not (word.startswith("-") or before in STACK)]
    for verb in (" ".join(verbs[:1]), " ".join(verbs[:2])):
        if verb in VERBS:
            raise UnsupportedError(f"`{verb}`", instead=VERBS[verb])
    if verbs[:1] and verbs[0] in OPERATIONS:
        _refuse_flags(verbs[0], words)


def _refuse_flags(verb: str, words: list[str]) -> None:
    for word in words:
        flag = SHORT.get(word, word)
        if flag in FLAGS:
            raise UnsupportedError(f"the flag {flag}", instead=FLAGS[flag])
        if flag == "--run-program" and verb == "refresh":
            raise UnsupportedError("the flag --run-program", instead="leave it out: only `destroy` runs the program for its hooks")
