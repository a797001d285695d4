"""Splits have every label on both sides, and texts that are alike on one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrnn_train.corpora.splits import folds, groups_of, leaders, plain, split, split_last


def alone(labels: np.ndarray) -> np.ndarray:
    return np.arange(len(labels))


@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=200),
    st.floats(0.01, 0.99),
    st.integers(0, 2**32 - 1),
)
def test_split(labels: list[int], share: float, seed: int) -> None:
    array = np.array(labels)
    kept, drawn = split(array, alone(array), share, seed)
    assert sorted([*kept, *drawn]) == list(range(len(labels)))  # disjoint and complete
    for label in set(labels):
        count, of_it = labels.count(label), int((array[drawn] == label).sum())
        if count == 1:
            assert of_it == 0
        else:
            assert 1 <= of_it <= count - 1
            assert abs(of_it - share * count) <= 1
    again = split(array, alone(array), share, seed)
    assert all((a == b).all() for a, b in zip((kept, drawn), again, strict=True))


def test_split_depends_on_the_seed_and_shuffles() -> None:
    labels = np.repeat([0, 1], 50)
    kept, drawn = split(labels, alone(labels), 0.2, 1)
    assert set(split(labels, alone(labels), 0.2, 2)[1]) != set(drawn)
    for rows in (kept, drawn):
        assert rows.tolist() != sorted(rows)


def test_split_last_takes_the_end_of_every_label() -> None:
    labels = np.array([0] * 10 + [1] * 5 + [2] * 2)
    kept, taken = split_last(labels, alone(labels), 0.2)
    assert taken.tolist() == [8, 9, 14, 16]
    assert sorted([*kept.tolist(), *taken.tolist()]) == list(range(17))


ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20)), min_size=2, max_size=100)


@given(ROWS, st.floats(0.01, 0.99), st.integers(0, 2**32 - 1), st.booleans())
def test_a_group_is_on_one_side(
    rows: list[tuple[int, int]], share: float, seed: int, last: bool
) -> None:
    labels = np.array([label for label, _ in rows])
    groups = groups_of([str(group) for _, group in rows])
    if last:
        kept, taken = split_last(labels, groups, share)
    else:
        kept, taken = split(labels, groups, share, seed)
    assert sorted([*kept, *taken]) == list(range(len(rows)))
    assert set(groups[kept]).isdisjoint(groups[taken])
    leading = labels[leaders(labels, groups)]
    for label in np.unique(leading):
        own = set(np.flatnonzero(leading == label))
        if len(own) > 1:
            assert own & set(groups[kept])
            assert own & set(groups[taken])


def test_many_copies_do_not_fill_the_share() -> None:
    """A group that doesn't fit into the share is left, and others are taken."""
    labels = np.zeros(100, np.int64)
    groups = np.array([0] * 50 + list(range(1, 51)))
    for seed in range(20):
        assert len(split(labels, groups, 0.2, seed)[1]) == 20
    groups = np.repeat([0, 1, 2], [50, 30, 20])
    assert split_last(labels, groups, 0.1)[1].tolist() == list(range(80, 100))


@pytest.mark.parametrize("count", [2, 4])
def test_folds_hold_neighbours_of_every_label(count: int) -> None:
    labels = np.array([0] * 9 + [1] * 5)
    fold = folds(labels, alone(labels), count)
    assert set(fold) == set(range(count))
    for label in (0, 1):
        own = fold[labels == label]
        assert (np.diff(own) >= 0).all()
        assert set(own) == set(range(count))


def test_a_label_of_one_text_makes_one_fold() -> None:
    labels = np.array([0, 0, 0, 0, 1])
    assert set(folds(labels, np.arange(5), 4)) == {0}
    # Unless a fold needn't have every label.
    assert folds(labels, np.arange(5), 4, whole=False).tolist() == [0, 1, 2, 3, 1]


@pytest.mark.parametrize("rows", [1, 2, 10])
def test_folds_of_many_labels_are_of_about_one_size(rows: int) -> None:
    labels = np.repeat(np.arange(5), rows)
    sizes = np.bincount(folds(labels, alone(labels), 4, whole=False), minlength=4)
    assert sizes.max() - sizes.min() <= 1


@given(ROWS, st.integers(2, 6))
def test_a_group_is_in_one_fold(rows: list[tuple[int, int]], count: int) -> None:
    labels = np.array([label for label, _ in rows])
    groups = groups_of([str(group) for _, group in rows])
    fold = folds(labels, groups, count)
    assert fold.max() < count
    for group in set(groups):
        assert len(set(fold[groups == group])) == 1
    rows_of = leaders(labels, groups)
    for label in np.unique(labels[rows_of]):  # every fold has a group of each
        assert set(fold[rows_of[labels[rows_of] == label]]) == set(range(fold.max() + 1))


def test_a_group_counts_as_of_its_rarest_label() -> None:
    labels = np.array([0, 0, 0, 1, 2, 2])
    assert leaders(labels, np.array([0, 1, 2, 2, 3, 2])).tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A good film.", "a GOOD film."),
        ("A good film.", "  A good\n\tfilm. "),
        ("na\u00efve", "nai\u0308ve"),
        ("\uff21\u3000good \ufb01lm", "A good film"),
        ("STRASSE", "stra\u00dfe"),
    ],
)
def test_texts_that_are_alike(one: str, other: str) -> None:
    assert plain(one) == plain(other)
    assert groups_of([one, "another", other]).tolist() == [0, 1, 0]


def test_texts_that_are_not_alike() -> None:
    assert groups_of(["a film", "afilm", "a film!", "naive", "na\u00efve"]).tolist() == [*range(5)]
