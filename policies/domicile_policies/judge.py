"""Rules and resources in, findings out. Used by the pack's service in a preview or an update, and at once for a stack's live state.

A rule of one resource that meets what isn't known in a preview is deferred: it is asked again when the whole stack is there, with what each
value is made from. What then still isn't decided is a violation at the rule's level; nothing passes because it couldn't be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from traceback import extract_tb

from domicile_policies.exceptions import Exemption
from domicile_policies.findings import Excepted, Finding, RuleFacts
from domicile_policies.parameters import Setting
from domicile_policies.resource import NotKnown, Resource, Stack
from domicile_policies.rule import Asked, Rule, Violation

STACK_TYPE = "pulumi:pulumi:Stack"


@dataclass
class _Answer:
    """What a rule said: `missing` is the path that it would have had to read."""

    violations: list[Violation] = field(default_factory=list)
    missing: str | None = None
    crashed: str = ""


class Judge:
    """Judges one operation on one stack. `preview`: values may be unknown, and the whole stack is judged in the end."""

    def __init__(
        self,
        rules: Mapping[str, Rule],
        settings: Mapping[str, Setting],
        config: Mapping[str, str],
        preview: bool,
        today: date | None = None,
    ) -> None:
        self._settings, self._preview, self._today = settings, preview, today or date.today()
        self.facts = {
            name: RuleFacts(each.title, each.why, each.fix, each.severity, settings[name].level, each.controls)
            for name, each in rules.items()
        }
        self._rules = [rule for name, rule in rules.items() if settings[name].level != "disabled"]
        self._asked = {rule.id: Asked(settings[rule.id].parameters, config, preview) for rule in self._rules}
        self._by_type: dict[str, list[Rule]] = {}
        self._deferred: dict[str, list[Rule]] = {}
        self._found: dict[str, list[Finding]] = {}
        """By URN, as a resource may be judged anew; what concerns the stack is under the empty text."""
        self._spared: dict[tuple[str, Exemption], list[Finding]] = {}
        self._resources: dict[str, Resource] = {}

    # -- judging --------------------------------------------------------------------------------------------------------

    def resource(self, resource: Resource) -> list[Finding]:
        """What is wrong with one resource, as far as it can be told from itself."""
        self._resources[resource.urn] = resource
        deferred: list[Rule] = []
        found: list[Finding] = []
        for rule in self._about(resource):
            answer = self._ask(rule, resource)
            if answer.missing is not None and self._preview:
                deferred.append(rule)
                answer.missing = None
            found += self._findings(rule, answer, resource)
        self._deferred[resource.urn] = deferred
        self._found[resource.urn] = self._not_spared(found)
        return self._found[resource.urn]

    def stack(self, stack: Stack) -> list[Finding]:
        """What is wrong with the whole, and what is now told of rules that were deferred: beside what `resource` has said."""
        self._resources |= {resource.urn: resource for resource in stack.resources}
        told = {finding for each in self._found.values() for finding in each}
        found = [*self._decided(), *self._of_the_whole(stack)]
        found = [each for each in self._not_spared(found) if each not in told]
        self._found[""] = [*found, *self._stale(stack)]
        return self._found[""]

    def whole(self, stack: Stack) -> list[Finding]:
        """Everything at once, of a stack whose values are all there."""
        found = [finding for resource in stack.resources for finding in self.resource(resource)]
        return [*found, *self.stack(stack)]

    def _decided(self) -> Iterator[Finding]:
        for urn, rules in self._deferred.items():
            resource = self._resources[urn]
            for rule in rules:
                yield from self._findings(rule, self._ask(rule, resource), resource)

    def _of_the_whole(self, stack: Stack) -> Iterator[Finding]:
        root = next(iter(stack.of(STACK_TYPE)), Resource(STACK_TYPE, "", "", {}))
        for rule in self._rules:
            if rule.check_stack:
                yield from self._findings(rule, self._ask(rule, stack), root)

    def _about(self, resource: Resource) -> list[Rule]:
        if resource.type not in self._by_type:
            self._by_type[resource.type] = [rule for rule in self._rules if rule.check and resource.is_a(*rule.about)]
        return self._by_type[resource.type]

    def _ask(self, rule: Rule, about: Resource | Stack) -> _Answer:
        answer = _Answer()
        try:
            check = rule.check(about, self._asked[rule.id]) if isinstance(about, Resource) and rule.check else None
            if check is None and rule.check_stack and isinstance(about, Stack):
                check = rule.check_stack(about, self._asked[rule.id])
            for violation in check or ():
                answer.violations.append(violation)
        except NotKnown as error:
            answer.missing = error.path
        except Exception as error:  # whatever it falls over: it must not let anything through
            place = extract_tb(error.__traceback__)[-1]
            answer.crashed = f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"  # its words may quote a value
        return answer

    # -- findings -------------------------------------------------------------------------------------------------------

    def _findings(self, rule: Rule, answer: _Answer, about: Resource) -> Iterator[Finding]:
        level = self._settings[rule.id].level
        for violation in answer.violations:
            on = violation.resource or about
            yield Finding(rule.id, level, on.urn, on.type, on.name, violation.path, violation.message)
        if answer.missing is not None:
            when = "can't be decided in a preview" if self._preview else "can't be decided"
            said = f"{when}: {answer.missing or 'a value'} isn't known before it is made; make it known"
            yield Finding(rule.id, level, about.urn, about.type, about.name, answer.missing, said, undecided=True)
        if answer.crashed:
            said = f"the rule itself failed: {answer.crashed}. That is a fault of the pack; until it is mended, nothing passes this rule"
            yield Finding(rule.id, "mandatory", about.urn, about.type, about.name, "", said, undecided=True)

    def _not_spared(self, found: Iterable[Finding]) -> list[Finding]:
        """Without what an exception covers, which is noted."""
        left = []
        for finding in dict.fromkeys(found):
            exemption = self._exemption(finding)
            if exemption:
                spared = self._spared.setdefault((finding.rule, exemption), [])
                spared += [] if finding in spared else [finding]
            else:
                left.append(finding)
        return left

    def _exemption(self, finding: Finding) -> Exemption | None:
        on = self._resources.get(finding.urn) or Resource(finding.type, finding.name, finding.urn, {})
        valid = (each for each in self._settings[finding.rule].exceptions if not each.expired(self._today))
        return next((each for each in valid if each.covers(on)), None)

    def _stale(self, stack: Stack) -> Iterator[Finding]:
        """Exceptions that hold no more: a promise with a date is kept, whatever the rule's level."""
        root = next(iter(stack.of(STACK_TYPE)), Resource(STACK_TYPE, "", "", {}))
        for each in self.excepted(stack.resources):
            if each.state in ("expired", "unmatched"):
                why = f"expired on {each.expires}" if each.state == "expired" else "matches no resource of this stack"
                said = f"the exception for {each.resource} (owner {each.owner}) {why}: mend the resource, or renew or remove the exception"
                yield Finding(each.rule, "mandatory", root.urn, root.type, root.name, "exceptions", said)

    def excepted(self, resources: Iterable[Resource] | None = None) -> list[Excepted]:
        """What became of every exception."""
        there = list(self._resources.values() if resources is None else resources)
        return [self._became(rule.id, each, there) for rule in self._rules for each in self._settings[rule.id].exceptions]

    def _became(self, rule: str, each: Exemption, there: list[Resource]) -> Excepted:
        spared = self._spared.get((rule, each), [])
        if each.expired(self._today):
            state = "expired"
        elif spared:
            state = "applied"
        else:
            state = "idle" if any(each.covers(resource) for resource in there) else "unmatched"
        return Excepted(rule, each.resource, each.reason, each.owner, each.expires.isoformat(), state, tuple(spared))  # type: ignore[arg-type]

    @property
    def found(self) -> list[Finding]:
        """All findings so far that no exception covers."""
        return [finding for each in self._found.values() for finding in each]

    @property
    def resources(self) -> list[Resource]:
        return list(self._resources.values())
