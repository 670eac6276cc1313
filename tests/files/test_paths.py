"""Impulse responses from files of numpy, scipy, sofar (SOFA) and hdf5storage (MATLAB 7.3)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import io as scipy_io

from antiphase.dsp import frequency_response, sinc_delay_taps
from antiphase.errors import FileFormatError, ParameterError
from antiphase.files import ImpulseResponse, read_path, write_audio, write_path

DATA = Path(__file__).parent / "data"
# What the files in data/ hold: [measurement, receiver, taps].
STORED = np.array(
    [[np.exp(-np.arange(16) / 4) * (-1.0) ** m * (r + 1) for r in range(2)] for m in range(3)]
)
TAPS = STORED[0]


def test_wav(tmp_path: Path) -> None:
    """Channels become rows; mono is flat."""
    write_audio(tmp_path / "a.wav", TAPS.T, 44100, subtype="DOUBLE")
    got = read_path(tmp_path / "a.wav")
    np.testing.assert_array_equal(got.taps, TAPS)
    assert got.fs == 44100
    write_audio(tmp_path / "m.wav", TAPS[0], 44100, subtype="DOUBLE")
    assert read_path(tmp_path / "m.wav").taps.shape == (16,)


@pytest.mark.parametrize("name", ["a.npz", "a.wav"])
def test_round_trip(tmp_path: Path, name: str) -> None:
    """What we write we read."""
    write_path(tmp_path / name, ImpulseResponse(TAPS, 16000.0))
    got = read_path(tmp_path / name)
    np.testing.assert_array_equal(got.taps, TAPS)
    assert got.fs == 16000


def test_npz_of_several_arrays(tmp_path: Path) -> None:
    """With two paths in one file the name decides; without it the message lists them."""
    np.savez(tmp_path / "p.npz", primary=TAPS, secondary=STORED, fs=8000)
    assert read_path(tmp_path / "p.npz", variable="secondary").taps.shape == (3, 2, 16)
    with pytest.raises(FileFormatError, match=r"with variable; there are primary \(2, 16\)"):
        read_path(tmp_path / "p.npz")
    with pytest.raises(FileFormatError, match="no variable 'x'; there are primary"):
        read_path(tmp_path / "p.npz", variable="x")


def test_npy_needs_a_rate(tmp_path: Path) -> None:
    """An array alone tells no rate: asked for, then taken."""
    np.save(tmp_path / "a.npy", TAPS[0])
    with pytest.raises(FileFormatError, match="tells no sample rate; give fs"):
        read_path(tmp_path / "a.npy")
    assert read_path(tmp_path / "a.npy", fs=8000).fs == 8000


@pytest.mark.parametrize("compressed", [True, False])
def test_matlab_5(tmp_path: Path, *, compressed: bool) -> None:
    """Column vectors of scipy's MATLAB writer become flat; Fs is found."""
    scipy_io.savemat(
        tmp_path / "a.mat", {"h": TAPS[0][:, None], "Fs": 48000.0}, do_compression=compressed
    )
    got = read_path(tmp_path / "a.mat")
    np.testing.assert_array_equal(got.taps, TAPS[0])
    assert got.fs == 48000


def test_matlab_4(tmp_path: Path) -> None:
    """The oldest format too."""
    scipy_io.savemat(tmp_path / "a.mat", {"h": TAPS, "fs": 8000.0}, format="4")
    np.testing.assert_array_equal(read_path(tmp_path / "a.mat").taps, TAPS)


def test_matlab_73_in_matlabs_axis_order() -> None:
    """HDF5 stores MATLAB's axes reversed; they come back as MATLAB shows them."""
    got = read_path(DATA / "path_v73.mat")
    np.testing.assert_allclose(got.taps, STORED, rtol=1e-15)
    assert got.fs == 16000


def test_sofa_fir() -> None:
    """GeneralFIR as the sofar package writes it: [measurement, receiver, taps]."""
    got = read_path(DATA / "general_fir.sofa")
    np.testing.assert_allclose(got.taps, STORED, rtol=1e-15)
    assert got.fs == 44100


