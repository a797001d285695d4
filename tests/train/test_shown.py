"""What a notebook shows of a corpus."""

import numpy as np

from pocketrnn_train import Corpus, Examples


def test_a_corpus_is_shown_without_its_texts() -> None:
    examples = Examples(("a secret text",) * 4000, np.zeros(4000, np.int64))
    corpus = Corpus("mine", ("no", "yes"), examples, examples.take(np.arange(7)))
    assert repr(examples) == "<Examples: 4,000 texts>"
    assert repr(corpus) == "<Corpus 'mine': no, yes; 4,000 training and 7 test texts>"
