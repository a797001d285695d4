"""Tables of series, of every format: forecasts with the next time stamps, and errors by series."""

import csv
import gzip
import io
import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forecasters
from pocketrnn.cli import main
from pocketrnn.errors import ColumnError, ConfigError, InputError, OutputError
from pocketrnn.forecast.scoring import flag_file, forecast_file
from pocketrnn.forecast.table import Columns, SeriesTable

MODEL = forecasters.load()
NAMES = ("unique_id", "ds", "y")
Rows = list[tuple[Any, ...]]


def month(i: int) -> str:
    return f"{2020 + i // 12}-{i % 12 + 1:02d}-01"


def rows(count: int = 3, length: int = 20) -> Rows:
    return [
        (f"s{i}", month(t), value)
        for i in range(count)
        for t, value in enumerate(forecasters.seasons(length, 10.0 ** (i + 1)))
    ]


def write(path: Path, table: Rows, names: tuple[str, ...] = NAMES) -> Path:
    records = [dict(zip(names, row, strict=True)) for row in table]
    if ".csv" in path.name or path.suffix == ".tsv":
        text = io.StringIO()
        writer = csv.writer(text, delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writerows([names, *table])
        data = text.getvalue().encode()
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    elif path.suffix == ".json":
        path.write_text(json.dumps(records))
    elif path.suffix == ".xlsx":
        book = pytest.importorskip("openpyxl").Workbook()
        for row in [names, *table]:
            book.worksheets[0].append(row)
        book.save(path)
    else:
        table = pytest.importorskip("pyarrow").Table.from_pylist(records)
        pytest.importorskip("pyarrow.parquet").write_table(table, path)
    return path


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return list(pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist())
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))


@pytest.mark.parametrize("given", ["csv", "csv.gz", "tsv", "jsonl", "json", "xlsx", "parquet"])
@pytest.mark.parametrize("made", ["csv", "tsv", "jsonl", "parquet"])
def test_every_format(tmp_path: Path, given: str, made: str) -> None:
    if made == "parquet":
        pytest.importorskip("pyarrow")
    source, output = write(tmp_path / f"in.{given}", rows()), tmp_path / f"out.{made}"
    summary = forecast_file(source, str(output), MODEL, levels=(80, 99), horizon=2)
    assert (summary.series, summary.errors, summary.rows) == (3, 0, 6)
    found = read(output)
    assert list(found[0]) == ["unique_id", "ds", "forecast", "lo-80", "hi-80", "lo-99", "hi-99"]
    assert [row["unique_id"] for row in found] == ["s0", "s0", "s1", "s1", "s2", "s2"]
    assert [row["ds"] for row in found[:2]] == [month(20), month(21)]
    expected = MODEL.forecast(forecasters.seasons(20, 100.0))
    assert np.allclose([float(row["forecast"]) for row in found[2:4]], expected.median[:2])
    assert np.allclose([float(row["hi-80"]) for row in found[2:4]], expected.upper[:2])


