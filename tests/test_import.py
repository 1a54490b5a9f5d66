"""A command imports what it needs and no more, so that help and errors come quickly."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "numba", "scipy", "sklearn", "matplotlib", "librosa")
IMPORTED = "import sys; print(*sorted(name for name in sys.modules if '.' not in name), file=sys.stderr)"


def imported_by(code: str) -> set[str]:
    """The packages that a fresh Python holds after running `code`."""
    done = subprocess.run([sys.executable, "-c", f"{code}\n{IMPORTED}"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


def asked(*arguments: str, code: int) -> str:
    return f"from soundloom.cli.app import main\nassert main({list(arguments)!r}) == {code}"


def test_importing_the_package_imports_nothing_but_the_standard_library():
    loaded = imported_by("import soundloom")
    assert "soundloom" in loaded
    assert not loaded & {*HEAVY, "numpy", "pydantic", "rich", "soundfile"}


def test_help_imports_no_arrays_and_no_sounds():
    loaded = imported_by(asked("--help", code=0))
    assert "typer" in loaded
    assert not loaded & {*HEAVY, "numpy", "pydantic", "soundfile"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("generate", "no-such-model"),
        ("generate",),
        ("generate", "--count", "many"),
        ("train", "no-such-system", "."),
        ("scan", "no-such-folder"),
        ("no-such-verb",),
    ],
)
def test_a_mistake_is_reported_before_anything_that_takes_long_to_import(arguments: tuple[str, ...]):
    assert not imported_by(asked(*arguments, code=2)) & set(HEAVY)


def test_scanning_and_listing_models_need_no_torch(tmp_path):
    assert "torch" not in imported_by(asked("scan", str(tmp_path), code=0))
    assert "torch" not in imported_by(asked("models", code=0))


def test_representations_come_in_without_numba():
    loaded = imported_by("import soundloom.representations, soundloom.systems.vae")
    assert "torch" in loaded
    assert not loaded & {"numba", "scipy", "sklearn", "matplotlib", "librosa"}


def test_the_public_names_are_there_and_nothing_else_is_promised():
    import soundloom

    assert all(getattr(soundloom, name) is not None for name in soundloom.__all__)
    assert {"Audio", "Request", "scan", "train", "load"} <= set(soundloom.__all__)
    with pytest.raises(AttributeError, match=r"no attribute 'lod'.*load"):
        _ = soundloom.lod


@pytest.mark.parametrize("name", ["train", "reconstruct", "scan", "load"])
def test_a_public_function_stays_one_after_every_module_was_imported(name):
    modules = ("training", "generation.reconstruct", "generation", "data.scan", "cli.verbs")
    everything = ", ".join(f"soundloom.{module}" for module in modules)
    imported_by(f"import soundloom, {everything}\nassert callable(soundloom.{name})")
