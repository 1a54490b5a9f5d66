"""Labels become the conditions that their columns are worth, and splits keep groups whole."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from corpus import save
from hypothesis import given, settings
from hypothesis import strategies as st

from soundloom.conditions.schema import Category, Scalar
from soundloom.data.groups import choose_groups, split_by_group
from soundloom.data.index import Column, Entry, Index
from soundloom.data.labels import known, propose_conditions, read_labels
from soundloom.data.scan import scan


def entries_of(rows: list[dict[str, str]], group: str = "") -> Index:
    entries = tuple(
        Entry(f"{n}.wav", f"{n}.wav", 8000, 8000, 1, "wav pcm_16", str(n), row, row.get(group, f"{n}.wav"))
        for n, row in enumerate(rows)
    )
    names = dict.fromkeys(name for row in rows for name in row)
    units = {"pitch": "MIDI"}
    return Index(Path("x"), entries, (), (), tuple(Column(name, name, units.get(name, "")) for name in names))


NOTES = [
    {
        "instrument": f"i{n % 5}",
        "family": ("reed", "brass")[n % 2],
        "pitch": str(40 + n % 30),
        "velocity": ("50", "110")[n % 2],
        "take": str(n),
        "licence": ("MIT", "CC0")[n % 2],
    }
    for n in range(60)
]


def test_conditions_are_proposed_by_what_the_columns_hold():
    schema = propose_conditions(entries_of(NOTES))
    assert schema.names == ("family", "pitch", "velocity")
    assert schema["family"] == Category("family", ("brass", "reed"))
    assert schema["pitch"] == Scalar("pitch", tuple(float(n) for n in range(40, 70)), "MIDI")
    assert schema["velocity"] == Scalar("velocity", (50.0, 110.0))


def test_a_named_condition_may_carry_its_type():
    index = entries_of(NOTES)
    assert propose_conditions(index, ["velocity:category"])["velocity"] == Category("velocity", ("50", "110"))
    assert isinstance(propose_conditions(index, ["take:scalar"])["take"], Scalar)
    assert propose_conditions(index, ["licence", "instrument"]).names == ("licence", "instrument")
    assert propose_conditions(index, []).names == ()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("famly", "no label 'famly' in this folder; did you mean 'family'"),
        ("family:scalar", "family has 0 distinct numbers"),
        ("family:categry", "did you mean 'category'"),
        ("only", "only has 1 values? in this folder; a condition needs at least 2"),
    ],
)
def test_an_impossible_condition_is_refused(asked: str, words: str):
    with pytest.raises(ValueError, match=words):
        propose_conditions(entries_of([row | {"only": "one"} for row in NOTES]), [asked])


def test_columns_with_too_many_too_few_or_too_rare_values_are_not_proposed():
    rows = [{"free": f"text {n}", "same": "x", "kind": str(n % 3)} for n in range(40)]
    for row in rows[:8]:
        row["rare"] = ("a", "b")[len(row) % 2]
    schema = propose_conditions(entries_of(rows))
    assert schema["kind"] == Category("kind", ("0", "1", "2"))
    assert schema.names == ("kind",)


def test_whole_numbers_are_names_when_they_are_few_and_amounts_when_they_are_many():
    rows = [{"few": str(n % 10), "many": str(n % 20), "parts": str(n % 4 / 4)} for n in range(100)]
    index = entries_of(rows)
    assert propose_conditions(index, ["few"])["few"] == Category("few", tuple("0123456789"))
    assert isinstance(propose_conditions(index, ["many"])["many"], Scalar)
    assert isinstance(propose_conditions(index, ["parts"])["parts"], Scalar)


def test_a_column_of_numbers_and_text_is_a_category():
    schema = propose_conditions(entries_of([{"kind": ("808", "tom", "9")[n % 3]} for n in range(30)]))
    assert schema["kind"] == Category("kind", ("9", "808", "tom"))


def test_what_a_file_does_not_say_is_unknown():
    schema = propose_conditions(entries_of(NOTES))
    typed = known(schema, {"family": "organ", "pitch": "high", "velocity": "50"})
    assert typed == {"family": None, "pitch": None, "velocity": 50.0}
    assert known(schema, {}) == {"family": None, "pitch": None, "velocity": None}


def test_units_leave_the_name_of_a_column(tmp_path: Path):
    for seed in range(2):
        save(tmp_path / f"{seed}.wav", seed=seed)
    text = "file_name,pitch_midi,cutoff_hz,tempo,level_db,level\n0.wav,60.0,440,120,1,2\n1.wav,62.0,880,90,3,4\n"
    (tmp_path / "metadata.csv").write_text(text)
    index = scan(tmp_path, cache=tmp_path / ".cache")
    assert index.columns == (
        Column("pitch", "pitch_midi", "MIDI"),
        Column("cutoff", "cutoff_hz", "Hz"),
        Column("tempo", "tempo", "BPM"),
        Column("level_db", "level_db"),
        Column("level", "level"),
    )
    assert index.entries[0].labels["pitch"] == "60"
    assert propose_conditions(index)["pitch"] == Scalar("pitch", (60.0, 62.0), "MIDI")
    assert propose_conditions(index, ["pitch_midi"]).names == ("pitch",)
    assert len(scan(tmp_path, where={"pitch_midi": "60"}, cache=tmp_path / ".cache").entries) == 1


def test_without_a_table_the_folder_is_the_label(tmp_path: Path):
    files = ["kick/a.wav", "snare/loud/b.wav", "c.wav"]
    labels = read_labels(tmp_path, files)
    assert labels.values == {"kick/a.wav": {"label": "kick"}, "snare/loud/b.wav": {"label": "loud"}}
    assert read_labels(tmp_path, ["data/a.wav", "data/b.wav", "c.wav"]).values == {}


def test_folders_named_after_a_split_are_one(tmp_path: Path):
    labels = read_labels(tmp_path, ["train/kick/a.wav", "test/kick/b.wav", "train/tom/c.wav"])
    assert labels.values["test/kick/b.wav"] == {"split": "test", "label": "kick"}


def test_split_folders_count_beside_tables_too(tmp_path: Path):
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "metadata.csv").write_text("file_name,kind\nx.wav,kick\n")
    files = ["train/metadata.csv", "train/x.wav", "train/y.wav", "test/metadata.csv", "test/x.wav", "licence/cc0.txt"]
    labels = read_labels(tmp_path, files)
    assert labels.values["train/x.wav"] == {"kind": "kick", "split": "train"}
    assert labels.values["train/y.wav"] == {"split": "train"}
    assert labels.values["test/x.wav"] == {"kind": "kick", "split": "test"}
    (tmp_path / "test" / "metadata.csv").write_text("file_name,kind,split\nx.wav,kick,dev\n")
    assert read_labels(tmp_path, files).values["test/x.wav"]["split"] == "dev"  # the table knows better


def test_an_absolute_name_is_matched_by_its_longest_end(tmp_path: Path):
    (tmp_path / "metadata.csv").write_text("file_name,kind\n/old/disk/kicks/x.wav,kick\nother/x.wav,tom\n")
    labels = read_labels(tmp_path, ["metadata.csv", "kicks/x.wav", "x.wav"])
    assert labels.values == {"kicks/x.wav": {"kind": "kick"}}  # a relative name means what it says
    assert any("1 rows name files that are not there, such as other/x.wav" in note for note in labels.notes)


def test_tables_in_sub_folders_speak_of_their_own_files(tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metadata.csv").write_text(f"file_name,kind\nx.wav,{name}\n")
    labels = read_labels(tmp_path, ["a/metadata.csv", "a/x.wav", "b/metadata.csv", "b/x.wav"])
    assert labels.values == {"a/x.wav": {"kind": "a"}, "b/x.wav": {"kind": "b"}}


def test_names_match_whether_their_accents_are_composed_or_not(tmp_path: Path):
    (tmp_path / "metadata.csv").write_text("file_name,kind\ncaf\N{LATIN SMALL LETTER E WITH ACUTE}.wav,x\n", "utf-8")
    decomposed = "cafe\N{COMBINING ACUTE ACCENT}.wav"
    assert read_labels(tmp_path, ["metadata.csv", decomposed]).values == {decomposed: {"kind": "x"}}


def test_groups_come_from_the_asked_column_or_a_known_one(tmp_path: Path):
    for seed in range(3):
        save(tmp_path / f"{seed}.wav", seed=seed)
    (tmp_path / "metadata.csv").write_text("file_name,kit,day\n0.wav,a,mon\n1.wav,b,tue\n2.wav,,mon\n")
    cache = tmp_path / ".cache"
    assert [entry.group for entry in scan(tmp_path, cache=cache).entries] == ["a", "b", "2.wav"]
    assert [entry.group for entry in scan(tmp_path, group="day", cache=cache).entries] == ["mon", "tue", "mon"]
    with pytest.raises(ValueError, match="no column 'dya' to group by; did you mean 'day'"):
        scan(tmp_path, group="dya", cache=cache)


def test_a_column_with_one_value_groups_nothing(tmp_path: Path):
    for seed in range(2):
        save(tmp_path / f"{seed}.wav", seed=seed)
    (tmp_path / "metadata.csv").write_text("file_name,artist\n0.wav,me\n1.wav,me\n")
    assert [entry.group for entry in scan(tmp_path, cache=tmp_path / ".cache").entries] == ["0.wav", "1.wav"]


@settings(deadline=None)
@given(sizes=st.lists(st.integers(1, 30), max_size=20), held_out=st.floats(0, 0.9), seed=st.integers(0, 99))
def test_no_group_is_on_both_sides_of_a_split(sizes: list[int], held_out: float, seed: int):
    rows = [{"kit": f"k{n}"} for n, size in enumerate(sizes) for _ in range(size)]
    index = entries_of(rows, "kit")
    train, aside = split_by_group(index, held_out, seed)
    assert not {entry.group for entry in train} & {entry.group for entry in aside}
    assert Counter(entry.path for entry in train + aside) == Counter(entry.path for entry in index.entries)
    assert (train, aside) == split_by_group(index, held_out, seed)
    if held_out > 0 and len(sizes) >= 2:
        assert aside
        assert train
    if held_out == 0:
        assert not aside


def test_the_share_held_out_is_close_to_what_was_asked():
    rng = np.random.default_rng(0)
    rows = [{"kit": f"k{n}"} for n in range(50) for _ in range(rng.integers(1, 60))]
    for seed in range(20):
        _, aside = split_by_group(entries_of(rows, "kit"), 0.1, seed)
        assert 0.08 <= len(aside) / len(rows) <= 0.11


def test_every_value_stays_in_training_where_it_can():
    rows = [{"kit": f"k{n % 10}", "kind": "common"} for n in range(100)]
    for row in rows:
        if row["kit"] == "k3":
            row["kind"] = "only here"
    for seed in range(20):
        _, aside = split_by_group(entries_of(rows, "kit"), 0.3, seed)
        assert "k3" not in {entry.group for entry in aside}
    two = entries_of([{"kit": "a", "kind": "x"}, {"kit": "b", "kind": "y"}], "kit").entries
    assert len(choose_groups(two, 0.1, 0, ["kind"])) == 1


def test_a_split_column_decides():
    rows = [{"split": ("train", "test", "validation")[n % 3]} for n in range(30)]
    train, aside = split_by_group(entries_of(rows), 0.1)
    assert (len(train), len(aside)) == (10, 20)
    assert {entry.labels["split"] for entry in train} == {"train"}
    assert len(split_by_group(entries_of(rows), 0.0)[1]) == 0


def test_an_impossible_share_is_refused():
    with pytest.raises(ValueError, match="is outside 0 to"):
        split_by_group(entries_of(NOTES), 1.0)


def test_free_text_never_becomes_a_category_of_hundreds_of_values():
    rows = [
        {"lyrics": f"line {n} of a song" if n % 3 else str(1900 + n), "kind": ("a", "b")[n % 2]} for n in range(200)
    ]
    index = entries_of(rows)
    assert propose_conditions(index).names == ("kind",)
    with pytest.raises(ValueError, match="lyrics is a text, which this system does not read; leave it out"):
        propose_conditions(index, ["lyrics"])
    (text,) = propose_conditions(index, ["lyrics"], texts=True).conditions
    assert (text.type, text.check("1984")) == ("text", "1984")  # type: ignore[union-attr]
    assert propose_conditions(index, ["lyrics:category"])["lyrics"].type == "category"
