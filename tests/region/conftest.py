"""Both functions on the real runtime, started once for the tests of the region."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.region.places import Places, real_places


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    with real_places(tmp_path_factory.mktemp("places")) as urls:
        yield urls
