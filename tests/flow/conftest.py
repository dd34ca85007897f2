"""What most flow tests begin with."""

from collections.abc import Iterator

import pytest
from server import Site


@pytest.fixture
def site() -> Iterator[Site]:
    """Lend a site of its own on the loopback; a test puts pages on it."""
    with Site() as running:
        yield running
