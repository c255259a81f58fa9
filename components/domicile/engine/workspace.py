"""Which stack a project's user has selected: the CLI's own `workspaces` file in PULUMI_HOME, so that either sees the other's choice."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from .errors import StackError
from .project import Project
from .state.files import write_atomically


def selected(project: Project) -> str:
    """The stack that PULUMI_STACK or `stack select` names; empty if there is neither."""
    if name := os.environ.get("PULUMI_STACK"):
        return name
    try:
        content = json.loads(_file(project).read_text())
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as e:
        raise StackError(f"{_file(project)} can't be read ({e}); select a stack anew with `stack select`") from e
    return str(content.get("stack") or "") if isinstance(content, dict) else ""


def select(project: Project, stack: str) -> None:
    """Keep the choice; an empty name forgets it."""
    file = _file(project)
    if stack:
        write_atomically(file, json.dumps({"stack": f"organization/{project.name}/{stack}"}, indent=4))
    else:
        file.unlink(missing_ok=True)


def _file(project: Project) -> Path:
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    there = next((f for f in (project.root / "Pulumi.yaml", project.root / "Pulumi.yml") if f.exists()), project.root / "Pulumi.yaml")
    digest = hashlib.sha1(str(there).encode()).hexdigest()  # noqa: S324 the CLI's name for the file, no secret
    return home / "workspaces" / f"{project.name}-{digest}-workspace.json"
