"""The page and the JSON file hold all results, nothing external, and are safe with any name."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

from made_up_results import EMBEDDINGS, KINDS, RATE, SUBJECTS, drum, examples, results
from soundloom.audio import Audio
from soundloom.evaluation.report import gallery, media
from soundloom.evaluation.report.markup import VOID
from soundloom.evaluation.report.page import page
from soundloom.evaluation.report.summary import to_json
from soundloom.evaluation.report.writing import write_report
from soundloom.evaluation.results import ConditionResult, Example, Figure, Results, Subject
from soundloom.metrics.estimate import Estimate

HOSTILE = "<script>alert('1')</script> & \"quoted\" \udcff \ud800 \x1b[31m"


class Reader(HTMLParser):
    """What a page holds: its texts, attributes and headings; fails where an element is not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.used: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.headings: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len({name for name, _ in attrs}), f"{tag} has an attribute twice"
        self.used.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"{tag} closes and was never opened"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)
            if self.open[-1] in {"h2", "h3"}:
                self.headings.append(data)


@pytest.fixture(scope="module")
def found() -> Results:
    return results(sounds=2, seconds=0.25)


@pytest.fixture(scope="module")
def text(found: Results) -> str:
    return page(found)


@pytest.fixture(scope="module")
def read(text: str) -> Reader:
    return Reader(text)


def results_of(**parts: object) -> Results:
    """Results that are empty but for some parts."""
    return Results(**{"title": "a", "command": "soundloom evaluate a b", "reference": {}, **parts})  # type: ignore[arg-type]


def test_the_page_takes_nothing_from_outside_of_itself(text: str, read: Reader):
    for tag, attributes in read.used:
        for name in ("src", "srcset", "poster", "data", "action", "xlink:href"):
            assert (attributes.get(name) or "data:").startswith("data:")
        if "href" in attributes:
            assert tag == "a"
            assert attributes["href"].startswith(("#", "https://arxiv.org/"))
    assert not {"script", "link", "iframe", "object", "base"} & {tag for tag, _ in read.used}
    assert not re.search(r"@import|url\(", text)


