"""What `get`, `serialize` and `deserialize` of the public modules share."""

from __future__ import annotations

import inspect
from typing import Any, Dict, Optional, Tuple

from ._object import python_hint, snake_case


def found(kind: str, module: Any, names: Dict[str, str], identifier: Any, base: type) -> Any:
    """An object from its name, configuration or class; callables are themselves."""
    if identifier is None:
        return None
    if isinstance(identifier, base):
        return identifier
    if isinstance(identifier, dict):
        from .saving import deserialize_keras_object

        return deserialize_keras_object(identifier)
    if inspect.isclass(identifier) and issubclass(identifier, base):
        return identifier()
    if isinstance(identifier, str):
        from .saving import get_registered_object

        custom = get_registered_object(identifier)
        if custom is not None:
            return custom() if inspect.isclass(custom) else custom
        name = names.get(identifier) or names.get(identifier.lower()) or names.get(snake_case(identifier))
        made = getattr(module, name, None) if name else None
        if made is None:
            raise ValueError(f"Could not interpret {kind} identifier: {identifier!r}{python_hint(names, identifier)}")
        return made() if inspect.isclass(made) else made
    if callable(identifier):
        return identifier
    raise ValueError(f"Could not interpret {kind} identifier: {identifier!r}")


def registered(name: str) -> Optional[Tuple[Any, bool]]:
    """A class or function of one's own of that name."""
    from .saving import get_registered_object

    custom = get_registered_object(name)
    return None if custom is None else (custom, True)
