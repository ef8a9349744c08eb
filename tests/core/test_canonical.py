from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
import rfc8785
from django.utils.safestring import SafeString
from hypothesis import given
from hypothesis import strategies as st

from apps.core.canonical import canonical_bytes, plain
from apps.registry.models import Phase

text = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_writes_the_bytes_of_the_reference(value):
    assert canonical_bytes(value) == rfc8785.dumps(value)


def test_keys_sort_by_utf_16():
    # As bytes, and as code points, the first would come first.
    value = {"\ufb33": 1, "\U0001f600": 2}
    assert canonical_bytes(value) == '{"\U0001f600":2,"\ufb33":1}'.encode()
    assert canonical_bytes({"a": [value]}) == rfc8785.dumps({"a": [value]})


@pytest.mark.parametrize(
    "value, written",
    [
        (UUID(int=1), b'"00000000-0000-0000-0000-000000000001"'),
        (Decimal("1.50"), b'"1.50"'),
        (date(2026, 3, 1), b'"2026-03-01"'),
        (datetime(2026, 3, 1, 12, tzinfo=UTC), b'"2026-03-01T12:00:00.000000Z"'),
        (datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2))), b'"2026-03-01T10:00:00.000000Z"'),
        (Phase.PILOT, b'"pilot"'),
        (SafeString("<b>"), b'"<b>"'),
        ({1: ("a", None)}, b'{"1":["a",null]}'),
        ('\x00\x1f\x7f\u2028"\\', rfc8785.dumps('\x00\x1f\x7f\u2028"\\')),
    ],
)
def test_what_becomes_of_each_type(value, written):
    assert canonical_bytes(value) == written


def test_refuses_floats_and_what_it_does_not_know():
    for value in (1.5, [{"a": 0.1}], object(), {"a"}):
        with pytest.raises(TypeError):
            plain(value)


@pytest.mark.parametrize("value", [2**53, -(2**53), "\ud800"])
def test_refuses_what_the_reference_refuses(value):
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical_bytes(value)