def test_the_policy_of_the_page_lets_a_browser_load_nothing(read: Reader):
    policy = next(a["content"] for t, a in read.used if t == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none';")


def test_every_subject_figure_conclusion_and_remark_is_on_the_page(found: Results, read: Reader):
    names = [*SUBJECTS, *EMBEDDINGS, *KINDS, *(figure.name for figure in found.figures)]
    for words in (
        *names,
        *found.verdicts,
        *found.remarks,
        found.command,
        found.title,
        "by kit: no kit is on both sides",
    ):
        assert words in read.text


def test_values_are_shown_with_their_interval_and_their_number_of_sounds(read: Reader):
    assert "5.90 4.57 to 7.23" in read.text  # KID of drums-long
    assert "0.940 0.910 to 0.960" in read.text
    assert "400 sounds" in read.text


def test_models_and_baselines_come_best_first_between_their_references(found: Results):
    table = page(results_of(subjects=found.subjects[::-1], figures=[f for f in found.figures if f.name == "KID"]))
    rows = re.findall(r'<tr class="role-(\w+)"><th scope="row">([^<]+?) <', table.partition("Distances in")[2])
    assert rows[: len(SUBJECTS)] == [
        ("floor", "training sounds"),
        ("ceiling", "through the representation"),
        ("model", "drums-long"),
        ("model", "drums-short"),
        ("baseline", "mixture of Gaussians"),
        ("baseline", "nearest neighbours, averaged"),
        ("bad", "shuffled in time"),
        ("bad", "white noise"),
    ]


@pytest.mark.parametrize(("high", "marked"), [(1.4, True), (2.6, False)])
def test_the_best_is_marked_only_where_its_interval_is_apart(high: float, marked: bool):
    figures = [
        Figure("one", "KID", Estimate(1.0, 0.5, high), "lower", 9, "ears"),
        Figure("two", "KID", Estimate(3.0, 2.5, 3.5), "lower", 9, "ears"),
        Figure("real", "KID", Estimate(0.0, 0.0, 0.1), "lower", 9, "ears"),
    ]
    subjects = [Subject("one", "model"), Subject("two", "baseline"), Subject("real", "floor")]
    assert ('class="best"' in page(results_of(figures=figures, subjects=subjects))) == marked


def test_two_embeddings_come_with_a_warning_not_to_compare_them(read: Reader, found: Results):
    warning = "never across tables"
    assert warning in read.text
    first = next(iter(EMBEDDINGS))
    assert warning not in page(results_of(figures=[f for f in found.figures if f.embedding == first]))


def test_every_table_names_its_rows_and_columns_and_every_picture_has_words(read: Reader):
    assert all(attributes.get("scope") in {"row", "col"} for tag, attributes in read.used if tag == "th")
    assert all(attributes.get("alt") for tag, attributes in read.used if tag == "img")
    assert all(attributes.get("aria-label") for tag, attributes in read.used if tag in {"svg", "audio"})


def test_a_hostile_name_stays_a_name_everywhere(tmp_path: Path):
    name, sound = HOSTILE, drum(1, 0.1)
    found = Results(
        title=name,
        command=name,
        reference={name: name, "more": [name, {name: name}]},
        subjects=[Subject(name, "model", {name: name})],
        figures=[Figure(name, name, Estimate(1, 0, 2), "lower", 5, e, name) for e in (name, None)],
        conditions=[
            ConditionResult(name, name, "category", (name, "b"), ((1, 2), (3, 4))),
            ConditionResult(name, name, "scalar", points=((0.0, 1.0),)),
        ],
        leakage={name: {name: {name: 1.0}}},
        examples=[Example("generated", 0, name, sound, name)],
        verdicts=[name],
        remarks=[name],
        machine={name: Path(name)},
        made_at=name,
    )
    html, figures = write_report(found, tmp_path)
    text = html.read_text(encoding="utf-8")
    assert "script" not in {tag for tag, _ in Reader(text).used}
    assert "<script" not in text
    assert "\x1b" not in text
    assert "<script>alert('1')</script> & \"quoted\" \\udcff \\ud800 \\x1b[31m" in Reader(text).text
    json.loads(figures.read_text(encoding="utf-8"))


def test_a_file_name_that_is_not_utf8_is_shown_by_its_bytes():
    assert "kick\\xff.wav" in page(results_of(verdicts=["kick\udcff.wav"]))


def test_what_could_not_be_measured_is_a_dash_on_the_page_and_null_in_json(tmp_path: Path):
    bad = [Estimate(math.nan, math.nan, math.nan), Estimate(math.inf, 1.0, math.inf)]
    figures = [Figure("a", f"KID {n}", e, "lower", 3, "ears") for n, e in enumerate(bad)]
    html, data = write_report(results_of(figures=figures, leakage={"a": {"b": {"c": math.nan}}}), tmp_path)
    words = html.read_text(encoding="utf-8")
    assert words.count("<td>–</td>") == 2
    assert not re.search(r">[^<]*\b(nan|inf|NaN|Infinity)\b[^<]*<", words)
    loaded = json.loads(data.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert [loaded["figures"][0][key] for key in ("value", "low", "high")] == [None] * 3
    assert loaded["figures"][1]["low"] == 1.0
    assert loaded["leakage"] == {"a": {"b": {"c": None}}}


def test_sections_without_content_are_left_out():
    title = "What was compared"  # the command that repeats it is always there
    assert Reader(page(results_of())).headings == [title, "To repeat it"]
    figure = Figure("a", "accuracy of kind", Estimate(0.5, 0.4, 0.6), "higher", 9)
    assert "Distances to real sounds" not in page(results_of(figures=[figure]))
    assert "Conditioning accuracy" not in page(results_of(figures=[figure]))
    sounds = Reader(page(results_of(examples=examples(1, 0.1)[:1])))
    assert sounds.headings == [title, "To repeat it", "Listen", "Generated"]


def test_json_round_trips_and_holds_every_figure_but_no_sound(found: Results, tmp_path: Path):
    _, path = write_report(found, tmp_path)
    loaded = json.loads(path.read_text(encoding="utf-8"))
    assert loaded == to_json(found)
    assert list(loaded)[:4] == ["format", "version", "soundloom", "made_at"]
    assert len(loaded["figures"]) == len(found.figures)
    kid = next(f for f in loaded["figures"] if f["name"] == "KID" and f["subject"] == "drums-long")
    assert (kid["value"], kid["sounds"], kid["better"]) == (pytest.approx(5.9), 400, "lower")
    assert path.stat().st_size < 120_000
    assert set(loaded) == set(to_json(results_of()))


def test_json_takes_numbers_of_numpy_and_paths():
    facts = {"n": np.int64(3), "x": np.float32(0.5), "nan": np.float64("nan"), "where": Path("a/b"), "list": (1, {2})}
    assert to_json(results_of(reference=facts))["reference"] == {
        "n": 3,
        "x": 0.5,
        "nan": None,
        "where": "a/b",
        "list": [1, [2]],
    }


def test_the_sounds_in_the_page_are_the_evaluated_samples():
    sound = drum(3, 0.2)
    text = page(results_of(examples=[Example("real", 0, "held out", sound)]))
    content = base64.b64decode(re.search(r"data:audio/flac;base64,([^\"]+)", text)[1])
    samples, rate = soundfile.read(io.BytesIO(content), dtype="float32")
    assert rate == RATE
    assert np.abs(samples - sound.samples[0]).max() <= 0.5 / 2**15 + 1e-9


def test_too_many_sounds_become_mp3_and_then_fewer_and_the_page_says_so():
    given = examples(4, 0.5)
    assert "FLAC" in gallery.gallery(given)
    pictures_too = len(gallery.gallery(given))
    smaller = gallery.gallery(given, largest=round(pictures_too * 0.8))
    assert "stored as MP3" in smaller
    assert "rows are shown" not in smaller
    fewest = gallery.gallery(given, largest=pictures_too // 4)
    assert len(fewest) < pictures_too // 2
    assert re.search(r"[1-9] of 13 rows are shown", fewest)
    assert all(f"<h3>{title}</h3>" in fewest for title in ("Generated", "Reconstructed", "Real"))


def test_sixteen_seconds_of_noise_in_each_section_stay_under_twelve_megabytes():
    rng = np.random.default_rng(0)
    noise = [Audio(0.3 * rng.standard_normal(44100), 44100) for _ in range(8)]
    given = [Example(s, n, "noise", noise[n % 8]) for s in ("generated", "reconstructed", "real") for n in range(16)]
    assert len(gallery.gallery(given)) < 12_000_000


@pytest.mark.parametrize(
    ("sound", "why"), [(np.zeros((1, 0)), "no samples"), (np.full((1, 99), np.nan), "NaN or infinite")]
)
def test_a_sound_that_cannot_be_played_says_why(sound: np.ndarray, why: str):
    text = page(results_of(examples=[Example("generated", 0, "odd", Audio(sound, RATE)), *examples(1, 0.1)]))
    assert why in Reader(text).text


@pytest.mark.parametrize(("channels", "rate"), [(1, 4000), (2, 44100), (5, 96000), (1, 192000)])
@pytest.mark.parametrize("kind", ["flac", "mp3"])
def test_sounds_of_any_rate_and_width_become_ones_that_browsers_play(channels: int, rate: int, kind: str):
    loud = Audio(np.full((channels, rate // 10), 1.5, np.float32), rate)
    info = soundfile.info(io.BytesIO(media.sound(loud, kind)))
    assert info.channels <= 2
    assert 8000 <= info.samplerate <= 48000
    assert info.duration == pytest.approx(0.1, abs=0.06)  # mp3 adds silence


def test_pictures_of_one_row_share_their_time_and_a_long_sound_is_no_wider_than_a_short_one():
    short, long = drum(1, 0.1), drum(2, 3.0)
    assert media.decibels(short, 1600).shape[0] == media.BANDS
    assert media.decibels(long, 48000).shape[1] == media.COLUMNS
    beside = media.decibels(short, 48000)
    assert beside.shape[1] == media.COLUMNS
    assert beside[:, 20:].max() < beside[:, :8].max() - 60  # silence after its end


def test_the_same_results_give_the_same_page(found: Results, text: str):
    assert page(dataclasses.replace(found)) == text
