"""Products of vectors, matrices and more axes."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Sequence, Tuple

from ._common import Node, _adaline, aligned, axes_of, node, op, permute, reduce, reshaped


def _typed(a: Node, b: Node, made: Node) -> Node:
    """Products of whole numbers are whole (exact up to 2^24)."""
    return _adaline.cast(made, "int32") if "float32" not in (a.dtype, b.dtype) else made


@op
def matmul(x1: Any, x2: Any) -> Any:
    """Matrix product; leading axes broadcast."""
    a, b = node(x1), node(x2)
    return _typed(a, b, _adaline.matmul(a, b))


def _contracted(a: Node, b: Node, axes_a: Sequence[int], axes_b: Sequence[int]) -> Node:
    """Sum of products over pairs of axes; the other axes of `a`, then those of `b`."""
    free_a = [i for i in range(a.ndim) if i not in axes_a]
    free_b = [i for i in range(b.ndim) if i not in axes_b]
    for i, j in zip(axes_a, axes_b):
        if a.shape[i] != b.shape[j]:
            raise ValueError(f"axis {i} of shape {a.shape} and axis {j} of shape {b.shape} differ in size: expected equal ones to sum over")
    k = math.prod(a.shape[i] for i in axes_a)
    left = reshaped(permute(a, [*free_a, *axes_a]), [math.prod(a.shape[i] for i in free_a), k])
    right = reshaped(permute(b, [*axes_b, *free_b]), [k, math.prod(b.shape[i] for i in free_b)])
    made = reshaped(_adaline.matmul(left, right), [a.shape[i] for i in free_a] + [b.shape[i] for i in free_b])
    return _typed(a, b, made)


@op
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """Sum of products over the last and first `axes` axes, or over pairs of axes."""
    a, b = node(x1), node(x2)
    if isinstance(axes, int):
        return _contracted(a, b, list(range(a.ndim - axes, a.ndim)), list(range(axes)))
    return _contracted(a, b, axes_of(axes[0], a.ndim), axes_of(axes[1], b.ndim))


@op
def dot(x1: Any, x2: Any) -> Any:
    """Sum of products over the last axis of the one and the last but one of the other."""
    a, b = node(x1), node(x2)
    if not a.ndim or not b.ndim:
        a, b = aligned(a, b)
        return a * b
    return _contracted(a, b, [a.ndim - 1], [max(b.ndim - 2, 0)])


@op
def inner(x1: Any, x2: Any) -> Any:
    """Sum of products over the last axes."""
    a, b = node(x1), node(x2)
    return a * b if not a.ndim or not b.ndim else _contracted(a, b, [a.ndim - 1], [b.ndim - 1])


@op
def vdot(x1: Any, x2: Any) -> Any:
    """Sum of products of all numbers in a row."""
    return _contracted(reshaped(x1, [-1]), reshaped(x2, [-1]), [0], [0])


@op
def outer(x1: Any, x2: Any) -> Any:
    """Products of all pairs of numbers of two rows."""
    a, b = aligned(x1, x2)
    return reshaped(a, [a.size, 1]) * reshaped(b, [1, b.size])


@op
def kron(x1: Any, x2: Any) -> Any:
    """Kronecker's product."""
    a, b = aligned(x1, x2)
    rank = max(a.ndim, b.ndim)
    one, two = ([1] * (rank - v.ndim) + list(v.shape) for v in (a, b))
    if rank * 2 > 6:
        raise ValueError(f"kron of values with {rank} axes: at most 3")
    pairs = [d for p, q in zip(one, two) for d in (p, q)]
    left = reshaped(a, [d if i % 2 == 0 else 1 for i, d in enumerate(pairs)])
    right = reshaped(b, [d if i % 2 == 1 else 1 for i, d in enumerate(pairs)])
    return reshaped(left * right, [p * q for p, q in zip(one, two)])


