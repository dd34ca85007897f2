"""Digests are spelled as every reader of WARC files spells them."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from storage.digest import labelled


@given(st.binary(min_size=20, max_size=20))
def test_a_digest_is_spelled_as_the_standard_library_spells_it(sha1):
    """Any 20 bytes are written in base32, as RFC 4648 has it."""
    assert labelled(sha1) == f"sha1:{base64.b32encode(sha1).decode()}"
