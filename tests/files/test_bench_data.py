"""Finding bench-data."""

from __future__ import annotations

from pathlib import Path

import pytest

from antiphase.files.bench_data import find_bench_data


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ANTIPHASE_BENCH_DATA decides; a folder without the data counts as none."""
    monkeypatch.setenv("ANTIPHASE_BENCH_DATA", str(tmp_path))
    assert find_bench_data() is None
    (tmp_path / "duct.npz").touch()
    assert find_bench_data() == tmp_path


def test_an_empty_variable_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty ANTIPHASE_BENCH_DATA turns the search off."""
    monkeypatch.setenv("ANTIPHASE_BENCH_DATA", "")
    assert find_bench_data() is None


def test_a_folder_beside_the_current_directory_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the variable ../shared/bench-data beside the working directory is taken."""
    work, data = tmp_path / "project", tmp_path / "shared" / "bench-data"
    work.mkdir()
    data.mkdir(parents=True)
    (data / "duct.npz").touch()
    monkeypatch.delenv("ANTIPHASE_BENCH_DATA", raising=False)
    monkeypatch.chdir(work)
    assert find_bench_data() is not None
