"""ONNX models that predict."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import numpy as np

from ._adaline import Onnx
from ._arrays import as_data


class OnnxModel:
    """An ONNX model: it predicts, and cannot be trained.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        self._core = Onnx(path)

    @property
    def input_names(self) -> List[str]:
        """Names of the inputs."""
        return [name for name, _ in self._core.inputs]

    @property
    def output_names(self) -> List[str]:
        """Names of the outputs."""
        return [name for name, _ in self._core.outputs]

    def run(self, inputs: Dict[str, Any]) -> Dict[str, np.ndarray]:
        """All outputs for arrays by name."""
        given = [(name, as_data(x)) for name, x in inputs.items()]
        return dict(zip(self.output_names, self._core.run(given)))

    def __call__(self, x: Any) -> Any:
        """The outputs for one batch: an array, or a list of arrays for several inputs."""
        arrays = list(x) if isinstance(x, (list, tuple)) and len(self.input_names) > 1 else [x]
        found = list(self.run(dict(zip(self.input_names, arrays))).values())
        return found[0] if len(found) == 1 else found

    def predict(self, x: Any, batch_size: Optional[int] = None, verbose: Any = 0) -> Any:
        """The outputs for rows, in batches."""
        arrays = [as_data(a) for a in (x if isinstance(x, (list, tuple)) and len(self.input_names) > 1 else [x])]
        batch, rows = batch_size or 32, len(arrays[0])
        parts = [self([a[i:i + batch] for a in arrays] if len(arrays) > 1 else arrays[0][i:i + batch]) for i in range(0, rows, batch)]
        if isinstance(parts[0], list):
            return [np.concatenate(column) for column in zip(*parts)]
        return np.concatenate(parts)

    def __repr__(self) -> str:
        return f"<OnnxModel inputs={self._core.inputs}, outputs={self._core.outputs}>"