def test_times_of_parquet_stay_times(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    table = [
        ("a", datetime(2020 + i // 12, i % 12 + 1, 1), float(v)) for i, v in enumerate([1, 2] * 8)
    ]
    for unit in ("ns", "us", "ms"):
        source, output = tmp_path / f"{unit}.parquet", tmp_path / f"{unit}-out.parquet"
        kinds = {"unique_id": pa.string(), "ds": pa.timestamp(unit), "y": pa.float64()}
        columns = [
            pa.array(c, k) for c, k in zip(zip(*table, strict=True), kinds.values(), strict=True)
        ]
        pq.write_table(pa.table(columns, list(kinds)), source)
        forecast_file(source, str(output), MODEL)
        assert read(output)[0]["ds"] == datetime(2021, 5, 1)


def test_missing_rows_and_empty_cells_are_unknown(tmp_path: Path) -> None:
    table = rows(1)
    expected = [row[2] for row in table]
    expected[7] = expected[9] = expected[11] = None
    table[9], table[11] = ("s0", month(9), ""), ("s0", month(11), "NA")
    del table[7]
    output = tmp_path / "out.csv"
    summary = forecast_file(write(tmp_path / "in.csv", table), str(output), MODEL)
    assert summary.unknown == 3
    found = [float(row["forecast"]) for row in read(output)]
    assert np.allclose(found, MODEL.forecast(expected).median)


def test_a_forecast_starts_after_the_last_known_value(tmp_path: Path) -> None:
    table = [*rows(1), *[("s0", month(20 + i), "") for i in range(3)]]
    output = tmp_path / "out.csv"
    forecast_file(write(tmp_path / "in.csv", table), str(output), MODEL)
    assert [row["ds"] for row in read(output)] == [month(20 + i) for i in range(5)]
    found = [float(row["forecast"]) for row in read(output)]
    assert np.allclose(found, MODEL.forecast([row[2] for row in rows(1)]).median)


def test_a_forecast_of_what_is_past_is_an_error(tmp_path: Path) -> None:
    table = [*rows(1), *[("s0", month(20 + i), "") for i in range(3)]]
    source = write(tmp_path / "in.csv", table)
    with pytest.raises(
        InputError, match="last 3 values aren't known, and a forecast has 3: say hor"
    ):
        forecast_file(source, str(tmp_path / "out.csv"), MODEL, horizon=3)


def test_a_value_behind_a_gap_is_judged_from_before_it(tmp_path: Path) -> None:
    for gap, judged in ((2, 1), (5, 0)):
        table = [*rows(1), ("s0", month(20 + gap), 1e6)]
        output = tmp_path / f"out{gap}.csv"
        summary = flag_file(write(tmp_path / "in.csv", table), str(output), MODEL, share=0.01)
        assert (summary.series, summary.judged) == (1, judged)
        if judged:
            expected = MODEL.forecast([row[2] for row in rows(1)], level=99).upper[gap]
            assert float(read(output)[0]["hi-99"]) == pytest.approx(float(expected), rel=1e-5)


def test_other_columns_one_series_and_numbers_alone(tmp_path: Path) -> None:
    table = [row[1:] for row in rows(1)]
    source = write(tmp_path / "in.csv", table, ("when", "kWh"))
    output = tmp_path / "out.csv"
    forecast_file(source, str(output), MODEL, columns=Columns(None, "when", "kWh"))
    assert list(read(output)[0]) == ["when", "forecast", "lo-80", "hi-80"]
    assert read(output)[0]["when"] == month(20)
    plain = tmp_path / "in.txt"
    plain.write_text("".join(f"{value}\n" for _, value in table) + "\n \n")
    forecast_file(plain, str(tmp_path / "plain.csv"), MODEL)
    lines = read(tmp_path / "plain.csv")
    assert [row["ds"] for row in lines] == ["21", "22", "23", "24", "25"]
    assert lines[0]["forecast"] == read(output)[0]["forecast"]
    for path in (source, write(tmp_path / "in.jsonl", table, ("when", "kWh"))):
        for columns, said in (
            (Columns("id", "when", "kWh"), "'id'; there are: 'when', 'kWh'; say id_column"),
            (Columns(None, "ds", "kWh"), "'ds'; there are: 'when', 'kWh'; say time_column"),
            (Columns(None, "when"), "'y'; there are: 'when', 'kWh'; say value_column"),
            (Columns(), "'ds' and no column called 'y'; .* say time_column=... and value_column"),
        ):
            with pytest.raises(ColumnError, match=f"in.*: no column called {said}"):
                forecast_file(path, str(tmp_path / "no.csv"), MODEL, columns=columns)
    write(source, rows(), ("forecast", "ds", "y"))
    with pytest.raises(ConfigError, match="a column forecast of its own"):
        forecast_file(source, str(tmp_path / "no.csv"), MODEL, columns=Columns("forecast"))
    assert not (tmp_path / "no.csv").exists()


def test_series_without_ids_are_not_joined_silently(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = rows(1, 40)
    stores = [("north" if i < 20 else "south", *row[1:]) for i, row in enumerate(table)]
    source = write(tmp_path / "in.csv", stores, ("store", "ds", "y"))
    forecast_file(source, str(tmp_path / "out.csv"), MODEL)
    assert "one of 'store' names the series, say id_column" in caplog.text
    parts = [
        write(tmp_path / f"{i}.csv", [row[1:] for row in table[i : i + 20]], ("ds", "y"))
        for i in (0, 20)
    ]
    with pytest.raises(InputError, match="several files without a column of ids"):
        forecast_file(parts, str(tmp_path / "no.csv"), MODEL)


FAULTS: dict[str, tuple[tuple[Any, ...], str]] = {
    "off the grid": (("s1", "2020-05-02", 1), "line 26: time stamp '2020-05-02' isn't on the grid"),
    "twice": (("s1", month(3), 1), "line 26: time stamp '2020-04-01' is there twice"),
    "out of order": (("s1", month(1), 1), "line 26: time stamp '2020-02-01' comes after"),
    "no time": (("s1", "soon", 1), "line 26: time stamp 'soon' isn't"),
    "no number": (("s1", month(4), "many"), "line 26: 'many' isn't a number"),
    "a comma": (("s1", month(4), "1,5"), "line 26: '1,5' isn't a number"),
    "infinite": (("s1", month(4), "inf"), "line 26: 'inf' isn't a number"),
    "an underscore": (("s1", month(4), "1_000"), "line 26: '1_000' isn't a number"),
    "no id": (("", month(4), 1), "line 26: no unique_id"),
}


def test_points_between_thousands_are_no_fractions(tmp_path: Path) -> None:
    def series(*values: str) -> list[tuple[Any, ...]]:
        return [("s", month(i), value) for i, value in enumerate(values)]

    for values in (
        ["1.200", "992", *["1.007"] * 12],
        ["", "1.200", "-12", *["7"] * 12],
        ["+1.200", "992 ", *["1.007"] * 12],
    ):
        source = write(tmp_path / "in.csv", series(*values))
        row = [value.strip("+") for value in values].index("1.200")
        with pytest.raises(InputError, match=f"line {row + 2}: beside .* may be .?1200 or a"):
            forecast_file(source, str(tmp_path / "out.csv"), MODEL)
    for values in (
        ["1.200", "992.000", *["1.007"] * 12],
        ["1.200", "1300", *["7"] * 12],
        ["1.200", "0.5", *["7"] * 12],
        ["0.125", "1", *["7"] * 12],
        ["12.345", "0", "0", *["7.250"] * 12],
    ):
        source = write(tmp_path / "in.csv", series(*values))
        assert forecast_file(source, str(tmp_path / "out.csv"), MODEL, force=True).errors == 0
    for wrong in ("1,5", "1.234.567"):
        source = write(tmp_path / "in.csv", series(wrong, *["7"] * 12))
        with pytest.raises(InputError, match=f"'{wrong}' isn't a number; write a point before"):
            forecast_file(source, str(tmp_path / "out.csv"), MODEL, force=True)


@pytest.mark.parametrize("fault", FAULTS)
def test_an_error_is_of_its_series(tmp_path: Path, fault: str) -> None:
    table = rows()
    table[24], said = FAULTS[fault]
    source, output = write(tmp_path / "in.csv", table), tmp_path / "out.csv"
    with pytest.raises(InputError, match=said):
        forecast_file(source, str(output), MODEL)
    assert not output.exists()
    summary = forecast_file(source, str(output), MODEL, on_error="skip")
    assert summary.errors >= 1
    assert {"s0", "s2"} <= {row["unique_id"] for row in read(output)}
    (listed, *_) = read(tmp_path / "out.csv.errors.csv")
    if "line 26" in said:
        assert listed["line"] == "26"
    assert listed["problem"].split(": ")[-1] in said.replace("\\", "") or listed["series"]
    forecast_file(source, str(output), MODEL, on_error="null", force=True)
    empty = [row for row in read(output) if not row["forecast"]]
    assert len(empty) == summary.errors
    assert empty[0]["ds"] == ""
    write(source, rows())
    forecast_file(source, str(output), MODEL, on_error="skip", force=True)
    assert not (tmp_path / "out.csv.errors.csv").exists()


def test_values_and_ids_of_json_that_are_none(tmp_path: Path) -> None:
    table = [("a", month(t), t + 1) for t in range(20)]
    for name, fault, said in (
        ("bool", ("a", month(20), True), "line 21: True isn't a number"),
        ("list", (["a"], month(20), 1), "line 21: no unique_id"),
        ("stamp", ("a", [1], 1), r"line 21: time stamp '\[1\]' isn't"),
        ("huge", ("a", month(20), 10**400), "line 21: .* isn't a number"),
        ("list value", ("a", month(20), [1]), r"line 21: \[1\] isn't a number"),
        ("lists alone", None, r"line 1: \[1\] isn't a number"),
    ):
        several = [(*row[:2], [row[2]]) for row in table] if fault is None else [*table, fault]
        source = write(tmp_path / f"{name}.jsonl", several)
        with pytest.raises(InputError, match=said):
            forecast_file(source, str(tmp_path / "out.csv"), MODEL)
    # Python's hashes of these numbers are equal.
    both = [(name, month(t), t + 1) for name in (-1, -2) for t in range(20)]
    source = write(tmp_path / "in.jsonl", both)
    assert forecast_file(source, str(tmp_path / "out.csv"), MODEL).series == 2
    # A field that isn't used may be there or not.
    lines = [json.dumps({"unique_id": 1, "ds": t, "y": t, "note": "new"}) for t in range(20)]
    lines[9] = lines[9].replace(', "note": "new"', "")
    source.write_text("\n".join(lines))
    assert forecast_file(source, str(tmp_path / "out.csv"), MODEL, force=True).series == 1


def test_parquet_needs_no_text(tmp_path: Path) -> None:
    for columns in ([0, 1, 2], [1, 2]):
        table = [(7, datetime(2020 + t // 12, t % 12 + 1, 1), t + 1.0) for t in range(20)]
        picked = [tuple(row[i] for i in columns) for row in table]
        source = write(tmp_path / "in.parquet", picked, tuple(NAMES[i] for i in columns))
        output = tmp_path / "out.parquet"
        forecast_file(source, str(output), MODEL, horizon=1, force=True)
        (found,) = read(output)
        assert [found.get("unique_id", 7), found["ds"]] == [7, datetime(2021, 9, 1)]


def test_month_ends_where_the_model_has_starts(tmp_path: Path) -> None:
    ends = [
        (name, str(np.datetime64(m[:7]) + 1 - np.timedelta64(1, "D")), y) for name, m, y in rows(1)
    ]
    source, output = write(tmp_path / "in.csv", ends), tmp_path / "out.csv"
    with pytest.raises(InputError, match='say frequency="ME"'):
        forecast_file(source, str(output), MODEL)
    forecast_file(source, str(output), MODEL, frequency="ME", horizon=2)
    assert [row["ds"] for row in read(output)] == ["2021-09-30", "2021-10-31"]
    with pytest.raises(ConfigError, match="QE has other steps"):
        forecast_file(source, str(output), MODEL, frequency="QE")


def test_rows_that_cannot_be_read_are_errors_of_the_series_around(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", rows())
    lines = source.read_text().splitlines(keepends=True)
    lines[30] = "s1,2020-10-01,1,2\n"
    source.write_text("".join(lines))
    output = tmp_path / "out.csv"
    summary = forecast_file(source, str(output), MODEL, on_error="null", horizon=1)
    assert (summary.series, summary.errors) == (2, 1)
    assert [(row["unique_id"], row["ds"]) for row in read(output)] == [
        ("s0", month(20)),
        ("s1", ""),
        ("s2", month(20)),
    ]
    assert read(tmp_path / "out.csv.errors.csv")[0]["series"] == "s1"


def test_a_row_whose_series_cannot_be_told_is_a_fault_of_both_around(tmp_path: Path) -> None:
    source, output = write(tmp_path / "in.csv", rows()), tmp_path / "out.csv"
    good = source.read_text().splitlines(keepends=True)
    for end in (21, 41):  # the last rows of s0 and s1
        lines = [*good[:end], '"s1,2020-01-01,5\n', *good[end:]]
        source.write_text("".join(lines))
        summary = forecast_file(source, str(output), MODEL, on_error="skip", force=True)
        assert (summary.series, summary.errors) == (1, 2)
        _, second = read(tmp_path / "out.csv.errors.csv")
        assert f"the row before it, line {end + 1}: not CSV" in second["problem"]
    # A short row has its id, and so has one of other bytes.
    lines = [*good[:21], "s1,2019-12-01\n", *good[21:]]
    source.write_text("".join(lines))
    forecast_file(source, str(output), MODEL, on_error="skip", force=True)
    (listed,) = read(tmp_path / "out.csv.errors.csv")
    assert (listed["series"], listed["line"]) == ("s1", "22")
    source.write_bytes("".join(good).replace("s1", "Köln").encode("latin-1"))
    forecast_file(source, str(output), MODEL, on_error="skip", force=True, horizon=1)
    (listed,) = read(tmp_path / "out.csv.errors.csv")
    assert (listed["series"], listed["line"]) == ("K\ufffdln", "22")
    assert [row["unique_id"] for row in read(output)] == ["s0", "s2"]
    # At the end of a block, what follows is in the next one.
    table = [(name, month(t), 1.0 + t) for name in ("a", "b") for t in range(1023)]
    lines = [json.dumps(dict(zip(NAMES, row, strict=True))) for row in table]
    source = tmp_path / "in.jsonl"
    source.write_text("\n".join([*lines[:1023], "{", *lines[1023:]]))
    assert forecast_file(source, str(output), MODEL, on_error="skip", force=True).errors == 2


def test_rows_of_json_without_a_field(tmp_path: Path) -> None:
    output = str(tmp_path / "out.csv")
    for names in (NAMES, NAMES[::-1]):
        source = tmp_path / "in.jsonl"
        lines = [{"unique_id": "a", "ds": month(t), "y": str(t)} for t in range(20)]
        lines = [{name: line[name] for name in names} for line in lines]
        for field in ("y", "ds"):
            odd = [dict(line) for line in lines]
            del odd[7][field]
            source.write_text("\n".join(map(json.dumps, odd)))
            with pytest.raises(InputError, match=f"line 8: no field '{field}'"):
                forecast_file(source, output, MODEL)
        one = [dict(line) for line in lines]
        del one[0]["unique_id"]
        source.write_text("\n".join(map(json.dumps, one)))
        with pytest.raises(InputError, match="line 2: has a field 'unique_id', which the first"):
            forecast_file(source, output, MODEL)


def test_ids_that_come_again_stop_the_run(tmp_path: Path) -> None:
    """What was said of their first rows would be taken for the whole."""
    source = write(tmp_path / "in.csv", [*rows(), ("s0", month(40), 1)])
    with pytest.raises(InputError, match=r"series 's0', line 62: rows of this .* further up"):
        forecast_file(source, str(tmp_path / "out.csv"), MODEL, on_error="skip")
    assert not (tmp_path / "out.csv").exists()


def test_types_of_parquet_are_those_of_the_input(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from decimal import Decimal

    import pyarrow.parquet as pq

    source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    ids = [Decimal(10**i) for i in range(3)]
    table = {
        "unique_id": [one for one in ids for _ in range(20)],
        "ds": [datetime(2020 + t // 12, t % 12 + 1, 1) for _ in ids for t in range(20)],
        "value": [1.0 + t for _ in ids for t in range(20)],
    }
    table["value"][59] = 1e6
    types = [pa.decimal128(38, 0), pa.timestamp("ns"), pa.float32()]
    schema = pa.schema(zip(table, types, strict=True))
    pq.write_table(pa.table(table, schema), source)
    columns = Columns(value="value")
    forecast_file(source, str(output), MODEL, columns=columns)
    assert pq.read_schema(output).types[:2] == types[:2]
    # Nothing to write, or nothing but errors first: the columns are the same.
    y = {**table, "y": table["value"]}
    del y["value"]
    schema = pa.schema(zip(y, types, strict=True))
    for usual in (True, False):
        own = {name: column[:40] if usual else column for name, column in y.items()}
        pq.write_table(pa.table(own, schema), source)
        flag_file(source, str(output), MODEL, force=True)
        found = pq.read_table(output)
        assert found.schema.types[:3] == [*types[:2], pa.float64()]
        assert len(found) == (0 if usual else 1)
    y["y"][:19] = [None] * 19
    pq.write_table(pa.table(y, schema), source)
    flag_file(source, str(output), MODEL, force=True, on_error="null")
    assert pq.read_table(output).column("value").to_pylist() == [None, 1e6]
    faulty = [(1, None, 2.0), *((i, t, t + 1.0) for i in (2, 3) for t in range(20))]
    made = write(tmp_path / "in.jsonl", faulty)
    for on_error in ("skip", "null"):
        forecast_file(made, str(output), MODEL, force=True, on_error=on_error)
        assert pq.read_schema(output).types[:2] == [pa.int64(), pa.int64()]
    write(tmp_path / "in.csv", [])
    forecast_file(tmp_path / "in.csv", str(output), MODEL, force=True)
    assert len(pq.read_table(output)) == 0


def test_a_frequency_that_is_not_the_models_is_an_error(tmp_path: Path) -> None:
    days = [("a", f"2024-01-{day:02d}", day) for day in range(1, 25)]
    with pytest.raises(InputError, match="isn't on the grid of MS"):
        forecast_file(write(tmp_path / "in.csv", days), str(tmp_path / "out.csv"), MODEL)
    hourly = forecasters.load(frequency="s")
    sparse = [("a", f"2024-01-{day:02d}", day) for day in range(1, 25)]
    found = list(SeriesTable(write(tmp_path / "s.csv", sparse), hourly.config.frequency))
    assert "is the frequency right?" in found[0].problem


def test_of_one_series_there_are_no_others_to_go_on_with(tmp_path: Path) -> None:
    path, output = tmp_path / "in.csv", str(tmp_path / "out.csv")
    path.write_text("ds,y\n2024-01-01,1\nyesterday,2\n")
    with pytest.raises(InputError, match=r"in.csv, line 3: .*; write it as 2026-01-31$"):
        forecast_file(path, output, MODEL)
    path.write_text("unique_id,ds,y\na,2024-01-01,1\na,yesterday,2\n")
    with pytest.raises(InputError, match=r"in.csv, series 'a', line 3: .*say on_error=\"skip\"$"):
        forecast_file(path, output, MODEL)


def test_a_table_sorted_by_time_is_told_so(tmp_path: Path) -> None:
    """And not that each series of one row has too few values."""
    mixed = [(name, month(t), t + 1) for t in range(24) for name in ("a", "b")]
    source = write(tmp_path / "in.csv", mixed)
    with pytest.raises(InputError, match=r"line 4: .*sort the table by series and time"):
        forecast_file(source, str(tmp_path / "out.csv"), MODEL, horizon=1)


def test_many_series_are_read_one_after_another(tmp_path: Path) -> None:
    source = write(
        tmp_path / "in.csv",
        rows(1) + [(f"n{i}", month(t), t) for i in range(5000) for t in range(4)],
    )
    summary = forecast_file(source, str(tmp_path / "out.jsonl"), MODEL, horizon=1)
    assert summary.series == summary.rows == 5001
    again = write(tmp_path / "again.csv", [("s0", month(0), 1)])
    with pytest.raises(InputError, match=r"again\.csv, series 's0', line 2: rows of this series"):
        forecast_file([source, again], str(tmp_path / "no.csv"), MODEL)


def test_the_last_values_are_flagged(tmp_path: Path) -> None:
    table = rows()
    table[39] = ("s1", month(19), 123456789.5)
    output = tmp_path / "out.csv"
    summary = flag_file(write(tmp_path / "in.csv", table), str(output), MODEL, share=0.01)
    (found,) = [row for row in read(output) if row["unique_id"] == "s1"]
    assert (found["ds"], float(found["value"])) == (month(19), 123456789.5)
    assert float(found["hi-99"]) < 1e6
    assert (summary.series, summary.judged) == (3, 3)
    table[19] = ("s0", month(19), "")
    table[39] = ("s1", month(19), "inf")
    del table[41:]
    source = write(tmp_path / "faults.csv", table)
    summary = flag_file(source, str(output), MODEL, on_error="skip", force=True)
    assert (summary.series, summary.judged, summary.unknown, read(output)) == (1, 0, 1, [])
    assert "ds" in output.read_text()
    problems = [row["problem"] for row in read(tmp_path / "out.csv.errors.csv")]
    assert "'inf' isn't a number" in problems[0]
    assert "fewer than 4 known" in problems[1]


def test_outputs_are_never_overwritten(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", rows())
    output = tmp_path / "out.csv"
    output.write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        forecast_file(source, str(output), MODEL)
    with pytest.raises(ConfigError, match="is the input"):
        forecast_file(source, str(source), MODEL, force=True)
    assert output.read_text() == "mine"
    errors = tmp_path / "out.csv.errors.csv"
    errors.write_text("file,line,comment\n")
    with pytest.raises(OutputError, match=r"errors\.csv: no run wrote this; move it away"):
        forecast_file(source, str(output), MODEL, force=True)
    assert (output.read_text(), errors.read_text()) == ("mine", "file,line,comment\n")
    errors.unlink()
    errors.mkdir()
    with pytest.raises(OutputError, match=r"errors\.csv: no run wrote this; move it away"):
        forecast_file(source, str(output), MODEL, force=True)
    assert output.read_text() == "mine"
    with pytest.raises(OutputError, match="not a file that could be replaced"):
        forecast_file(source, str(errors), MODEL, force=True)
    for options in ({"on_error": "ignore"}, {"horizon": 9}, {"levels": (81,)}):
        with pytest.raises(ConfigError):
            forecast_file(source, str(tmp_path / "no.csv"), MODEL, **options)


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(forecasters.tiny())
    source, output = write(tmp_path / "in.csv", rows()), tmp_path / "out.csv"
    command = [str(source), "-o", str(output), "--model", str(model)]
    assert main(["forecast", *command, "--level", "99"]) == 0
    assert "lo-99" in output.read_text()
    assert (
        "3 series, 15 rows written; 0 values unknown; 0 series in error" in capsys.readouterr().err
    )
    assert main(["forecast", *command]) == 1
    assert "replace it with --force" in capsys.readouterr().err
    assert main(["flag", *command, "--force", "--share", "0.2", "--last", "3"]) == 0
    assert "3 series, 9 values judged, " in capsys.readouterr().err
    write(source, rows()[:-19])
    assert main(["forecast", *command[:2], "-", *command[3:], "--on-error", "skip"]) == 3
    assert "in.csv,42,s2,line 42: known values" in capsys.readouterr().err
    assert main(["forecast", *command, "--force", "--on-error", "skip"]) == 3
    said = capsys.readouterr().err
    assert "out.csv.errors.csv" in said
    assert main(["forecast", *command, "--force"]) == 1
    assert "--on-error skip" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_run_that_is_ended_leaves_nothing(tmp_path: Path) -> None:
    model, source = tmp_path / "model.onnx", tmp_path / "in.csv"
    model.write_bytes(forecasters.tiny())
    os.mkfifo(source)  # opened, and never ending
    command = ["forecast", str(source), "-o", str(tmp_path / "out.csv"), "--model", str(model)]
    table = "".join(f"s{i},{month(t)},{t + 1.5}\n" for i in range(2000) for t in range(20))
    started = [sys.executable, "-m", "pocketrnn", *command]
    with subprocess.Popen(started) as process, source.open("w") as pipe:
        pipe.write("unique_id,ds,y\n" + table)
        pipe.flush()
        until = time.monotonic() + 30
        while len(list(tmp_path.iterdir())) < 3 and time.monotonic() < until:
            time.sleep(0.05)
        assert len(list(tmp_path.iterdir())) == 3
        process.terminate()
        assert process.wait(30) == 143
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "model.onnx"}


def test_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    model, picture = tmp_path / "model.onnx", tmp_path / "out.png"
    model.write_bytes(forecasters.tiny())
    source = write(tmp_path / "in.csv", [("$a_{< 東京", *row[1:]) for row in rows(1)])
    command = [str(source), "-o", str(tmp_path / "out.csv"), "--model", str(model)]
    assert main(["forecast", *command, "--plot", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main(["forecast", *command, "--force", "--plot", "out.txt"]) == 2
    (tmp_path / "out.csv").unlink()
    assert main(["forecast", *command, "--plot", str(picture)]) == 1
    assert main(["forecast", *command, "--plot", str(tmp_path / "out.html")]) == 0
    page = (tmp_path / "out.html").read_text()
    assert "</svg>" in page
    assert f"<!-- {month(20 - MODEL.config.context)} -->" in page  # the first stamp that is drawn
    assert f"<!-- {month(19 + MODEL.config.horizon)} -->" in page


def test_a_picture_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure
    source, output, picture = write(tmp_path / "in.csv", rows(1)), tmp_path / "p.png", "p.png"
    monkeypatch.chdir(tmp_path)
    for plot, said in ((picture, "is the output"), ("none/x.png", "no such folder")):
        with pytest.raises(ConfigError, match=said):
            forecast_file(source, str(output), MODEL, output_format="csv", plot=plot)
        assert not output.exists()
    output.write_text("mine")

    def half(_: Any, path: Any, **options: Any) -> None:
        Path(path).write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure, "savefig", half)
    with pytest.raises(OutputError, match="exists already"):
        forecast_file(source, "out.csv", MODEL, plot=picture)
    assert not Path("out.csv").exists()
    with pytest.raises(OutputError, match="No space"):
        forecast_file(source, "out.csv", MODEL, plot=picture, force=True)
    assert output.read_text() == "mine"


def test_options_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    source, output = write(tmp_path / "in.csv", rows(1)), str(tmp_path / "out.csv")
    with pytest.raises(ConfigError, match="levels must have at least one"):
        forecast_file(source, output, MODEL, levels=())
    with pytest.raises(ConfigError, match="last must be at least 1"):
        flag_file(source, output, MODEL, last=1.5)  # type: ignore[arg-type]
