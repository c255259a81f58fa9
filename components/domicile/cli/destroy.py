"""`domicile destroy`: removes the perimeter, and says what it leaves."""

from __future__ import annotations

import shutil
from pathlib import Path

from domicile.cli.containers import machine
from domicile.cli.engine import Engine, engine_for
from domicile.cli.exit import CliError, must_ask, print_json
from domicile.cli.progress import Progress
from domicile.cli.project import Json, Stack, Yes, configuration, places, root
from domicile.cli.sweep import sweep
from domicile.places import StackPlaces


def destroy(stack: Stack = "local", yes: Yes = False, json: Json = False) -> None:
    """Remove the perimeter: containers, networks, secrets, files. Only what the configuration retains stays, and where is said."""
    config, where = configuration(stack, json), places(stack)
    if ask := must_ask(yes, json):
        print(f"This removes the stack {stack} with its secrets; the audit archive {'stays' if config.retain.archive else 'goes too'}.")
    with Progress(quiet=json) as progress:
        engine = engine_for(root(), where, json)
        with progress.step("destroying the stack"):
            applied = engine.run("destroy", stack, progress, ask)
        swept = sweep(where) if config.platform == "local" else []
        retained = _remove_files(where, keep_archive=config.retain.archive)
        _forget(engine, where)
    if json:
        removed = sum(applied.changes.values())
        print_json({"stack": stack, "removed": removed, "swept": swept, "retained": [str(path) for path in retained]})
        return
    for thing in swept:
        print(f"  also removed, left by an interrupted run: {thing}")
    print(f"stack {stack}: removed ({progress.seconds:.1f} s)")
    for path in retained:
        what = "the audit archive" if path == where.archive else "records that the archive lacks: keep them with it"
        print(f"  retained: {path} ({what})")
    if config.aws and config.retain.archive:
        print(f"  retained in account {config.aws.account}: the locked archive, the log of its accesses, and the key that opens them")
    elif not retained:
        print("  nothing is retained")


def _remove_files(where: StackPlaces, keep_archive: bool) -> list[Path]:
    """Removes the stack's folders; gives what stays."""
    retained = [where.archive] if keep_archive and _holds_files(where.archive) else []
    if keep_archive and _lacking(where):
        retained.append(where.journal)
    if not retained and where.archive.is_dir() and shutil.which("chattr"):
        machine("chattr", "-R", "-f", "-i", str(where.archive))  # its closed segments may be immutable
    try:
        for folder in (where.run, where.home):
            for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
                if entry not in retained:
                    _remove(entry)
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
    except OSError as error:
        raise CliError(f"{error.filename} can't be removed: {error.strerror}; mend that and run `domicile destroy` again") from error
    return retained


def _forget(engine: Engine, where: StackPlaces) -> None:
    """Removes the stack's record; with the last stack's also the backend's folder and its passphrase, if they are the product's own."""
    engine.forget(where.stack)
    stacks = list((where.backend / ".pulumi" / "stacks").rglob("*.json"))
    if where.backend.is_dir() and not stacks:
        shutil.rmtree(where.backend)
        where.passphrase.unlink(missing_ok=True)
    for folder in (where.stack_config.parent, where.run_root, where.home_root):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _lacking(where: StackPlaces) -> bool:
    """Whether the journals hold a record that the archive lacks: one whose shipper was not well, or one that nobody can read any more."""
    from domicile_host.audit.verify import verify

    if not _holds_files(where.journal):
        return False
    try:
        archived = {(c.source, c.chain): c.last for c in verify(where.archive).chains} if where.archive.is_dir() else {}
        return any(c.records and c.last > archived.get((c.source, c.chain), 0) for c in verify(where.journal).chains)
    except OSError:
        return True


def _holds_files(folder: Path) -> bool:
    return any(path.is_file() for path in folder.rglob("*")) if folder.is_dir() else False


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()
