"""Activations, normalizations, losses, convolutions, attention."""

from __future__ import annotations

from ._activations import *  # noqa: F403
from ._networks import *  # noqa: F403
from ._spatial import *  # noqa: F403
