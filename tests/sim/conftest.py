"""An exchange for the tests of one file, and a client of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serving import Served, serve
from tests.sim.wireclient import WireClient, client


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve() as found:
        yield found


@pytest.fixture
def wire(served: Served, request: pytest.FixtureRequest) -> Iterator[WireClient]:
    with client(served.base_url, request.node.name) as found:
        yield found
