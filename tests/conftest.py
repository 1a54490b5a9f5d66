"""What all tests share: caches of their own, one thread each, a folder of sounds and a model trained on it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sounds import make_sounds

os.environ["OMP_NUM_THREADS"] = "1"  # before torch comes in: tests share their processors
Train = Callable[..., Path]


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_not_ignored() -> None:
    """As in a shell's foreground: where tests run in its background, Ctrl-C is ignored, also in what they start."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decoded sounds go to a folder of this run of the tests, also from processes that tests start."""
    before = os.environ.get("SOUNDLOOM_CACHE")
    os.environ["SOUNDLOOM_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["SOUNDLOOM_CACHE"]
    else:
        os.environ["SOUNDLOOM_CACHE"] = before


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 short sounds with kind, kit and pitch; not to be changed."""
    return make_sounds(tmp_path_factory.mktemp("data") / "sounds")


@pytest.fixture(scope="session")
def train_tiny(sounds: Path) -> Train:
    """Train a system at its tiny preset: in float32, without previews, unless asked otherwise. Returns the run."""

    def run(system: str, out: Path, steps: int, **more: object) -> Path:
        from soundloom.training import train

        folder = more.pop("folder", sounds)
        settings = {"preset": "tiny", "precision": "float32", "preview_seconds": 0.0, **more}
        return train(system, folder, out=out, steps=steps, **settings).run

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, train_tiny: Train) -> Callable[[str], Path]:
    """The run of a system trained for a moment on `sounds`, made once; not to be changed."""
    runs: dict[str, Path] = {}

    def run(system: str) -> Path:
        if system not in runs:
            runs[system] = train_tiny(system, tmp_path_factory.mktemp("runs") / system, steps=60)
        return runs[system]

    return run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the pages, whose tests take longest: begun last, one of them would keep one worker busy alone."""
    items.sort(key=lambda item: "test_readme" not in item.nodeid)
