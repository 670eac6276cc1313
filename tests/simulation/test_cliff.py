"""The causality cliff against the published table and against theory."""

from __future__ import annotations

import json

import numpy as np
import pytest

from antiphase.errors import ParameterError
from antiphase.simulation.cliff import MARGINS_MS, Setting, causality_cliff, solve
from antiphase.simulation.site import Site
from benchmarks.cliff import EXACT, differences


@pytest.fixture(scope="module")
def street() -> Site:
    """Return the standard street."""
    return Site.outdoors()


@pytest.mark.parametrize("kind", EXACT)
def test_published_table_is_reproduced(kind: str, street: Site) -> None:
    """White, band and hum: within 1 dB at every margin."""
    table = causality_cliff([kind], site=street, seconds=15)
    np.testing.assert_allclose(differences(table)[kind], 0, atol=1.0)


def test_more_margin_never_hurts(street: Site) -> None:
    """The bound rises with the margin, up to the ambient ceiling."""
    table = causality_cliff(["traffic", "fan"], site=street, seconds=6)
    assert table.margins_ms == MARGINS_MS
    assert (np.diff(table.nr_db, axis=1) > -0.4).all()
    assert table.nr_db.max() < 30.1


def test_ambient_and_sensor_set_the_ceiling(street: Site) -> None:
    """At +5 ms band noise is capped by whichever is louder."""
    quiet = causality_cliff(["band"], [5.0], site=street, seconds=6, ambient_db=-20)
    assert quiet.nr_db[0, 0] == pytest.approx(20, abs=0.2)
    noisy = causality_cliff(["band"], [5.0], site=street, seconds=6, reference_snr_db=10)
    assert 9 < noisy.nr_db[0, 0] < 20


def test_table_is_plain_in_json(street: Site) -> None:
    """The table goes through json."""
    table = causality_cliff(["hum"], [-10.0, 5.0], site=street, seconds=2)
    loaded = json.loads(json.dumps(table.to_json()))
    assert loaded["kinds"] == ["hum"]
    assert len(loaded["nr_db"][0]) == 2


def test_tones_of_a_mix_are_followed_through_the_same_filter(street: Site) -> None:
    """What is left of tones and of the rest adds up to the whole error."""
    rng = np.random.default_rng(1)
    tone = np.sin(2 * np.pi * 200 / 8000 * np.arange(40_000))
    setting = Setting(street, tone + 0.3 * rng.standard_normal(40_000), tone, -30, 50, 0)
    case = solve(setting, -10.0, 256)
    late = slice(16_000, None)
    tones_db = 10 * np.log10(np.sum(case.tones[late] ** 2) / np.sum(case.tones_left[late] ** 2))
    rest, rest_left = case.disturbance - case.tones, case.error - case.tones_left
    rest_db = 10 * np.log10(np.sum(rest[late] ** 2) / np.sum(rest_left[late] ** 2))
    assert tones_db > 15
    assert -1 < rest_db < 1


def test_unknown_noise_is_refused() -> None:
    """A kind that has no generator is named."""
    with pytest.raises(ParameterError, match="kind='thunder'"):
        causality_cliff(["thunder"], [0.0])
