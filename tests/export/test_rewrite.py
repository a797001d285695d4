"""Each pass of the rewriting: the same scores before and after, and the graph it promises."""

from collections import Counter
from functools import cache
from typing import Any

import keras
import numpy as np
import onnx
import onnx_ir as ir
import pytest
from numpy.typing import NDArray
from pocketrnn import TextConfig
from pocketrnn.session import import_onnxruntime
from pocketrnn_export import convert, rewrite
from pocketrnn_train.layers import SqrtnMax, Windows

TEXT = TextConfig(num_words=50, maxlen=30)


@cache
def network(
    cell: str = "SimpleRNN",
    *,
    layers: int = 1,
    bidirectional: bool = False,
    mask: bool = False,
    pool: bool = False,
    window: int = 0,
    classes: int = 2,
    **options: Any,
) -> keras.Model:
    """Build a small network with scores that are far apart, once for all tests."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((None,), dtype="int32")])
    model.add(keras.layers.Embedding(50, 8, mask_zero=mask))
    for layer in range(layers):
        sequences = pool or layer < layers - 1
        recurrent = getattr(keras.layers, cell)(6, return_sequences=sequences, **options)
        if bidirectional:
            recurrent = keras.layers.Bidirectional(recurrent)
        model.add(Windows(recurrent, window) if window else recurrent)
    if pool:
        model.add(SqrtnMax())
    binary = classes == 2
    model.add(
        keras.layers.Dense(1 if binary else classes, activation="sigmoid" if binary else "softmax")
    )
    embedding, *others = model.get_weights()
    model.set_weights([20 * embedding, *others])
    return model


def ids() -> NDArray[np.int32]:
    """Return padded rows: of full length, of most lengths, of one word."""
    rows = np.random.default_rng(0).integers(1, 50, (9, TEXT.maxlen), np.int32)
    for row, padding in zip(rows, (0, 0, 5, 10, 11, 19, 20, 25, 29), strict=True):
        row[:padding] = TEXT.pad_id
    return rows


def scores(proto: onnx.ModelProto, rows: NDArray[np.int32]) -> NDArray[np.float32]:
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    (result,) = session.run(None, {"ids": rows})
    return result


def operators(proto: onnx.ModelProto) -> Counter[str]:
    """Count the operators of the graph, and of loop bodies as `Scan/Tanh`."""
    found: Counter[str] = Counter()
    for node in proto.graph.node:
        found[node.op_type] += 1
        for attribute in node.attribute:
            found.update(f"{node.op_type}/{inner.op_type}" for inner in attribute.g.node)
    return found


@cache
def converted(model: keras.Model) -> onnx.ModelProto:
    """Return what tf2onnx makes of a network: half a second, where all passes take a tenth."""
    return convert.to_onnx(model)


def before_and_after(name: str, model: keras.Model, **options: Any) -> tuple[Any, Any]:
    """Return the graph ahead of the pass `name`, and behind it."""
    graph = rewrite.load(converted(model))
    for current, apply in rewrite.passes(TEXT, **options).items():
        before = ir.to_proto(ir.from_proto(rewrite.store(graph)))
        apply(graph)
        if current == name:
            return before, rewrite.store(graph)
    raise AssertionError(f"no pass {name}")


def unchanged(before: onnx.ModelProto, after: onnx.ModelProto, tolerance: float = 1e-6) -> None:
    onnx.checker.check_model(after, full_check=True)
    expected = scores(before, ids())
    assert np.ptp(expected) > 0.01, "scores that are all alike prove nothing"
    np.testing.assert_allclose(scores(after, ids()), expected, rtol=0, atol=tolerance)


def test_plain_ids() -> None:
    before, after = before_and_after("plain_ids", network())
    unchanged(before, after)
    assert operators(before)["Mul"] == 2
    assert operators(after)["Mul"] == 0


def test_plain_ids_leaves_other_lookups_alone() -> None:
    """Words looked up by anything but their ids stay so: here, each by the id above its own."""
    x = keras.Input((None,), dtype="int32")
    shifted = keras.ops.minimum(x + 1, 49)
    pooled = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(50, 8)(shifted))
    model = keras.Model(x, keras.layers.Dense(1, activation="sigmoid")(pooled))
    before, after = before_and_after("plain_ids", model)
    np.testing.assert_array_equal(scores(after, ids()), scores(before, ids()))
    assert operators(after)["Min"] == 1


def test_selects() -> None:
    before, after = before_and_after("selects", network(mask=True))
    unchanged(before, after)
    assert operators(before)["Loop/Where"] == 0
    assert operators(after)["Loop/Where"] == 2
    assert operators(after)["Loop/Mul"] == 0


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mask": True},
        {"layers": 2},
        {"bidirectional": True},
        {"cell": "GRU"},
        {"cell": "LSTM", "mask": True},
        {"mask": True, "pool": True, "window": 10},
    ],
    ids=str,
)
def test_loops_to_scans(options: dict[str, Any]) -> None:
    before, after = before_and_after("loops_to_scans", network(**options))
    unchanged(before, after)
    assert operators(before)["Loop"] >= 1
    assert operators(after)["Loop"] == 0
    assert operators(after)["Scan"] == operators(before)["Loop"]


LOOP = """
<ir_version: 8, opset_import: ["" : 15]>
g (int32[batch, time] ids) => (float[batch] scores)
<int32 zero = {0}, int32 step = {1}, bool go = {1}, int64[1] i0 = {0}, int64[1] i1 = {1},
 int64[1] i2 = {2}, int64 five = {5}>
{
    numbers = Cast<to=1>(ids)
    sequence = Transpose<perm=[1, 0]>(numbers)
    shape = Shape(sequence)
    times = Slice(shape, i0, i1, i0)
    trips = Squeeze(times, i0)
    rows = Slice(shape, i1, i2, i0)
    start = ConstantOfShape(rows)
    end, scores, ys = Loop(trips, go, zero, start) <body = step (
        int64 i, bool c, int32 t, float[batch] sum
    ) => (bool more, int32 next, float[batch] total, float[batch] y) {
        x = Gather<axis=0>(sequence, t)
        total = Add(sum, x)
        y = Identity(total)
        next = Add(t, step)
        more = Identity(c)
    }>
}
"""


def test_loops_to_scans_by_hand() -> None:
    """A loop that sums a sequence, written without TensorFlow."""
    graph = rewrite.load(onnx.parser.parse_model(LOOP))
    rewrite.passes(TEXT)["loops_to_scans"](graph)
    after = rewrite.store(graph)
    assert operators(after)["Scan"] == 1
    np.testing.assert_array_equal(scores(after, ids()), ids().sum(axis=1))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Loop(trips,", "Loop(five,"),
        ("int32 zero = {0}", "int32 zero = {-1}"),
        ("next = Add(t, step)", "next = Add(step, step)"),
        ("total = Add(sum, x)", "f = Cast<to=1>(t)  z = Add(x, f)  total = Add(sum, z)"),
        ("total = Add(sum, x)", "f = Cast<to=1>(i)  z = Add(x, f)  total = Add(sum, z)"),
        ("Gather<axis=0>(sequence, t)", "Gather<axis=0>(sequence, zero)"),
    ],
)
def test_loops_of_another_kind_stay(old: str, new: str) -> None:
    """Fewer trips, another first step, no counter, states that know the step, no sequence."""
    assert old in LOOP
    before = onnx.parser.parse_model(LOOP.replace(old, new))
    graph = rewrite.load(before)
    rewrite.passes(TEXT)["loops_to_scans"](graph)
    after = rewrite.store(graph)
    assert operators(after)["Loop"] == 1
    assert operators(after)["Scan"] == 0
    np.testing.assert_array_equal(scores(after, ids()), scores(before, ids()))


def test_merge_states() -> None:
    before, after = before_and_after("merge_states", network(mask=True))
    unchanged(before, after)
    assert operators(before)["Scan/Where"] == 2
    assert operators(after)["Scan/Where"] == 1


def test_merge_states_keeps_those_that_differ() -> None:
    """An LSTM's output and its cell both start at zero, and are not the same."""
    before, after = before_and_after("merge_states", network("LSTM", mask=True))
    unchanged(before, after)
    assert operators(after)["Scan/Where"] == 2


