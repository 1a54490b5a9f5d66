"""Text conditions: what a model reads, how it is encoded, and a helpful refusal of everything else."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundloom.conditions.schema import Category, Schema
from soundloom.conditions.text import Text, normalised
from soundloom.data.index import Column, Entry, Index
from soundloom.data.labels import known, propose_conditions
from soundloom.runtime.settings import from_json, to_json

LETTERS = "abcdefghijklmnopqrstuvwxyz"
ENGLISH = Text("text", f" '\"-.,!?0123456789{LETTERS}", 40)
CASED = Text("text", " ABCdef", 20, fold_case=False)


def decoded(condition: Text, ids: np.ndarray) -> str:
    """The characters of token ids, up to the padding."""
    return "".join(condition.alphabet[number - 1] for number in ids[ids > 0])


def index_of(rows: list[dict[str, str]]) -> Index:
    """A scan of files with these labels."""
    entries = tuple(
        Entry(f"{n}.wav", f"{n}.wav", 8000, 8000, 1, "wav pcm_16", str(n), row, f"{n}.wav")
        for n, row in enumerate(rows)
    )
    names = dict.fromkeys(name for row in rows for name in row)
    return Index(Path("x"), entries, (), (), tuple(Column(name, name, "") for name in names))


def test_a_learned_alphabet_holds_the_characters_of_the_normalised_texts_in_order():
    condition = Text.learned("text", ["Zwei  Bier", "Ärger!"])
    assert condition.alphabet == "".join(sorted(set("zwei bierärger!")))
    assert condition.longest == len("zwei bier")
    assert condition.fold_case


def test_without_folding_a_learned_alphabet_keeps_both_cases():
    condition = Text.learned("text", ["Ab", "aB"], fold_case=False)
    assert condition.alphabet == "ABab"
    assert condition.check("Ab") == "Ab"


def test_texts_that_are_equal_once_normalised_count_as_one():
    with pytest.raises(ValueError, match="text has 1 different texts; a condition needs at least 2, leave it out"):
        Text.learned("text", ["One two", " one  TWO ", "", "  "])


def test_damaged_texts_add_no_control_characters_to_a_learned_alphabet():
    """And what `knows` accepts, `check` accepts: labels of a training set never raise."""
    condition = Text.learned("text", ["ab", "ba", "a\x00b"])
    assert condition.alphabet == "ab"
    assert not condition.knows("a\x00b")


def test_a_joiner_that_a_script_needs_is_learned_and_read():
    persian = "می\u200cخواهم"  # zero width non-joiner, of the category of control characters
    condition = Text.learned("text", [persian, "سلام"])
    assert condition.check(persian) == persian


@pytest.mark.parametrize(
    ("alphabet", "longest", "sentence"),
    [
        ("", 5, "alphabet is '' but must hold characters, each of them once"),
        ("abca", 5, "alphabet is 'abca' but must hold characters, each of them once"),
        ("abc", 0, "longest is 0 but must be at least 1 character"),
    ],
)
def test_a_text_condition_without_a_proper_alphabet_or_length_is_refused(alphabet, longest, sentence):
    with pytest.raises(ValueError, match=f"text: {sentence}"):
        Text("text", alphabet, longest)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("Hello", "hello"),
        ("  two \t words\n", "two words"),
        ("non\u00a0breaking", "non breaking"),
        ("1984", "1984"),
        (1984, "1984"),
        (1984.0, "1984"),
        (12345678.0, "12345678"),
        (np.float64(7), "7"),
        (2.5, "2.5"),
        (-3, "-3"),
    ],
)
def test_a_text_is_read_with_single_spaces_in_lower_case_and_a_number_as_its_digits(given, read):
    assert ENGLISH.check(given) == read


def test_composed_and_decomposed_accents_are_one_character():
    condition = Text("text", "caféx", 10)
    assert condition.check("cafe\u0301") == condition.check("caf\u00e9") == "caf\u00e9"
    assert condition.encode("cafe\u0301").tolist() == [1, 2, 3, 4, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("condition", "text", "sentence"),
    [
        (
            ENGLISH,
            "Café au lait",
            r"the model knows no 'é' \(U\+00E9 LATIN SMALL LETTER E WITH ACUTE\); try 'cafe au lait'",
        ),
        (ENGLISH, "don’t “stop” — now…", r"""knows no '’' .*; try 'don\\'t "stop" - now\.\.\.'"""),
        (ENGLISH, "«Ça va»", """; try '"ca va"'"""),
        (ENGLISH, "smørrebrød på Straße", "; try 'smorrebrod pa strasse'"),
        (ENGLISH, "ﬁne", "; try 'fine'"),
        (ENGLISH, "nice 😀", "knows no '😀' .*; try 'nice'"),
        (CASED, "aBC DEF", r"knows no 'a' .*; try 'ABC def'"),
        (ENGLISH, "привет", r"knows no 'п' \(U\+043F CYRILLIC SMALL LETTER PE\); it reads "),
        (ENGLISH, "こんにちは ok", "; it reads "),
        (ENGLISH, "😀", "; it reads "),
        (ENGLISH, "a\x00b", r"text holds the control character U\+0000; write it without"),
        (ENGLISH, "a\u200bb", r"text holds the control character U\+200B ZERO WIDTH SPACE; write it without"),
        (ENGLISH, "\ufeffab", r"text holds the control character U\+FEFF ZERO WIDTH NO-BREAK SPACE"),
        (ENGLISH, "", "text is empty; write a text, or leave the condition out"),
        (ENGLISH, " \t\n", "text is empty"),
        (ENGLISH, "a" * 41, "text has 41 characters but the model knows texts of up to 40; shorten it"),
        (ENGLISH, None, "text is None but must be a text; put it in quotes"),
        (ENGLISH, True, "text is True but must be a text; put it in quotes"),
        (ENGLISH, ["a"], "but must be a text"),
    ],
)
def test_a_text_that_the_model_cannot_read_is_refused_with_the_nearest_that_it_can(condition, text, sentence):
    with pytest.raises(ValueError, match=sentence):
        condition.check(text)


