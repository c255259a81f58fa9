"""A stand-in for Anthropic's control plane, with a scripted brain, and for the internet outside a local perimeter.

For trying Domicile and for its tests: it is held to what the unmodified official workers need (`tests/conformance`).
"""

from .brain import Outcome
from .faults import Fault
from .scenario import Scenario, ScenarioError, load, shipped
from .server import ControlPlane

__all__ = ["ControlPlane", "Fault", "Outcome", "Scenario", "ScenarioError", "load", "shipped"]