def test_last_states() -> None:
    before, after = before_and_after("last_states", network())
    unchanged(before, after)
    scan = [node for node in after.graph.node if node.op_type == "Scan"]
    assert [len(node.output) for node in scan] == [1]


def test_last_states_keeps_sequences_that_are_read() -> None:
    before, after = before_and_after("last_states", network(layers=2))
    unchanged(before, after)
    scan = [node for node in after.graph.node if node.op_type == "Scan"]
    assert sorted(len([name for name in node.output if name]) for node in scan) in ([1, 1], [1, 2])


@pytest.mark.parametrize("options", [{}, {"layers": 2}, {"cell": "GRU"}], ids=str)
def test_project_ahead(options: dict[str, Any]) -> None:
    before, after = before_and_after("project_ahead", network(**options))
    unchanged(before, after)
    layers = options.get("layers", 1)
    assert operators(before)["Scan/MatMul"] == 2 * layers
    assert operators(after)["Scan/MatMul"] == layers


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_bias": False},
        {"bidirectional": True},
        {"layers": 2},
        {"mask": True, "pool": True, "window": 10},
    ],
    ids=str,
)
def test_fold_tables(options: dict[str, Any]) -> None:
    before, after = before_and_after("fold_tables", network(**options))
    unchanged(before, after)
    _, final = before_and_after("store_weights", network(**options))
    tables = [list(c.dims) for c in final.graph.initializer if c.dims and c.dims[0] == 50]
    # Neither the word vectors themselves, 8 wide, nor more than a table a direction.
    assert tables == [[50, 6]] * (2 if options.get("bidirectional") else 1)


