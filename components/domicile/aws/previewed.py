"""What a preview shows in the place of a value that nobody knows before it is made, so that texts with it in them can be read and judged.

A text that is made from one unknown value is unknown as a whole: a policy, or a machine's configuration, could be held to no rule in the
first preview. Used in such texts only. What is applied never has a placeholder: there the value is known.
"""

from __future__ import annotations

from typing import TypeVar

import pulumi

T = TypeVar("T")

UNMADE_ENDPOINT = "vpce-00000000000000000"
"""Stands for a VPC endpoint's id."""


def previewed(value: pulumi.Input[T], placeholder: T) -> pulumi.Output[T]:
    """The value; in a preview that doesn't know it, the placeholder. It still leans on what the value is made from."""
    output: pulumi.Output[T] = pulumi.Output.from_input(value)
    if not pulumi.runtime.is_dry_run():
        return output

    async def resolved() -> T:
        found = await output.future(with_unknowns=True)
        return found if await output.is_known() and found is not None else placeholder

    async def known() -> bool:
        return True

    return pulumi.Output(output.resources(), resolved(), known(), output.is_secret())
