"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("antiphase", deadline=None, derandomize=True)
settings.register_profile("hunt", deadline=None, max_examples=5000)
settings.load_profile("antiphase")
