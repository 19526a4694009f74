"""What names may be: every character is seen, and none imitates a name that the system makes."""

from __future__ import annotations

import json

import pytest

from graph_orch import NewTask, ValidationError
from graph_orch.domain.characters import visible, visible_json
from graph_orch.domain.fields import NAME, NEW_NAME, NEW_SKILLS, command_id_of
from graph_orch.domain.forms import skill_key

HIDDEN = {
    "zero width space": "\u200b",
    "zero width joiner": "\u200d",
    "zero width non-joiner": "\u200c",
    "byte order mark": "\ufeff",
    "word joiner": "\u2060",
    "soft hyphen": "\u00ad",
    "variation selector": "\ufe0f",
    "other variation selector": "\U000e0101",
    "tag": "\U000e0041",
    "Hangul filler": "\u3164",
    "Hangul choseong filler": "\u115f",
    "halfwidth filler": "\uffa0",
    "Braille blank": "\u2800",
    "combining grapheme joiner": "\u034f",
    "right-to-left override": "\u202e",
    "isolate": "\u2066",
    "line separator": "\u2028",
    "no-break space": "\u00a0",
    "unit separator": "\x1f",
    "escape": "\x1b",
    "next line": "\x85",
    "line feed": "\n",
    "null": "\x00",
    "private use": "\ue000",
    "not assigned": "\U000e0fff",
    "Devanagari virama": "\u094d",
    "Myanmar virama": "\u1039",
    "Khmer coeng": "\u17d2",
    "Tifinagh consonant joiner": "\u2d7f",
    "Brahmi number joiner": "\U0001107f",
    "Zanabazar subjoiner": "\U00011a47",
    "Duployan thick letter selector": "\U0001bc9d",
}


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
def test_no_new_name_differs_by_what_cannot_be_seen(hidden):
    for name in (f"a{hidden}b", f"🎉{hidden}🎉"):
        with pytest.raises(ValidationError, match=f"U\\+{ord(hidden):04X}") as raised:
            NEW_NAME.of("agent_id", name)
        assert str(raised.value).isprintable()
        with pytest.raises(ValidationError, match="cannot be seen"):
            NEW_SKILLS.of("capabilities", ["python", name])
        for field in ("task_type", "idempotency_key", "concurrency_key"):
            with pytest.raises(ValidationError, match=f"{field}: holds"):
                NewTask(**{"content": hidden, "task_type": "any"} | {field: name})
        assert NAME.of("agent_id", name) == name  # what has such a name is still found by it
    assert NewTask(content=f"a{hidden}b", task_type="any").content == f"a{hidden}b"


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        "می‌خواهم",  # Persian: without the non-joiner its letters would be joined
        "क्‍ष",
        "ශ්‍රී",
        "क़्षि",  # a nukta stands between the letter and its virama
        "ဥက္ကဋ္ဌ",
        "သင်္ဘော",
        "ភ្នំពេញ",
        "ⵎ\u2d7fⵜ",
        "\U00011052\U0001107f\U00011053",
        "தமிழ்",
        "อสฺส",
        "שלום",
        "日本語",
        "🎉",
        "👍🏽",
        "🇩🇪",
        "naïve",
        "a/b:c.d-e_f",
        "../../etc/passwd",
        "--help",
        "%s{}",
        "x" * 200,
    ],
)
def test_names_of_all_scripts(name):
    assert NEW_NAME.of("agent_id", name) == name
    assert visible(name) == name


@pytest.mark.parametrize("name", ["د‌ر", "a‌b", "ب‌ ", "‌ب"])
def test_a_joiner_that_changes_nothing_is_refused(name):
    with pytest.raises(ValidationError, match="U\\+200C"):
        NEW_NAME.of("agent_id", f"x{name}x")


@pytest.mark.parametrize(
    "name",
    [
        "bob\u094d",
        "bob\u094d\u200d",
        "क\u09cd",  # a Bengali virama on a letter of Devanagari
        "\u094d\u200dक",
        "क" + "\u093c" * 40 + "\u094d",
        "က\u1039",  # nothing is stacked
        "က\u1039\u1039က",
        "က\u1039x",
        "ka\u1039\u200c",
    ],
)
def test_a_virama_without_letters_of_its_script_is_refused(name):
    with pytest.raises(ValidationError, match="VIRAMA"):
        NEW_NAME.of("agent_id", name)
    assert visible(name) != name
    assert not any(joiner in visible(name) for joiner in "\u200c\u200d")


def test_a_text_of_many_marks_is_looked_through_once():
    assert visible("\u094d" * 100_000) == "\\u094d" * 100_000


def test_composed_and_decomposed_are_one():
    assert NEW_NAME.of("agent_id", "cafe\u0301") == NEW_NAME.of("agent_id", "caf\u00e9")
    assert NEW_NAME.of("agent_id", " ada\n") == "ada"


@pytest.mark.parametrize("name", ["", " ", "\x1f", "\x1f\u0301", "\u3164", "\u200b"])
def test_no_name_is_empty_to_the_eye(name):
    for check in (NAME, NEW_NAME):
        with pytest.raises(ValidationError, match="is empty"):
            check.of("agent_id", name)
    assert skill_key("x") != ""


@pytest.mark.parametrize("key", ["schedule:nightly:2026-01-01T00:00:00+00:00", "a2a:message-1"])
def test_keys_that_the_system_makes_cannot_be_given(key):
    with pytest.raises(ValidationError, match="that graph_orch makes itself"):
        NewTask(content="x", task_type="any", idempotency_key=key)
    assert NewTask(content="x", task_type="any").with_own_key(key).idempotency_key == key


HEX = "0123456789abcdef" * 2


@pytest.mark.parametrize("end", ["c", "s", ":0", ":0s", f":{HEX}", ":\u00e9"])
def test_command_ids_that_the_system_makes_cannot_be_given(end):
    with pytest.raises(ValidationError, match="makes itself"):
        command_id_of(HEX + end)


@pytest.mark.parametrize("given", [HEX, HEX * 2, f"{HEX[:31]}c", "mine:0", f"x{HEX}c"])
def test_command_ids_of_clients(given):
    assert command_id_of(given) == given


TEXTS = ["\x1b[2J", "\u009b2J", "a\nb\r\tc", "\u202eabc\u2069", "\U000e0041", "x\u200b", '"\\']


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_shown_is_one_line_that_drives_no_terminal(text):
    shown = visible(text)
    assert shown.isprintable()
    assert visible(shown) == shown
    for indent in (None, 2):
        written = json.dumps({text: [text]}, ensure_ascii=False, indent=indent)
        found = visible_json(written)
        assert found.replace("\n", "").isprintable()
        assert json.loads(found) == {text: [text]}


@pytest.mark.parametrize("text", ["👩\u200d💻", "❤\ufe0f", "1\ufe0f", "ع\u0644", "日本\u3000語"])
def test_what_shapes_what_is_seen_stays(text):
    assert visible(text) == visible_json(text) == text
