"""Whatever bytes arrive, every decoder takes or refuses them; nothing else comes out of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from decoders import DECODERS


@pytest.mark.parametrize("name", DECODERS)
def test_whatever_bytes_arrive(name):
    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=400))
    def take(data):
        DECODERS[name](data)

    take()
