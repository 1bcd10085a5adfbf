"""IMDB: 50,000 reviews of films as word numbers, each good (1) or bad (0)."""

from __future__ import annotations

import json
from typing import Any, Dict, Optional

import numpy as np

from ._files import Arrays, find, limited, npz, worded

_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def load_data(path: str = "imdb.npz", num_words: Optional[int] = None, skip_top: int = 0, maxlen: Optional[int] = None, seed: int = 113,
              start_char: Optional[int] = 1, oov_char: Optional[int] = 2, index_from: Optional[int] = 3, **kwargs: Any) -> Arrays:
    """`(x_train, y_train), (x_test, y_test)`: arrays of lists of word numbers, and labels.

    Args:
        path: Name below the folders of data sets, or path.
        num_words: How many of the most frequent words are kept.
        skip_top: How many of the most frequent words are left out.
        maxlen: Reviews of this length or longer are left out.
        seed: Of the order.
        start_char: Number that begins each review.
        oov_char: Number in place of words that are not kept; none to leave them out.
        index_from: The numbers of words begin behind this one.
    """
    f = npz(find(path, "IMDB", _ORIGIN + "imdb.npz"))
    random = np.random.RandomState(seed)
    sides = []
    for side in ("train", "test"):
        x, y = f[f"x_{side}"], f[f"y_{side}"]
        order = np.arange(len(x))
        random.shuffle(order)
        sides.append(worded(x[order], y[order], maxlen, start_char, index_from))
    if not sides[0][0] or not sides[1][0]:
        raise ValueError(f"After filtering for sequences shorter than maxlen={maxlen}, no sequence was kept. Increase maxlen.")
    x, at = limited(sides[0][0] + sides[1][0], num_words, skip_top, oov_char), len(sides[0][0])
    return (x[:at], sides[0][1]), (x[at:], sides[1][1])


def get_word_index(path: str = "imdb_word_index.json") -> Dict[str, int]:
    """The number of each word, without `index_from`."""
    with open(find(path, "IMDB", _ORIGIN + "imdb_word_index.json"), encoding="utf-8") as file:
        return dict(json.load(file))
