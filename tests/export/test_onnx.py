"""What the runtime writes and reads of ONNX by itself, against the onnx package."""

import random
from typing import Any

import onnx
import pytest
from google.protobuf.message import DecodeError

import tinyonnx
from kinds import KINDS, Kind, config, covering
from pocketrnn import errors
from pocketrnn.modelfile import forms
from pocketrnn.modelfile import onnx as own
from pocketrnn.modelfile.graph import classifier
from tinyonnx import field, varint


def check_form(form: Any, kind: Kind) -> None:
    settings = config(kind)
    if form is forms.one and not settings.network.window:
        return  # such a network is a chain
    weights = tinyonnx.weights(settings)
    data = own.model_to_bytes(
        own.to_bytes(form(settings.network, settings.size), weights), {"a": "é"}
    )
    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    assert model.SerializeToString() == data


FORMS = {"file": classifier, "many": forms.many, "one": forms.one, "chain": forms.chain}


@pytest.mark.parametrize("form", FORMS)
def test_as_the_onnx_package_writes_it(form: str) -> None:
    for kind in covering(18):
        check_form(FORMS[form], kind)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_every_kind_as_the_onnx_package_writes_it(form: str) -> None:
    for kind in KINDS:
        check_form(FORMS[form], kind)


# -- the reader ---------------------------------------------------------------------------------

METADATA = {"pocketrnn.a": "naïve", "b": "", "": "x" * 200}
FILE = own.model_to_bytes(field(2, "g") + field(5, field(1, 3) + field(8, "c")), METADATA)
PIECES = (
    *(field(7, field(2, "h")), field(14, field(1, "k") + field(2, "v")), field(14, b"")),
    *(
        field(8, field(1, "d") + field(2, 9)),
        field(2, "producer"),
        field(99, "?"),
        field(99, 2**63),
    ),
    *(varint(99 << 3 | 1) + bytes(8), varint(99 << 3 | 5) + bytes(4), field(14, field(1, 5))),
    *(varint(2**32 + (7 << 3 | 2)) + varint(0), b"\x80", b"\xf2\x80\x00\x00", field(7, 3)),
    *(varint(14 << 3 | 3), varint(14 << 3 | 4), field(14, field(2, "v") + field(1, "k"))),
    *(field(14, field(1, "k") + field(1, "twice")), field(14, field(3, "?") + field(1, "k3"))),
    *(b"\xff" * 9 + b"\x01", b"\xff" * 10, b"\x72\x80\x80\x00", field(1, 8)),
)


def edited(seed: int) -> bytes:
    choose = random.Random(seed)
    data = bytearray(FILE)
    for _ in range(choose.randint(1, 3)):
        at = choose.randint(2, len(data))
        edit = choose.randrange(5)
        if edit == 0:
            data[at : at + 1] = bytes([choose.randrange(256)])
        elif edit == 1:
            del data[at : at + choose.randint(1, 8)]
        elif edit == 2:
            data[at:at] = choose.choice(PIECES)
        elif edit == 3:
            data += choose.choice(PIECES)
        else:
            data[at : at + 1] = varint(choose.choice([0, 1, 127, 128, 300, 2**31, 2**63]))
    return bytes(data)


def compare(seeds: range) -> tuple[int, int]:
    """Read altered files in both ways; return how many both could read, and how many not."""
    same = refused = 0
    for seed in seeds:
        data = edited(seed)
        try:
            graph, metadata = own.parse(data)
            model = onnx.load_from_string(data)
        except (errors.ModelFileError, DecodeError):
            refused += 1  # by pocketrnn, or for what it compares and doesn't read, such as a graph
            continue
        found = {entry.key: entry.value for entry in model.metadata_props}
        assert found == metadata, seed
        assert len(found) == len(model.metadata_props), seed
        assert model.graph == onnx.GraphProto.FromString(bytes(graph)), seed
        same += 1
    return same, refused


def test_the_onnx_package_reads_the_same() -> None:
    assert min(compare(range(3000))) > 300


@pytest.mark.slow
def test_the_onnx_package_reads_the_same_of_many() -> None:
    assert min(compare(range(10_000, 310_000))) > 10_000
