"""What the README and the guide show is run, in the order in which it is written, and their links lead somewhere."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from commands import ask
from sounds import RATE, make_sounds, sound

ROOT = Path(__file__).parents[1]
GUIDES = ("training", "generating", "descriptors", "evaluation", "python")
PAGES = ("README.md", *(f"docs/{name}.md" for name in GUIDES))
TEXTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

# What stands in the text, and what is run in its place: minutes become steps of a small network.
SHORTER = (
    (
        r"--from (\S+) --minutes \d+",
        r"--from \1 --steps 1 --preview-seconds 0 --precision float32 --set batch_size=4",
    ),
    (r"--resume --minutes \d+", "--resume --steps 4"),
    (r"--minutes \d+", "--steps 2 --preset tiny --preview-seconds 0"),
    (r"--preset drums (.*)--preset tiny", r"--preset drums \1--set batch_size=4"),
    (r"--preset vocoder (.*)--preset tiny", r"--preset vocoder \1--set crop=512 --set batch_size=2 --set cycles=1"),
    (r"torchrun --nproc-per-node \d+ --no-python soundloom", "soundloom"),
    (r"minutes=\d+", 'steps=2, preset="tiny", preview_seconds=0.0'),
)


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S)


def commands(page: str) -> Iterator[str]:
    for block in blocks(page, "sh"):
        yield from (line for line in block.splitlines() if line.strip())


def shorter(text: str) -> str:
    for pattern, replacement in SHORTER:
        text = re.sub(pattern, replacement, text)
    return text


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the README's reader has it: my-sounds, kick.wav, snare.wav and hit.wav."""
    rename = {"hiss": "snare", "thump": "kick"}
    folder = make_sounds(tmp_path / "my-sounds", count=20)
    table = (folder / "metadata.csv").read_text()
    for ours, theirs in rename.items():
        table = table.replace(ours, theirs)
        for path in folder.glob(f"{ours}-*.wav"):
            path.rename(path.with_name(path.name.replace(ours, theirs)))
    (folder / "metadata.csv").write_text(table)
    for name, kind in (("snare", "hiss"), ("kick", "thump")):
        soundfile.write(tmp_path / f"{name}.wav", sound(0, kind, 48.0), RATE)
    soundfile.write(tmp_path / "hit.wav", sound(2, "thump", 48.0)[:800], RATE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if page != "docs/python.md"])
def test_every_command_of_the_page_does_what_it_says(capsys, desk, page):
    ran = 0
    for command in commands(page):
        words = shlex.split(shorter(command))
        if words[0] == "make":
            assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text()
        elif words[0] == ".":
            assert words == [".", ".venv/bin/activate"]
        else:
            assert words[0] == "soundloom", command
            answer = ask(capsys, *words[1:])
            assert answer.code == 0, f"{command}\n{answer.err}"
            ran += 1
    assert ran >= 4


@pytest.mark.parametrize("page", ["README.md", "docs/descriptors.md", "docs/evaluation.md", "docs/python.md"])
def test_every_line_of_python_of_the_page_runs(desk, page):
    found = blocks(page, "python")
    assert found
    (desk / "page.py").write_text(shorter("\n".join(found)))
    done = subprocess.run([sys.executable, "-W", "error", "page.py"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_same_again_gives_the_same_bytes_as_the_readme_promises(capsys, desk):
    for command in (
        "soundloom generate drums -n 4 --with kind=snare --seed 7 --out out/first",
        "soundloom generate --again out/first/request.json --out out/second",
    ):
        assert command in list(commands("README.md"))
        assert ask(capsys, *shlex.split(command)[1:]).code == 0
    first, second = (
        {path.name: path.read_bytes() for path in (desk / "out" / name).iterdir()} for name in ("first", "second")
    )
    assert len(first) == 6
    assert first == second


def test_the_readme_shows_every_verb_of_the_command(capsys):
    shown = {shlex.split(command)[1] for command in commands("README.md") if command.startswith("soundloom")}
    help_page = ask(capsys, "--help").out
    assert shown == set(re.findall(r"^  ([a-z]+) ", help_page.split("Commands:")[1], re.M))


def test_the_readme_names_the_systems_that_exist_as_existing_and_no_others():
    from soundloom.systems.discovery import system_names

    rows = re.findall(r"^\| \[?`([a-z]+)`.*\| (yes|planned) \|$", (ROOT / "README.md").read_text(), re.M)
    assert {system for system, today in rows if today == "yes"} == set(system_names())
    assert len(rows) == 5


def test_the_presets_of_the_training_guide_are_those_that_there_are():
    from soundloom.systems.discovery import system_named

    shown = re.findall(r"^\| `([a-z]+)` \|", (ROOT / "docs/training.md").read_text(), re.M)
    assert shown == list(system_named("vae").PRESETS)


@pytest.mark.parametrize("page", TEXTS, ids=[str(path.relative_to(ROOT)) for path in TEXTS])
def test_every_link_within_the_project_leads_to_a_file(page):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_a_command_that_takes_minutes_is_shortened_and_no_other_is_changed():
    assert shorter("soundloom train vae x --minutes 10 --out r") == (
        "soundloom train vae x --steps 2 --preset tiny --preview-seconds 0 --out r"
    )
    changed = [command for page in PAGES for command in commands(page) if shorter(command) != command]
    assert all("soundloom train" in command for command in changed)
