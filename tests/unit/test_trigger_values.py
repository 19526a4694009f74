"""What makes triggers fire, and what fills their templates, without a store."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_orch import ValidationError
from graph_orch.domain.models.triggers import When
from graph_orch.domain.patterns import Pattern
from graph_orch.domain.templates import Template
from graph_orch.domain.triggers import GRACE, MICRO, Evaluation, Rule, Seen, firing_key, hits


def rule(name, pattern, when=None, position=0, **filters):
    condition = None if when is None else When.parsed("when", when)
    expected = None if condition is None or condition.expect is None else condition.expect
    return Rule(
        name,
        Pattern.of(pattern),
        filters,
        condition,
        None if expected is None else Pattern.of(expected),
        position,
        0,
    )


RULES = [
    rule("each", "created:a*"),
    rule("from 5", "created,completed", position=5),
    rule("thirds", "created", {"count": 3, "within_seconds": 4, "for_each": "skill"}),
    rule("ever", "completed:b", {"count": 2, "for_each": ["agent_id", "task_type"]}),
    rule("late", "created", {"expect": "completed", "within_seconds": 3, "for_each": "task_id"}),
    rule("beats", "created:a", {"expect": "created:a", "within_seconds": 2}),
    rule("of eve", "completed", agent_id="eve"),
]
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["created", "completed", "failed"]),
        st.integers(0, 3),
        st.sampled_from(["a", "ab", "b"]),
        st.sampled_from([None, "ada", "eve"]),
        st.sampled_from([(), ("x",), ("x", "y")]),
        st.sampled_from(["t1", "t2", "t3"]),
    ),
    max_size=40,
)


def seen_of(rows):
    now = 0
    for place, (type_, seconds, kind, agent, skills, task) in enumerate(rows, 1):
        now += seconds * MICRO
        yield Seen(place, type_, now, f"e{place}", task, kind, None, agent, (), skills)


def matches(pages):
    """What fired, where what is kept goes from page to page as through a store."""
    found: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
    groups = {}
    now = 0
    for page in pages:
        evaluation = Evaluation(groups)
        for hit in hits(RULES, page):
            evaluation.add(hit)
        now = max([now, *(it.at for it in page)])
        for name, some in evaluation.matches.items():
            found.setdefault(name, []).extend((it.position, tuple(it.values)) for it in some)
    last = Evaluation(groups)
    for one in RULES:
        for key in list(groups):
            if one.expected is not None and key.startswith(f'["{one.name}",'):
                last.expire(one, key, now - GRACE)
    for name, some in last.matches.items():
        found.setdefault(name, []).extend((it.position, tuple(it.values)) for it in some)
    return {name: sorted(some) for name, some in found.items()}


@given(EVENTS, st.lists(st.integers(1, 9), max_size=20))
def test_pages_of_any_size_find_the_same(rows, sizes):
    events = list(seen_of(rows))
    pages, start = [], 0
    for size in sizes:
        pages.append(events[start : start + size])
        start += size
    pages.append(events[start:])
    assert matches(pages) == matches([events])


@given(EVENTS)
def test_what_fires_is_what_the_log_says(rows):
    events = list(seen_of(rows))
    found = matches([events])
    each = [(it.position, ()) for it in events if it.type == "created" and it.task_type[0] == "a"]
    assert found.get("each", []) == each
    later = [(it.position, ()) for it in events if it.position > 5 and it.type != "failed"]
    assert found.get("from 5", []) == later
    of_eve = [it.position for it in events if it.type == "completed" and it.agent_id == "eve"]
    assert [place for place, _ in found.get("of eve", [])] == of_eve
    counted: dict[str, list[int]] = {}
    thirds = []
    for it in events:
        for skill in it.skill if it.type == "created" else ():
            times = [at for at in counted.get(skill, []) if at > it.at - 4 * MICRO] + [it.at]
            if len(times) == 3:
                thirds.append((it.position, (skill,)))
                times = []
            counted[skill] = times
    assert found.get("thirds", []) == sorted(thirds)


@pytest.mark.parametrize("pattern", ["created:" + "a*" * 90 + "b", "created:" + "?*" * 90 + "b"])
def test_a_hostile_pattern_takes_no_longer(pattern):
    began = time.perf_counter()
    assert not Pattern.of(pattern).is_type("a" * 200)
    assert Pattern.of(pattern).is_type("a" * 199 + "b")
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize("glob", ["a.c", "a*c", "?", "*", "[a]", "a\nb", "x*y*z", "\\Q*", "(?i)a"])
@pytest.mark.parametrize("text", ["a.c", "abc", "a", "[a]", "a\nb", "xyz", "\\Qx", "A", "(?i)a"])
def test_a_glob_means_stars_and_question_marks_only(glob, text):
    def means(pattern, rest):
        if not pattern:
            return not rest
        if pattern[0] == "*":
            return any(means(pattern[1:], rest[at:]) for at in range(len(rest) + 1))
        return bool(rest) and pattern[0] in ("?", rest[0]) and means(pattern[1:], rest[1:])

    assert Pattern.of(f"created:{glob}").is_type(text) is means(glob, text)


VALUES = {
    "event": {"task_id": "7", "agent_id": None, "n": 3},
    "task": {"result": {"a b": ["x", {"y": "{event.n}"}], "keys": 1}, "content": "c"},
}


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{event.task_id}", "7"),
        ("{event.n}", 3),
        ("n={event.n}, {event.agent_id}!", "n=3, !"),
        ("{task.result.a b.0}", "x"),
        ("{task.result.a b.1}", {"y": "{event.n}"}),  # what is filled in is not filled again
        ("{{event.n}} {task.content}", "{event.n} c"),
        ({"{event.n}": ["{event.n}", True, None, 1.5]}, {"{event.n}": [3, True, None, 1.5]}),
        ("{task.result.keys}", 1),
    ],
)
def test_a_template_is_filled(template, filled):
    assert Template("t", template).filled(VALUES) == filled


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{event.__class__}", "there is no {event.__class__}: event has agent_id, n, task_id"),
        ("{task.content.upper}", 'task.content is "c"'),
        ("{task.result.a b.2}", "task.result.a b is a list of 2"),
        ("{task.result.a b.-1}", "task.result.a b is a list of 2"),
        ("{task.result.a b.٣}", "task.result.a b is a list of 2"),
        ("x {trigger.name}", "there is no {trigger.name}: what is known has event, task"),
    ],
)
def test_a_place_that_is_not_there(template, message):
    with pytest.raises(ValidationError) as refused:
        Template("t", template).filled(VALUES)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "text", ["{", "}", "{event}}", "{}", "{event.}", "{os.x}", "{0}", "{event!r}"]
)
def test_what_is_no_template(text):
    with pytest.raises(ValidationError):
        Template("t", [text])


def test_what_a_template_makes_has_a_limit():
    values = {"task": {"result": "x" * 1_000_000}}
    with pytest.raises(ValidationError, match="more than 32,000,000 bytes"):
        Template("t", ["{task.result}" * 10] * 1_000).filled(values)


def test_keys_of_firings_are_short_and_tell_triggers_apart():
    assert firing_key("t", 5) == "trigger:t:5"
    long, other = firing_key("x" * 200, 2**63), firing_key("x" * 199 + "y", 2**63)
    assert len(long) <= 190
    assert long != other