@op
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Sum of a diagonal."""
    from ._common import counted
    from ._shapes import diagonal

    return reduce("sum", counted(diagonal(x, offset, axis1, axis2)), -1)


@op
def cross(x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    """Vectors at right angles to both, of 2 or 3 components."""
    from ._shapes import moveaxis, stack

    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = aligned(x1, x2)
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    ax, ay, bx, by = a[..., 0], a[..., 1], b[..., 0], b[..., 1]
    z = ax * by - ay * bx
    if a.shape[-1] == 2 and b.shape[-1] == 2:
        return z
    az, bz = (v[..., 2] if v.shape[-1] == 3 else v[..., 0] * 0 for v in (a, b))
    return stack([ay * bz - az * by, az * bx - ax * bz, z], axisc)


def _terms(subscripts: str, operands: Sequence[Node]) -> Tuple[List[str], str]:
    """Letters of the operands and of the result, `...` written out as capital letters that are not used."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ValueError(f"einsum {subscripts!r} names {len(terms)} operands, got {len(operands)}")
    free = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if c not in text]
    counts = [x.ndim - len(t.replace("...", "")) if "..." in t else 0 for t, x in zip(terms, operands)]
    wide = "".join(free[: max([*counts, 0])])
    for t, x, n in zip(terms, operands, counts):
        if n < 0 or ("..." not in t and len(t) != x.ndim):
            raise ValueError(f"einsum {subscripts!r}: `{t}` does not fit an operand of shape {x.shape}")
    terms = [t.replace("...", wide[len(wide) - n :] if n else "") for t, n in zip(terms, counts)]
    if arrow:
        return terms, right.replace("...", wide)
    together = "".join(terms)
    return terms, wide + "".join(sorted(c for c in set(together) if together.count(c) == 1 and c not in wide))


def _single(x: Node, term: str, keep: str) -> Tuple[Node, str]:
    """An operand without repeated letters, summed over those that nothing else needs."""
    from ._shapes import diagonal

    for letter in sorted(set(term)):
        while term.count(letter) > 1:
            i = term.index(letter)
            j = term.index(letter, i + 1)
            x = diagonal(x, 0, i, j)
            term = term[:i] + term[i + 1 : j] + term[j + 1 :] + letter
    gone = [i for i, c in enumerate(term) if c not in keep]
    if gone:
        x = reduce("sum", x, gone)
        term = "".join(c for c in term if c in keep)
    return x, term


def _pair(a: Node, ta: str, b: Node, tb: str, keep: str) -> Tuple[Node, str]:
    """Two operands as one: a stack of matrix products."""
    a, ta = _single(a, ta, keep + tb)
    b, tb = _single(b, tb, keep + ta)
    sizes: Dict[str, int] = {}
    for c, d in [*zip(ta, a.shape), *zip(tb, b.shape)]:
        if sizes.get(c, 1) not in (1, d) and d != 1:
            raise ValueError(f"einsum: axes `{c}` have sizes {sizes[c]} and {d}, which should be equal")
        sizes[c] = max(sizes.get(c, 1), d)
    shared = [c for c in ta if c in tb]
    batch, summed = [c for c in shared if c in keep], [c for c in shared if c not in keep]
    only_a, only_b = [c for c in ta if c not in tb], [c for c in tb if c not in ta]

    def matrices(x: Node, term: str, rows: List[str], columns: List[str]) -> Node:
        order = [*batch, *rows, *columns]
        x = permute(x, [term.index(c) for c in order])
        x = _adaline.broadcast_to(x, [sizes[c] for c in order])
        return reshaped(x, [math.prod(sizes[c] for c in part) for part in (batch, rows, columns)])

    made = _adaline.matmul(matrices(a, ta, only_a, summed), matrices(b, tb, summed, only_b))
    term = [*batch, *only_a, *only_b]
    return reshaped(made, [sizes[c] for c in term]), "".join(term)


@op
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Einstein's summation: letters name axes, equal letters are multiplied, letters that the result lacks are summed over."""
    nodes = [node(x) for x in operands]
    terms, wanted = _terms(subscripts, nodes)
    whole = all(x.dtype != "float32" for x in nodes)
    nodes = [_adaline.cast(x, "float32") for x in nodes]
    made, term = nodes[0], terms[0]
    for i in range(1, len(nodes)):
        made, term = _pair(made, term, nodes[i], terms[i], wanted + "".join(terms[i + 1 :]))
    made, term = _single(made, term, wanted)
    for letter in wanted:
        if letter not in term:
            raise ValueError(f"einsum {subscripts!r}: the result has `{letter}`, which no operand has")
    made = permute(made, [term.index(c) for c in wanted])
    return _adaline.cast(made, "int32") if whole else made
