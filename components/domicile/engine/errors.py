"""What can go wrong in the engine: each error says what to do. Raised by every module here; the CLI prints them."""

from __future__ import annotations


class EngineError(Exception):
    """Any refusal or failure of the engine; its text is fit for a user."""

    told = False  # whether an event has carried it to the user already


class ProjectError(EngineError):
    """Pulumi.yaml or Pulumi.STACK.yaml can't be used as it is."""


class StackError(EngineError):
    """The stack doesn't exist, or exists already."""


class PassphraseError(EngineError):
    """No passphrase was given, or it doesn't open the stack's secrets."""


class StateError(EngineError):
    """The stack's checkpoint can't be read or written."""


class LockedError(EngineError):
    """Another process holds the stack's lock, or died holding it."""


class UnsupportedError(EngineError):
    """The program or the command asks for what this engine doesn't do."""

    def __init__(self, feature: str, where: str = "", instead: str = "use Pulumi's own CLI for this stack") -> None:
        self.feature = feature
        subject = f"{where}: " if where else ""
        super().__init__(f"{subject}{feature} is not supported by the embedded engine; {instead}")


class PluginError(EngineError):
    """A provider plugin wasn't found, didn't start, died, or answered what can't be used."""


class MalformedError(EngineError):
    """A program or a plugin sent a value that is none of Pulumi's."""


class PolicyPackError(EngineError):
    """A policy pack can't be loaded, is configured to what its rules don't take, or failed while it ran."""


class ResourceError(EngineError):
    """One resource's step failed; `urn` says which."""

    def __init__(self, urn: str, message: str) -> None:
        self.urn = urn
        super().__init__(message)


class InDoubtError(ResourceError):
    """A provider died or was cut off during a step: what it began may have been done or not."""


class ResourceInitError(ResourceError):
    """A resource was made or updated, but its provider says that it isn't right yet."""

    def __init__(self, urn: str, reasons: list[str], id_: str, outputs: dict[str, object], inputs: dict[str, object]) -> None:
        self.reasons, self.id, self.outputs, self.inputs = reasons, id_, outputs, inputs
        super().__init__(urn, "; ".join(reasons) or "the resource was made, but is not right yet")
