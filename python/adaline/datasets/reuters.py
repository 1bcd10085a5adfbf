"""Reuters: 11,228 newswires as word numbers, of 46 topics."""

from __future__ import annotations

import json
from typing import Any, Dict, Optional, Tuple

import numpy as np

from ._files import Arrays, find, limited, npz, worded

_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def load_data(path: str = "reuters.npz", num_words: Optional[int] = None, skip_top: int = 0, maxlen: Optional[int] = None, test_split: float = 0.2,
              seed: int = 113, start_char: Optional[int] = 1, oov_char: Optional[int] = 2, index_from: Optional[int] = 3, **kwargs: Any) -> Arrays:
    """`(x_train, y_train), (x_test, y_test)`: arrays of lists of word numbers, and topics.

    Args:
        path: Name below the folders of data sets, or path.
        num_words: How many of the most frequent words are kept.
        skip_top: How many of the most frequent words are left out.
        maxlen: Newswires of this length or longer are left out.
        test_split: Part for testing.
        seed: Of the order.
        start_char: Number that begins each newswire.
        oov_char: Number in place of words that are not kept; none to leave them out.
        index_from: The numbers of words begin behind this one.
    """
    f = npz(find(path, "Reuters", _ORIGIN + "reuters.npz"))
    order = np.arange(len(f["x"]))
    np.random.RandomState(seed).shuffle(order)
    texts, y = worded(f["x"][order], f["y"][order], maxlen, start_char, index_from)
    x, at = limited(texts, num_words, skip_top, oov_char), int(len(texts) * (1 - test_split))
    return (x[:at], y[:at]), (x[at:], y[at:])


def get_word_index(path: str = "reuters_word_index.json") -> Dict[str, int]:
    """The number of each word, without `index_from`."""
    with open(find(path, "Reuters", _ORIGIN + "reuters_word_index.json"), encoding="utf-8") as file:
        return dict(json.load(file))


def get_label_names() -> Tuple[str, ...]:
    """The topics by number."""
    return ("cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing", "money-supply", "coffee", "sugar", "trade", "reserves", "ship",
            "cotton", "carcass", "crude", "nat-gas", "cpi", "money-fx", "interest", "gnp", "meal-feed", "alum", "oilseed", "gold", "tin",
            "strategic-metal", "livestock", "retail", "ipi", "iron-steel", "rubber", "heat", "jobs", "lei", "bop", "zinc", "orange", "pet-chem", "dlr",
            "gas", "silver", "wpi", "hog", "lead")
