"""`domicile up`: validates, builds the images, applies the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domicile.cli.engine import engine_for
from domicile.cli.exit import ending_on, must_ask, print_json
from domicile.cli.outcome import changes_text, outputs_lines
from domicile.cli.progress import Progress
from domicile.cli.project import Diff, Json, Stack, Yes, configuration, fitting_machine, places, root

if TYPE_CHECKING:
    from domicile.config import PerimeterConfig
    from domicile.places import StackPlaces


def up(stack: Stack = "local", yes: Yes = False, diff: Diff = False, json: Json = False) -> None:
    """Provision or change the perimeter: validate the configuration, build the images, show what would change, ask, apply the stack.

    What is refused, is refused before anything is touched. Run it again whenever it was interrupted; a second run changes nothing.
    The stand-in gets an environment key by itself; for a real control plane put yours in with `domicile key`.
    """
    config, where = configuration(stack, json), places(stack)
    fitting_machine(config, json)
    ask = must_ask(yes, json)
    with Progress(quiet=json) as progress:
        engine = engine_for(root(), where, json)
        if config.platform == "local":
            _build_images(where, config, progress)
        with progress.step("applying the stack"):
            applied = engine.run("up", stack, progress, ask, diff)
    if json:
        print_json({"stack": stack, "changes": dict(applied.changes), "unchanged": applied.unchanged, "outputs": dict(applied.outputs)})
        return
    print(f"stack {stack}: {changes_text(applied)} ({progress.seconds:.1f} s)")
    print("\n".join(outputs_lines(applied.outputs)))
    if config.control_plane.kind not in ("stand-in", "aws"):
        print("  with no environment key yet, the dispatcher waits for it: `domicile key`")


def _build_images(where: StackPlaces, config: PerimeterConfig, progress: Progress) -> None:
    from domicile.sandbox_image.local import built
    from domicile_images import ERRORS

    with progress.step("building images"), ending_on(*ERRORS):
        built(where, config.is_stand_in, progress.detail)