def test_masks_to_zero_rows() -> None:
    before, after = before_and_after("masks_to_zero_rows", network(mask=True))
    unchanged(before, after)
    assert operators(before)["Scan/Where"] == 1
    assert operators(after)["Scan/Where"] == 0


@pytest.mark.parametrize(
    "options",
    [{"activation": "sigmoid"}, {"layers": 2}, {"cell": "GRU"}],
    ids=str,
)
def test_masks_that_matter_stay(options: dict[str, Any]) -> None:
    """A step with no input moves these: sigmoid(0) is not 0, a second layer adds its bias."""
    before, after = before_and_after("masks_to_zero_rows", network(mask=True, **options))
    unchanged(before, after)
    assert operators(after)["Scan/Where"] == 1


@pytest.mark.parametrize(
    "options",
    [{}, {"activation": "relu"}, {"layers": 2}, {"cell": "GRU"}, {"mask": True}],
    ids=str,
)
def test_skip_padding(options: dict[str, Any]) -> None:
    model = network(**options)
    before, after = before_and_after("skip_padding", model)
    unchanged(before, after)
    full = scores(before, ids())
    for row, expected in zip(ids(), full, strict=True):
        needed = row[np.flatnonzero(row)[0] :]
        for time in {len(needed), min(len(needed) + 3, TEXT.maxlen)}:
            np.testing.assert_allclose(scores(after, row[None, -time:])[0], expected, atol=1e-6)


def test_skip_padding_stores_a_state_only_while_it_moves() -> None:
    """A state that has settled is stored once, however many steps of padding follow."""
    text = TextConfig(num_words=50, maxlen=400)
    graph = rewrite.load(converted(network()))
    for apply in rewrite.passes(text).values():
        apply(graph)
    (table,) = [v for v in graph.graph.initializers.values() if v.name.startswith("padding")]
    assert 5 < table.shape[0] < 300


@pytest.mark.parametrize(("window", "classes"), [(0, 5), (10, 2)])
def test_pool_in_loop(window: int, classes: int) -> None:
    model = network(mask=True, pool=True, window=window, classes=classes)
    before, after = before_and_after("pool_in_loop", model)
    unchanged(before, after)
    (scan,) = [node for node in after.graph.node if node.op_type == "Scan"]
    assert operators(after)["Scan/Max"] == 1
    assert len(scan.output) == 3
    keras_scores = model.predict(ids(), verbose=0)
    np.testing.assert_allclose(scores(after, ids()), keras_scores, atol=1e-6)
    if window:
        np.testing.assert_allclose(scores(after, ids()[6:, 20:]), keras_scores[6:], atol=1e-6)


def test_pool_in_loop_leaves_other_poolings_alone() -> None:
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(50, 8, mask_zero=True),
            keras.layers.SimpleRNN(6, return_sequences=True),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    before, after = before_and_after("pool_in_loop", model)
    np.testing.assert_allclose(scores(after, ids()), scores(before, ids()), atol=1e-6)
    assert operators(after)["Scan/Max"] == 0


def test_products_to_gemm() -> None:
    before, after = before_and_after("products_to_gemm", network())
    unchanged(before, after)
    inside = {name: n for name, n in operators(after).items() if name.startswith("Scan/")}
    assert inside == {"Scan/Gemm": 1, "Scan/Tanh": 1}


@pytest.mark.parametrize(
    ("weights", "bytes_each", "tolerance"), [("float16", 2, 2e-3), ("int8", 1, 3e-2)]
)
def test_store_weights(weights: str, bytes_each: int, tolerance: float) -> None:
    before, after = before_and_after("store_weights", network(), weights=weights)
    unchanged(before, after, tolerance)
    assert np.abs(scores(before, ids()) - scores(after, ids())).max() > 0
    names = convert.tables(after.graph, 50)
    sizes = [len(c.raw_data) for c in after.graph.initializer if c.name in names]
    assert max(sizes) == 50 * 6 * bytes_each


def test_store_weights_survives_rows_of_zeros() -> None:
    before, after = before_and_after("store_weights", network(mask=True), weights="int8")
    unchanged(before, after, 3e-2)


@pytest.mark.parametrize("change", [{"padding": "post"}, {"truncating": "post"}], ids=str)
def test_padding_on_the_right_is_left_as_it_is(change: dict[str, Any]) -> None:
    text = TextConfig(num_words=50, maxlen=30, **change)
    plain = converted(network(mask=True))
    rows = ids()[:, ::-1].copy() if "padding" in change else ids()
    after = rewrite.rewrite(plain, text)
    np.testing.assert_allclose(scores(after, rows), scores(plain, rows), atol=1e-6)
