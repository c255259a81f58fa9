"""DOM-IMG-009: A function's code is named by its hash."""

from __future__ import annotations

from parts import function

UNKNOWN = "undecided"


def passing(at):
    function(at, source_code_hash="G2b8rFDmdceDFRguSHg0Y2v0/IRiYQdBGaGwwBFcS/0=")


def failing(at):
    function(at)


def unknown(at):
    function(at, source_code_hash=at.unknown)
