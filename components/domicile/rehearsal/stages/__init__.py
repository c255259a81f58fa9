"""A stack's rehearsal, stage by stage: made, made again, drifted, changed, removed, killed. Called by `domicile rehearse`.

    with Scene.of(project, "tokyo") as scene:
        for stage in STAGES:
            print(stage(scene))

Each stage is a function of the scene that gives what it found, or raises `StageFailed` with what is wrong.
"""

from .applied import again, preview, up
from .changed import change
from .drifted import drift
from .killed import kill_and_converge, kill_change_and_converge
from .pages import Applied, pages
from .pages import write as write_pages
from .removed import destroy
from .report import Finding, Report, StageFailed
from .scene import Scene
from .secrecy import put_key, search

STAGES = {
    "preview": preview, "up": up, "up again": again, "key": put_key, "drift": drift, "change": change, "secrecy": search,
    "destroy": destroy,
}  # fmt: skip
"""In their order: each goes on from where the one before has left the stack."""

__all__ = [
    "STAGES",
    "Applied",
    "Finding",
    "Report",
    "Scene",
    "StageFailed",
    "kill_and_converge",
    "kill_change_and_converge",
    "pages",
    "write_pages",
]
