"""Loops are compiled and cached; a cache that is damaged, full or read-only costs time and nothing else."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import pytest
from numba.core.caching import IndexDataCacheFile

from soundloom.runtime import compiled as module
from soundloom.runtime.compiled import compiled


def triple(x: float) -> float:
    return 3.0 * x


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(module, "_warned", [])
    return tmp_path


def loop() -> Any:
    """The function, compiled as a new process would."""
    return compiled()(triple)


def files(cache: Path, suffix: str) -> list[Path]:
    return list(cache.rglob(f"*{suffix}"))


def test_the_second_process_loads_what_the_first_one_compiled(cache):
    first, second = loop(), loop()
    assert first(2.0) == second(2.0) == 6.0
    assert (sum(first.stats.cache_misses.values()), sum(second.stats.cache_hits.values())) == (1, 1)
    assert len(files(cache, ".nbc")) == 1


@pytest.mark.parametrize("damage", [lambda whole: b"", lambda whole: whole[: len(whole) // 2], lambda whole: b"text"])
@pytest.mark.parametrize("suffix", [".nbc", ".nbi"])
def test_a_damaged_cache_is_reported_once_and_mended(cache, caplog, suffix: str, damage: Callable[[bytes], bytes]):
    loop()(2.0)
    for path in files(cache, suffix):
        path.write_bytes(damage(path.read_bytes()))
    with caplog.at_level(logging.WARNING, "soundloom"):
        assert [loop()(2.0), loop()(2)] == [6.0, 6.0]
    (record,) = caplog.records
    assert "is damaged" in record.getMessage()
    assert "NUMBA_CACHE_DIR" in record.getMessage()
    mended = loop()
    assert mended(2.0) == 6.0
    assert sum(mended.stats.cache_hits.values()) == 1


def test_a_cache_on_a_full_disk_is_reported_once_and_the_loop_runs(cache, caplog, monkeypatch):
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(IndexDataCacheFile, "_save_data", full)
    with caplog.at_level(logging.WARNING, "soundloom"):
        assert [loop()(2.0), loop()(2.0)] == [6.0, 6.0]
    (record,) = caplog.records
    assert "No space left" in record.getMessage()


def test_where_no_folder_can_be_written_the_loop_is_compiled_in_memory(caplog, monkeypatch):
    def nowhere(self: object) -> None:
        raise RuntimeError("no locator available")

    monkeypatch.setattr(numba.core.registry.CPUDispatcher, "enable_caching", nowhere)
    with caplog.at_level(logging.WARNING, "soundloom"):
        assert loop()(2.0) == 6.0
    assert "no locator available" in caplog.text