def test_sofa_fir_with_emitters_and_delays() -> None:
    """GeneralFIR-E: taps moved to the end, delays of receiver and emitter applied."""
    got = read_path(DATA / "general_fir_e.sofa")
    assert got.taps.shape[:3] == (3, 2, 4)
    for emitter in range(4):
        for receiver in range(2):
            late = {(0, 1): 5, (1, 0): 2}.get((receiver, emitter), 0)
            expected = (emitter + 1) * STORED[:, receiver]
            np.testing.assert_allclose(
                got.taps[:, receiver, emitter, late : late + 16], expected, atol=1e-12
            )
            assert not np.any(np.abs(got.taps[:, receiver, emitter, :late]) > 1e-12)
    assert got.fs == 48000


def test_sofa_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Transfer functions are no impulse responses; what is no HDF5 is no SOFA."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "tf.sofa", "w") as file:
        file.attrs["DataType"] = "TF"
        file["Data.Real"] = np.ones(4)
    with pytest.raises(FileFormatError, match=r"type TF is not FIR; there are Data\.Real"):
        read_path(tmp_path / "tf.sofa")
    (tmp_path / "x.sofa").write_bytes(b"nothing")
    with pytest.raises(FileFormatError, match="not readable as SOFA"):
        read_path(tmp_path / "x.sofa")


def test_axis_of_the_taps(tmp_path: Path) -> None:
    """The longest axis by default, another on request; a tie is not guessed."""
    np.savez(tmp_path / "a.npz", h=np.ones((100, 4)), fs=8000)
    assert read_path(tmp_path / "a.npz").taps.shape == (4, 100)
    assert read_path(tmp_path / "a.npz", axis=1).taps.shape == (100, 4)
    np.savez(tmp_path / "b.npz", h=np.ones((4, 4)), fs=8000)
    with pytest.raises(FileFormatError, match="leaves the taps unclear; give axis"):
        read_path(tmp_path / "b.npz")
    with pytest.raises(ParameterError, match="axis=5"):
        read_path(tmp_path / "a.npz", axis=5)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"h": np.ones(4) + 1j, "fs": 8000}, "no real impulse response"),
        ({"h": np.array([1.0, np.nan]), "fs": 8000}, "NaN or Inf"),
        ({"note": np.array("text"), "fs": 8000}, "no numeric array"),
        ({"h": np.zeros(0), "fs": 8000}, "no numeric array"),
    ],
)
def test_arrays_that_are_no_path(tmp_path: Path, arrays: dict[str, object], message: str) -> None:
    """Complex, NaN, text, nothing: refused with the reason."""
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(FileFormatError, match=message):
        read_path(tmp_path / "a.npz")


@pytest.mark.parametrize("name", ["a.npz", "a.npy", "a.mat", "a.h5", "a.wav", "a.sofa"])
def test_damaged_files_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    """Random bytes under any extension never crash with a foreign error."""
    (tmp_path / name).write_bytes(np.random.default_rng(1).bytes(600))
    with pytest.raises(FileFormatError, match=name) as caught:
        read_path(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_rates_must_agree(tmp_path: Path) -> None:
    """A rate given against the file's own is an error, not a silent change of pitch."""
    np.savez(tmp_path / "a.npz", h=TAPS[0], fs=8000)
    with pytest.raises(ParameterError, match=r"fs=16000 must be 8000, which a\.npz says"):
        read_path(tmp_path / "a.npz", fs=16000)
    with pytest.raises(FileFormatError, match="no such file"):
        read_path(tmp_path / "none.npz")
    (tmp_path / "a.txt").write_text("1 2 3")
    with pytest.raises(FileFormatError, match="unknown extension"):
        read_path(tmp_path / "a.txt")


def test_resampled_path_keeps_its_gain() -> None:
    """At another rate the path answers each frequency as before."""
    path = ImpulseResponse(0.7 * sinc_delay_taps(60.3, bandwidth=0.5), 16000.0)
    frequency = np.array([100.0, 1000.0, 3000.0])
    before = frequency_response(path.taps, 16000, frequency_hz=frequency)
    for fs in (8000.0, 48000.0):
        after = path.resampled(fs)
        got = frequency_response(after.taps, fs, frequency_hz=frequency)
        np.testing.assert_allclose(got, before, atol=2e-3)
    assert path.resampled(16000.0) is path


def test_what_can_not_be_written(tmp_path: Path) -> None:
    """A .wav has channels and time only; other extensions are not ours."""
    with pytest.raises(FileFormatError, match="no room for 3 axes"):
        write_path(tmp_path / "a.wav", ImpulseResponse(STORED, 8000.0))
    with pytest.raises(ParameterError, match="extension"):
        write_path(tmp_path / "a.mat", ImpulseResponse(STORED, 8000.0))
