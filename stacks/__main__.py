"""The stack program: loads the stack's configuration, and builds its perimeter."""

import pulumi

from domicile import Perimeter
from domicile.config import from_pulumi

perimeter = Perimeter("perimeter", from_pulumi())
for name, value in perimeter.outputs.items():
    pulumi.export(name, value)
