"""Linear teachers tell labels by words and pieces of words, and never what they were fitted on."""

import numpy as np
import pytest

from pocketrnn import TextConfig, Tokenizer
from pocketrnn.errors import InputError
from pocketrnn_train.classify.linear import Linear, regression, teachers, tfidf

TOKENIZER = Tokenizer(TextConfig(), [])
TEXTS = [f"{start} {end}" for start in ("warm", "dull", "long") for end in "abcdefgh"]
LABELS = np.repeat([0, 1, 2], 8)


@pytest.mark.parametrize("classes", [2, 3])
def test_soft_labels(classes: int) -> None:
    rows = classes > LABELS
    texts, labels = [text for text, row in zip(TEXTS, rows, strict=True) if row], LABELS[rows]
    groups = np.arange(len(texts))
    found, _ = teachers(
        TOKENIZER, texts, labels, groups, classes=classes, count=4, seed=1, few=True
    )
    columns = 1 if classes == 2 else classes
    assert found.of_train.shape == (len(texts), columns)
    chosen = found.of_train[:, 0] > 0.5 if classes == 2 else found.of_train.argmax(axis=1)
    assert (chosen == labels).all()
    # A made-up text is labelled by the teacher that hasn't seen its fold.
    folds = found.fold
    assert set(folds) == {0, 1, 2, 3}
    np.testing.assert_allclose(found.label(texts, folds), found.of_train, atol=1e-6)
    again, _ = teachers(
        TOKENIZER,
        texts,
        labels,
        groups,
        classes=classes,
        count=4,
        seed=1,
        few=True,
        settings=found.settings,
    )
    np.testing.assert_array_equal(again.of_train, found.of_train)


def test_a_teacher_has_not_seen_the_fold_that_it_labels() -> None:
    """Each text has words of its own alone, and a label that no other one tells."""
    texts = [f"{chr(97 + i) * 4}" for i in range(12)]
    labels = np.arange(12) % 2
    found, _ = teachers(
        TOKENIZER,
        texts,
        labels,
        np.arange(12),
        classes=2,
        count=3,
        seed=1,
        few=True,
        settings=(1.0, False),
    )
    assert (np.abs(found.of_train - 0.5) < 0.2).all()


def test_a_common_word_that_tells_the_label_counts_more_than_rare_ones() -> None:
    random = np.random.default_rng(5)
    labels = np.arange(360) % 3
    texts = [
        " ".join([f"key{label}", *(f"filler{i}" for i in random.integers(0, 300, 10))])
        for label in labels
    ]
    matrix = tfidf(TOKENIZER, pieces=True).fit(texts[:60]).transform(texts)

    def right(scaled: bool) -> float:
        teacher = Linear(matrix[:60], labels[:60], 3, (3.2, scaled), 0)
        return float((teacher.margins(matrix[60:]).argmax(axis=1) == labels[60:]).mean())

    assert right(True) > 0.98 > 0.95 > right(False)
    few = texts[:60], labels[:60], np.arange(60)
    found, _ = teachers(TOKENIZER, *few, classes=3, count=4, seed=1, few=True)
    assert found.settings[1]


def test_features_are_not_scaled_where_that_says_less() -> None:
    """Three words of many tell the label together, and none by itself."""
    random = np.random.default_rng(5)
    labels = np.arange(120) % 2
    texts = [
        " ".join(f"{random.choice(['warm', 'dull'], p=[p, 1 - p])}{i}" for i in range(15))
        for p in 0.3 + 0.4 * labels
    ]
    found, _ = teachers(
        TOKENIZER, texts, labels, np.arange(120), classes=2, count=4, seed=1, few=True
    )
    assert not found.settings[1]


@pytest.mark.parametrize("known", [[0, 2], [1], [0]])
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("scaled", [False, True])
def test_a_label_without_texts_is_never_chosen(
    known: list[int], classes: int, scaled: bool
) -> None:
    known = [label for label in known if label < classes]
    labels = np.array(known * 6)
    matrix = tfidf(TOKENIZER, pieces=False).fit_transform([f"word{label}" for label in labels])
    margins = Linear(matrix, labels, classes, (1.0, scaled), 0).margins(matrix)
    assert margins.shape == (len(labels), 1 if classes == 2 else classes)
    chosen = margins[:, 0] > 0 if classes == 2 else margins.argmax(axis=1)
    assert (chosen == labels).all()


def test_pieces_of_unknown_words_tell_labels() -> None:
    texts = ["unhappiness reigned", "unhappily it was", "happiness came", "happy days"] * 3
    vectorizer = tfidf(TOKENIZER, pieces=True).fit(texts)
    assert vectorizer.transform(["unhappier"]).nnz
    assert not tfidf(TOKENIZER, pieces=False).fit(texts).transform(["unhappier"]).nnz


@pytest.mark.parametrize("classes", [2, 3])
def test_the_baseline(classes: int) -> None:
    rows = classes > LABELS
    texts = [text for text, row in zip(TEXTS, rows, strict=True) if row]
    words = tfidf(TOKENIZER, pieces=False)
    found = regression(words, texts, LABELS[rows], ["so warm", "very dull"], classes)
    assert found.shape == (2, classes)
    assert found.argmax(axis=1).tolist() == [0, 1]


def test_the_baseline_takes_a_label_of_all_texts_for_sure_and_no_other() -> None:
    labels = np.eye(3, dtype=np.int64)[LABELS]
    texts, others = [*TEXTS], ["so warm", "very dull", "it was"]
    alone = regression(tfidf(TOKENIZER, pieces=False), texts, labels, others, 3)
    beside = np.concatenate([np.ones((len(labels), 1), np.int64), labels], axis=1)
    found = regression(tfidf(TOKENIZER, pieces=False), texts, beside, others, 4)
    np.testing.assert_allclose(found, np.concatenate([np.ones((3, 1)), alone], axis=1))


def test_texts_without_words() -> None:
    with pytest.raises(InputError, match="have no words"):
        teachers(
            TOKENIZER, ["!", "?"], np.array([0, 1]), np.arange(2),
            classes=2, count=2, seed=1, few=True, settings=(1.0, False),
        )  # fmt: skip
