"""Rules of every kind, by which the pack's own machinery is tried: served exactly as the real ones are."""

from domicile_policies.analyzer import serve
from domicile_policies.rule import RULES, Violation, rule, stack_rule

QUEUE, KEY = "aws:sqs/queue:Queue", "aws:kms/key:Key"
WORDS = {"why": "It is tried.", "fix": "Say it otherwise.", "severity": "high", "controls": ("NIST:SC-7",)}


@rule("DOM-KEY-901", "A queue is encrypted with a key of this stack.", QUEUE, **WORDS)
def own_key(resource, asked):
    """Decided from what the key is made of, where it isn't known."""
    made = resource.sources("kmsMasterKeyId") or ()
    own = not resource.known("kmsMasterKeyId") and any(each.type == KEY for each in made)
    if not own and not resource.get("kmsMasterKeyId"):
        yield Violation("kmsMasterKeyId", "is absent")


@rule(
    "DOM-KEY-902",
    "A queue keeps messages long enough.",
    QUEUE,
    **WORDS,
    parameters={"seconds": {"type": "integer", "minimum": 60, "default": 600}},
)
def kept(resource, asked):
    if resource.get("messageRetentionSeconds", 345600) < asked.parameters["seconds"]:
        yield Violation("messageRetentionSeconds", f"is below {asked.parameters['seconds']}")


@rule("DOM-KEY-903", "A queue hides no fault of a rule.", QUEUE, **WORDS, level="advisory")
def crashes(resource, asked):
    if resource.name.endswith("crash"):
        raise RuntimeError(resource.get("tags.secret"))
    yield from ()


@stack_rule("DOM-KEY-904", "A stack has at most two queues.", **WORDS)
def few(stack, asked):
    queues = stack.of(QUEUE)
    for extra in queues[2:]:
        yield Violation("", f"is queue {queues.index(extra) + 1} of {len(queues)}", extra)


@stack_rule("DOM-KEY-905", "No queue is named by what isn't known.", **WORDS)
def named(stack, asked):
    for queue in stack.of(QUEUE):
        if queue.get("name") == "bad":
            yield Violation("name", "is bad", queue)


serve(dict(sorted(RULES.items())))
