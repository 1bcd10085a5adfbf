"""Functions for layers, losses and metrics of one's own: Keras' `keras.ops`.

Each works on symbolic values within layers, on symbolic tensors of networks, and on arrays (results are arrays of `float32`, `int32` or `bool`).
What `keras.ops` has and this has not is in `adaline.ops.missing`; what works on arrays alone says so where it is called with symbolic values.
Whole numbers are 32 bits wide; sums, products and look-ups of them go through floats and are exact up to 2^24.
"""

from __future__ import annotations

from . import _activations, _networks, _spatial, core, linalg, math, nn, numpy
from ._activations import *  # noqa: F403
from ._networks import *  # noqa: F403
from ._numbers import fft, fft2, ifft2, irfft, rfft
from ._spatial import *  # noqa: F403
from ._special import cdist, erfc, erfinv, extract_sequences, rearrange
from .core import *  # noqa: F403
from .linalg import *  # noqa: F403
from .math import *  # noqa: F403
from .numpy import *  # noqa: F403

# A name may be in several of these.
__all__ = ["cdist", "erfc", "erfinv", "extract_sequences", "fft", "fft2", "ifft2", "irfft", "linalg", "nn", "numpy", "rearrange", "rfft"]
__all__ += _activations.__all__
__all__ += _networks.__all__
__all__ += _spatial.__all__
__all__ += core.__all__
__all__ += linalg.__all__
__all__ += math.__all__
__all__ += numpy.__all__
