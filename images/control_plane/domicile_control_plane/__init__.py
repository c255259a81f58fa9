"""A stand-in for Anthropic's control plane, with a scripted brain, and for the internet outside a local perimeter.

For trying Domicile and for its tests: it is held to what the unmodified official workers need (`tests/conformance`).

Where the service's documentation is silent (2026-11), the stand-in chooses: one key per environment, and a new one ends
the former; an item that is acked but never heartbeated lapses after one lease time; the former holder of a lapsed item
may still read and post results, but neither heartbeat nor stop; a session that goes on running without a live work item
gets a new one; any credential of a session may post user events, also those that a worker has no business with.
"""

from .brain import Outcome
from .faults import Fault
from .scenario import Scenario, ScenarioError, load, shipped
from .server import ControlPlane

__all__ = ["ControlPlane", "Fault", "Outcome", "Scenario", "ScenarioError", "load", "shipped"]
