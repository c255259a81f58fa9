"""The pack as Pulumi starts it: `pulumi preview --policy-pack policies`."""

from __future__ import annotations

from domicile_policies.analyzer import serve
from domicile_policies.pack import rules

serve(rules())
