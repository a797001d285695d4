"""What a notebook shows of an export."""

import dataclasses

from pocketrnn_export.exporting import Export


def test_an_export_is_shown_without_its_bytes() -> None:
    values = {field.name: 0 for field in dataclasses.fields(Export)} | {"data": b"x" * 10**6}
    assert len(repr(Export(**values))) < 300  # type: ignore[arg-type]
