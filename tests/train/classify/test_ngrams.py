"""Integer n-grams count the same as scikit-learn's strings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketrnn_train.classify.ngrams import MOST_WORDS, NGrams

TEXTS = [[1, 2, 1, 2, 3], [2, 1], [], [3], [1, 2, 3, 1, 2]]


def arrays(texts: list[list[int]]) -> list[np.ndarray]:
    return [np.array(text, np.int64) for text in texts]


@pytest.mark.parametrize("longest", [1, 2, 3])
@pytest.mark.parametrize("min_texts", [1, 2])
@given(texts=st.lists(st.lists(st.integers(1, 4), max_size=8), min_size=1, max_size=6))
def test_counts_as_scikit_learn(longest: int, min_texts: int, texts: list[list[int]]) -> None:
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(
        tokenizer=str.split,
        token_pattern=None,
        lowercase=False,
        ngram_range=(1, longest),
        min_df=min_texts,
    )
    ngrams = NGrams(arrays(texts), longest=longest, min_texts=min_texts)
    found = ngrams.count(arrays(texts)).toarray()
    try:
        expected = vectorizer.fit_transform(" ".join(map(str, text)) for text in texts).toarray()
    except ValueError:  # it refuses to find nothing
        assert found.shape == (len(texts), 0)
        return
    # The columns are the same but for their order.
    assert sorted(found.T.tolist()) == sorted(expected.astype(float).T.tolist())


def test_words_without_a_rank_break_ngrams() -> None:
    ngrams = NGrams(arrays([[1, 0, 2], [1, 2]]), longest=2, min_texts=1)
    assert len(ngrams) == 3  # 1, 2 and 1 2
    assert ngrams.count(arrays([[1, 0, 2]])).sum() == 2


def test_ngrams_dont_reach_into_the_next_text() -> None:
    ngrams = NGrams(arrays([[1, 2]]), longest=2, min_texts=1)
    assert ngrams.count(arrays([[1], [2]])).sum() == 2


def test_unseen_ngrams_count_for_nothing() -> None:
    ngrams = NGrams(arrays(TEXTS), longest=3)
    assert ngrams.count(arrays([[MOST_WORDS] * 5, [4, 5]])).sum() == 0


def test_largest_ranks_fit() -> None:
    ranks = [MOST_WORDS, MOST_WORDS - 1, MOST_WORDS]
    ngrams = NGrams(arrays([ranks]), longest=3, min_texts=1)
    assert len(ngrams) == 5  # two words, two pairs, one triple
    assert ngrams.count(arrays([ranks])).toarray().sum() == 6


def test_no_texts() -> None:
    ngrams = NGrams([], longest=3)
    assert len(ngrams) == 0
    assert ngrams.count([]).shape == (0, 0)
    assert ngrams.count(arrays([[1], []])).shape == (2, 0)
