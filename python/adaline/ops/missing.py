"""What `keras.ops` has and `adaline.ops` has not, and what to use instead."""

from __future__ import annotations

from typing import Dict

#: Name, and why or what else.
NAMES: Dict[str, str] = {
    "ctc_decode": "`predict` of a model and a decoder of one's own",
    "ctc_loss": "`losses.CTC`",
    "custom_gradient": "gradients follow from the graph; `stop_gradient` takes parts out",
    "jvp": "derivatives forwards: there are those backwards only",
    "lu_factor": "`linalg.solve`, or `scipy.linalg.lu_factor`",
    "polar": "complex numbers: a pair of real and imaginary parts",
    "vectorize": "`vectorized_map`",
    "view": "bits of one type as another: `numpy.ndarray.view`",
    "view_as_complex": "complex numbers: a pair of real and imaginary parts",
    "view_as_real": "complex numbers: a pair of real and imaginary parts",
    "stft": "`extract_sequences`, a window and `rfft`",
    "istft": "`scipy.signal.istft`",
}

#: Modules of functions that are not there as a whole.
MODULES: Dict[str, str] = {"image": "layers of images (`layers.Resizing`, `layers.RandomCrop`, ..) and `PIL`"}
