"""Provider doubles: a stack applied with no account, on a cloud kept on disk.

    rehearsal = Rehearsal(folder)
    environment = rehearsal.plugins("aws")     # PULUMI_HOME with an executable that answers as the AWS provider would
    …                                          # run `pulumi`, or the embedded engine, in that environment
    rehearsal.cloud.things("Vpc")              # look; `.edit` and `.vanish` make drift
    rehearsal.fault(Fault("create", "hang", type="aws:ec2/vpc:Vpc"))
    rehearsal.calls()                          # ec2:CreateVpc …

Inputs are checked against the types of the installed SDK package (the wheel is the schema) and against tables of what the service itself
refuses; ids that are mentioned must exist, in the same region and network. It is at least as strict as it knows to be, and it is not the
service: what it accepts may still be refused there.
"""

from .calls import Call
from .cloud import ACCOUNT, Cloud, Thing
from .faults import Fault
from .rehearsal import Rehearsal

__all__ = ["ACCOUNT", "Call", "Cloud", "Fault", "Rehearsal", "Thing"]
