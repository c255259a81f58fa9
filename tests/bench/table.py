"""Prints the figures for people."""

from __future__ import annotations

from typing import Any

from latency import CONTAINER_EACH, IN_PROCESS, PERIMETER
from rich.console import Console
from rich.table import Table

GOALS = {IN_PROCESS: 1.5, CONTAINER_EACH: 0.25}
"""A warm perimeter's median against each rival's that waits in its poll, at most."""

console = Console(highlight=False)


def show(figures: dict[str, Any]) -> None:
    for part, words in (("latency", "Enqueued → first tool result"), ("cold", "The same with no sandbox kept ready")):
        if part in figures:
            _show_latency(words, figures[part], with_goals=part == "latency")
    for part in ("idle", "active"):
        if part in figures:
            _show_held(part, figures[part])
    if "up" in figures:
        told = figures["up"]
        console.print(
            f"\n[bold]make up, again[/]: {told['whole_seconds']} s "
            f"(apply {told['apply_seconds']}, demonstration {told['demonstration_seconds']})"
        )
    if "images" in figures:
        _show_images(figures["images"])
    if "engine" in figures:
        _show_engine(figures["engine"])
    if "stacks" in figures:
        _show_stacks(figures["stacks"])
    if "policies" in figures:
        _show_policies(figures["policies"])
    machine = figures["machine"]
    console.print(
        f"\n{machine['cores']} cores, {machine['memory_gib']} GiB, Linux {machine['kernel']}; load {machine['load_at_start']} before, "
        f"{machine['load_at_end']} after; {machine['seconds']} s"
    )


def _show_latency(title: str, rows: list[dict[str, Any]], *, with_goals: bool) -> None:
    table = Table("", "enqueued", "n", "median ms", "p95 ms", "acked ms", "leased ms", box=None, pad_edge=False)
    for row in rows:
        times = (row["median_ms"], row["p95_ms"], row["median_acked_ms"], row["median_leased_ms"])
        table.add_row(row["contender"], row["enqueued"], str(row["n"]), *map(str, times))
    console.print(f"\n[bold]{title}[/]")
    console.print(table)
    medians = {(row["contender"].partition(",")[0], row["enqueued"]): row["median_ms"] for row in rows}
    for rival, goal in GOALS.items():
        name = rival.partition(",")[0]
        for moment in dict.fromkeys(moment for contender, moment in medians if contender == name):
            ratio = medians[PERIMETER, moment] / medians[name, moment]
            aim = f", goal at most {goal}" if with_goals and moment == "waiting" else ""
            console.print(f"perimeter / {rival}, {moment}: {ratio:.2f}{aim}")


def _show_held(part: str, told: dict[str, Any]) -> None:
    console.print(
        f"\n[bold]Sessions held at once, {part}[/]: {told['held_at_once']} (goal {told['goal']}; ended by {told['ended_by']}), "
        f"{told['passed']} passed, {told['begun_per_second']} begun a second"
    )
    if told["services_restarted"]:
        console.print(f"restarted meanwhile: {', '.join(told['services_restarted'])}")
    console.print("KiB a session: " + ", ".join(f"{name} {amount}" for name, amount in told["kib_per_session"].items()))
    console.print(f"call to result: median {told['answer_median_ms']} ms, p95 {told['answer_p95_ms']} ms", end="")
    console.print(f", of which the call itself {told['call_ms']} ms" if told["call_ms"] else "")


def _show_images(rows: list[dict[str, Any]]) -> None:
    table = Table("image", "MB", "cold s", "warm s", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row["image"], *(str(row[name]) for name in ("mb", "cold_seconds", "warm_seconds")))
    total = [round(sum(row[name] for row in rows), 1) for name in ("mb", "cold_seconds", "warm_seconds")]
    table.add_row("all", *map(str, total))
    console.print("\n[bold]Images[/] (cold: downloads are there)")
    console.print(table)


def _show_engine(told: dict[str, Any]) -> None:
    goals = told["goals"]
    columns = {
        "operation": "", "resources": "resources", "seconds": "seconds", "ms_a_resource": "ms a resource",
        "cpu_ms_a_resource": "processor ms a resource", "engine_mb": "engine's peak MB", "program_mb": "program's peak MB",
    }  # fmt: skip
    table = Table(*columns.values(), box=None, pad_edge=False)
    for row in told["rows"]:
        table.add_row(*(str(row.get(key, "")) for key in columns))
    console.print("\n[bold]The embedded engine[/], a plugin that does nothing; alone: the program against an engine that answers at once")
    console.print(table)
    console.print(f"goals: at most {goals['ms_a_resource']} ms a resource, {goals['peak_mb']} MB for both")
    console.print(f"2,000 resources / 500: {told['growth']} (linear: {goals['growth']})")
    console.print(f"checkpoints, of an up of 2,000: {told['checkpoint_share']:.0%} (goal: {goals['checkpoint_share']:.0%})")


def _show_policies(told: dict[str, Any]) -> None:
    console.print("\n[bold]A region's stack under the policy pack[/]")
    console.print(f"preview: {told['preview_seconds']} s; judged: {told['judged_seconds']} s")
    console.print(f"added: {told['added']:.0%} of its time (goal at most {told['goals']['added']:.0%}), {told['added_cpu']:.0%} of its CPU")


def _show_stacks(told: dict[str, Any]) -> None:
    goals = told["goals"]
    console.print("\n[bold]A region's stack on the provider double[/]")
    table = Table("preview", "seconds", "engine's peak MB", "program's", "double's", "state MB, applied", box=None, pad_edge=False)
    for name, seconds in told["preview_seconds"].items():
        memory = (str(told["preview_mb"][name].get(role, "")) for role in ("engine", "program", "double"))
        table.add_row(name, str(seconds), *memory, str(told["state_mb"].get(name, "")))
    console.print(table)
    console.print(f"whole stack / empty program, median of the pairs: {told['times_empty']} (goal at most {goals['times_empty']:g})")
    console.print(f"the first preview of all, with the SDK's types yet to be parsed: {told['first_preview_seconds']} s")
    console.print(
        f"imports beyond pulumi's own, {told['import_names']} names of the SDK: {told['import_seconds']} s, {told['import_mb']} MB "
        f"(goals at most {goals['import_seconds']:g} s, {goals['import_mb']} MB)"
    )
