"""Keras' `keras.dtype_policies`: types of weights and of computation."""

from __future__ import annotations

from typing import Any

from .config import DTypePolicy, dtype_policy

__all__ = ["DTypePolicy", "FloatDTypePolicy", "deserialize", "get", "serialize"]

FloatDTypePolicy = DTypePolicy


def serialize(dtype_policy: Any) -> Any:
    """The configuration of a policy."""
    from ._object import plain

    return plain(dtype_policy)


def deserialize(config: Any, custom_objects: Any = None) -> DTypePolicy:
    """A policy from its configuration."""
    from .saving import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects)


def get(identifier: Any) -> DTypePolicy:
    """A policy from its name or configuration; none is the policy of layers that have none of their own."""
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    raise ValueError(f"a dtype policy is a name such as 'mixed_bfloat16', a configuration or a DTypePolicy, got {identifier!r}")
