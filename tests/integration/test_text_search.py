"""Every task is found by its own content, whatever is written there."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph_orch.errors import ValidationError

CONTENTS = [
    "report.pdf",
    "don't",
    "10.0.0.12",
    "v2.13.9",
    "ada.lovelace+owls@example.com",
    "ns:key",
    "https://example.com/a?b=c&d#e",
    "/usr/local/lib",
    "snake_case and kebab-case",
    "C++ C# .NET",
    "यह हिन्दी में है",
    "ภาษาไทยไม่มีช่องว่าง",
    "தமிழ் மொழி",
    "日本語の文章",
    "한국어 문장",
    "العربية كَتَبَ",
    "שָׁלוֹם",
    "cafe\u0301 A\u030angstro\u0308m",
    "the of and to a",
    "foo AND bar OR NOT baz",
    '"quoted" \\ (a) [b TO c] {d} ~2 ^3 *x? !y',
    "field:words content:words",
    "\\u0041 \x00null\x1cseparator",
    "👨‍👩‍👧 family 🏳️‍🌈",
    "½ cup → done",
    "İstanbul STRASSE straße",
    "x" * 2_000,
    "😀" * 300,
]


def known_to_all(character: str) -> bool:
    """Whether every Java knows it: an older one leaves later marks where NFC moves them."""
    return unicodedata.ucd_3_2_0.category(character) != "Cn"


SCRIPTS = st.text(
    st.one_of(
        st.characters(categories=("L", "M", "N", "P", "S", "Z")),
        st.characters(codec="ascii"),
        *(
            st.characters(min_codepoint=start, max_codepoint=end, categories=("L", "M", "N", "P"))
            for start, end in ((0x370, 0x6FF), (0x900, 0xE7F), (0xF00, 0x18AF), (0x3040, 0x30FF))
        ),
    ).filter(known_to_all),
    min_size=1,
    max_size=40,
)
FORMS = ("NFC", "NFD")


def _found(orch, text: str) -> set[str]:
    ids: set[str] = set()
    page = orch.tasks.query_tasks({"text": text})
    ids.update(task.task_id for task in page)
    while page.next_cursor:
        page = orch.tasks.query_tasks({"text": text}, after=page.next_cursor)
        ids.update(task.task_id for task in page)
    return ids


def test_a_task_is_found_by_its_content(orch, new_task):
    ids = {content: new_task(content) for content in CONTENTS}
    for content, task_id in ids.items():
        for form in FORMS:
            assert task_id in _found(orch, unicodedata.normalize(form, content)), content
    assert _found(orch, "CASE kebab") == {ids["snake_case and kebab-case"]}  # in any order
    assert not _found(orch, "report don't")


@settings(
    max_examples=5, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(SCRIPTS, min_size=25, max_size=25))
def test_a_task_is_found_by_whatever_it_says(orch, contents):
    """Whatever else is there; a word first, as symbols alone are no words."""
    contents = ["word " + content for content in contents]
    ids = orch.tasks.create_tasks(
        [{"content": content, "task_type": "any"} for content in contents]
    )
    for content, task_id in zip(contents, ids, strict=True):
        for form in FORMS:
            assert task_id in _found(orch, unicodedata.normalize(form, content))


def test_long_texts(orch, new_task):
    words = [f"{number:x}" for number in range(1_025)]
    long = [new_task(" ".join(words)), new_task("日" * 10_001)]
    assert _found(orch, " ".join([*words[:1_024], *words[:9]])) == {long[0]}
    assert _found(orch, "日" * 1_000) == {long[1]}
    for text in (" ".join(words), "日" * 10_001, "x " * 500_000):
        with pytest.raises(ValidationError, match="at most 1,024"):
            orch.tasks.query_tasks({"text": text})


@pytest.mark.parametrize("text", ["", " \t\n", "?!", "_", "->", "\u200b", "\x00"])
def test_no_word_to_look_for(orch, text):
    with pytest.raises(ValidationError, match="no word"):
        orch.tasks.query_tasks({"text": text})


def test_contents_that_do_not_fit_together_are_indexed_all_the_same(orch, new_task, monkeypatch):
    monkeypatch.setattr("graph_orch._sync.querying.INDEX_CHARACTERS", 1_000)
    for size in (600, 600, 5_000, 1, 1):
        new_task("x" * size)
    assert orch.tasks.index_content() == 5
    assert orch.tasks.index_content() == 0


def test_a_search_that_is_refused_puts_nothing_into_the_index(orch, new_task):
    new_task("a word")
    with pytest.raises(ValidationError, match="no cursor"):
        orch.tasks.query_tasks({"text": "word"}, after="x")
    assert orch.tasks.index_content() == 1