@given(st.text(max_size=60))
def test_the_text_that_a_refusal_suggests_is_one_that_the_model_reads(text):
    try:
        ENGLISH.check(text)
    except ValueError as refusal:
        before, found, suggestion = str(refusal).partition("; try ")
        if found and len(suggestion) < 40:
            assert ENGLISH.knows(suggestion[1:-1].replace("\\'", "'")), before


def test_a_long_alphabet_is_shortened_in_a_refusal():
    condition = Text("text", "".join(map(chr, range(0x4E00, 0x4E00 + 500))), 20)
    with pytest.raises(ValueError, match=r"it reads '.{57}\.\.\.'$"):
        condition.check("abc")


@pytest.mark.parametrize("longest", [1, 5])
def test_a_text_of_the_longest_length_is_read(longest):
    condition = Text("text", "ab", longest)
    assert condition.check("a" * longest) == "a" * longest
    assert (condition.encode("a" * longest) == 1).all()


@given(st.text(st.sampled_from(ENGLISH.alphabet.upper() + ENGLISH.alphabet + "\t\u00a0"), max_size=45))
def test_the_token_ids_of_what_is_accepted_decode_to_the_text(text):
    if not ENGLISH.knows(text):
        return
    ids = ENGLISH.encode(text)
    assert (ids.dtype, ids.shape) == (np.int64, (40,))
    assert decoded(ENGLISH, ids) == ENGLISH.check(text) == normalised(text)
    length = len(ENGLISH.check(text))
    assert (ids[:length] > 0).all()
    assert not ids[length:].any()


@given(st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=6), st.booleans())
def test_texts_of_any_script_that_were_learned_are_accepted_and_decode_back(texts, fold_case):
    try:
        condition = Text.learned("text", texts, fold_case)
    except ValueError:
        return  # fewer than two different ones
    for text in filter(condition.knows, texts):
        read = condition.check(text)
        assert condition.check(read) == read == unicodedata.normalize("NFC", read)
        assert decoded(condition, condition.encode(text)) == read


@given(st.text(max_size=20))
def test_knowing_a_text_and_accepting_it_are_the_same(text):
    condition = Text("text", "abc ĉ\u200c", 8)
    try:
        condition.check(text)
    except ValueError:
        assert not condition.knows(text)
    else:
        assert condition.knows(text)


def test_texts_become_token_ids_with_lengths_beside_the_dense_row():
    schema = Schema((Category("kind", ("a", "b")), Text("text", "xyz", 4)))
    rows = [{"kind": "a", "text": "zyx"}, {"kind": "b", "text": None}, {"kind": "b"}]
    tokens = schema.tokens(rows)["text"]
    assert tokens.ids.tolist() == [[3, 2, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert tokens.lengths.tolist() == [3, 0, 0]
    assert schema.width == 3  # the text has no column


def test_a_text_condition_is_stored_as_json_and_comes_back():
    schema = Schema((ENGLISH, CASED))
    assert from_json(Schema, to_json(schema)) == schema


def test_a_text_condition_describes_itself():
    found = Text("text", "abc", 9).to_dict()
    assert (found["name"], found["kind"], found["alphabet"], found["longest"]) == ("text", "text", "abc", 9)


SPOKEN = [{"text": text, "speaker": f"s{n % 3}"} for n, text in enumerate(("Hello", "1984", "good bye", "42", "Hello"))]


def test_a_text_column_with_numbers_in_some_rows_is_text_in_all():
    schema = propose_conditions(index_of(SPOKEN), texts=True)
    (text,) = schema.texts
    assert set("1984") <= set(text.alphabet)
    assert [known(schema, row)["text"] for row in SPOKEN] == ["hello", "1984", "good bye", "42", "hello"]


def test_a_text_column_of_numbers_alone_is_text_for_a_system_that_reads_texts():
    rows = [{"transcript": str(number)} for number in (7, 1984, 12)]
    (text,) = propose_conditions(index_of(rows), texts=True).conditions
    assert (text.type, text.alphabet, text.longest) == ("text", "124789", 4)


def test_a_system_that_reads_no_texts_is_offered_none():
    assert propose_conditions(index_of(SPOKEN)).names == ()
    with pytest.raises(ValueError, match="text is a text, which this system does not read; leave it out, or"):
        propose_conditions(index_of(SPOKEN), ["text"])


def test_any_column_may_be_asked_for_as_a_text_and_a_text_as_a_category():
    (speaker,) = propose_conditions(index_of(SPOKEN), ["speaker:text"], texts=True).conditions
    assert (speaker.type, speaker.alphabet) == ("text", "012s")
    (text,) = propose_conditions(index_of(SPOKEN), ["text:category"], texts=True).conditions
    assert text.values == ("42", "1984", "Hello", "good bye")


def test_one_text_in_all_rows_is_not_proposed():
    assert propose_conditions(index_of([{"text": "same"}] * 4), texts=True).names == ()


def test_a_label_that_the_condition_cannot_read_is_unknown_and_not_an_error():
    schema = Schema((Text("text", "abc", 3),))
    labels = ("abc", "abcd", "x", "", "a\x00", "ab\u200b", None)
    found = [known(schema, {} if label is None else {"text": label})["text"] for label in labels]
    assert found == ["abc", None, None, None, None, None, None]
