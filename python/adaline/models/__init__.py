"""Models."""

from __future__ import annotations

from typing import Any

from .._functional import Functional
from .._model import Model
from .._sequential import Sequential
from ..saving import load_model, save_model

__all__ = ["Functional", "Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]


def clone_model(model: Any, input_tensors: Any = None, clone_function: Any = None, **kwargs: Any) -> Any:
    """The same network with new layers and new weights, not compiled."""
    import json

    from ..saving import model_from_config

    if clone_function is not None or input_tensors is not None:
        raise NotImplementedError("clone_model takes a model alone")
    if model.__dict__.get("_begin_tensor") is None and isinstance(model, Sequential):
        return Sequential([type(layer).from_config(layer.get_config()) for layer in model.layers], name=model.name)
    return model_from_config(json.loads(model.to_json()))


def model_from_json(json_string: str, custom_objects: Any = None) -> Any:
    """A model of an architecture that `to_json` wrote."""
    import json

    from ..saving import model_from_config

    return model_from_config(json.loads(json_string), custom_objects)
