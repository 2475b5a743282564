"""What holds for all tests: property tests are judged by what they find, not by the clock."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("kt", deadline=None)
settings.load_profile("kt")
