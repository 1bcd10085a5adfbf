"""Constraints, by Keras' names."""

from __future__ import annotations

import sys
from typing import Any

from .._catalogue.constraints import *  # noqa: F401,F403
from .._catalogue.constraints import __all__ as _all
from .._catalogue.names import CONSTRAINTS
from .._public import found
from .._constraint import Constraint

__all__ = [*_all, "Constraint", "get", "serialize", "deserialize"]


def get(identifier: Any) -> Any:
    """A constraint from its name, configuration or class."""
    return found("constraint", sys.modules[__name__], CONSTRAINTS, identifier, Constraint)


def serialize(obj: Any) -> Any:
    """The configuration of a constraint."""
    from ..saving import serialize_keras_object

    return serialize_keras_object(obj)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """A constraint from its configuration."""
    from ..saving import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects) if isinstance(config, dict) else get(config)
