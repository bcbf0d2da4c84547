"""How unit vectors are coded in inverted lists of faiss: turned, then told by a few bits each.

Three codes of unit vectors, scanned by their product with a query or their distance from it:

- ``pq``: of what the centre of its list leaves of a vector, 4 bits for each of the 80 strongest
  components, and for the 16 strongest of these, whose errors weigh most, 4 more for what the first
  4 leave. These 16 are mixed to be of one variance, so that none needs a wider scale than the
  others. 48 bytes a vector, scanned in registers. Where many components are as strong, more is left
  out, and a plan looks closely at more candidates.
- ``rabitq``: a bit a component after a random rotation, scanned alike; nothing but lists to train.
- ``sq``: 8 bits a component. This faiss scans it one vector at a time.

References
----------
Jégou, Douze, Schmid, "Product quantization for nearest neighbor search", PAMI 2011 (lists, codes).
André, Kermarrec, Le Scouarnec, "Cache locality is not enough", VLDB 2015 (scans in registers).
Gao, Long, "RaBitQ", SIGMOD 2024.
"""

import numpy as np

from musical_roots.errors import InputError

QUANTISERS = ("pq", "rabitq", "sq")
COMPONENTS, TWICE = 80, 16  # of a vector, that the product quantiser codes, and codes twice
PER_LIST = 200  # vectors that a list is trained on, at the most
PER_CODE = 4096  # vectors that each of a component's 16 values is trained on, at the most
ROUNDS = 10  # of k-means
ROWS = 4096  # that are turned at once


def untrained(sample: np.ndarray, lists: int, quantiser: str, seed: int):
    """Lists that know nothing yet, behind what turns vectors like those of a sample.

    Parameters
    ----------
    sample : ndarray, float32 [n, dim]
        Of unit length.
    lists : int
    quantiser : {"pq", "rabitq", "sq"}
    seed : int
        Of k-means and rotations.

    Returns
    -------
    faiss.Index

    Raises
    ------
    InputError
        If the quantiser is unknown.
    """
    import faiss

    dim, before = sample.shape[1], None
    if quantiser == "pq":
        before = _strongest(sample)
        parts, metric = before.d_out, faiss.METRIC_INNER_PRODUCT
        centres = faiss.IndexFlatL2(parts)
        inside = faiss.IndexIVFPQFastScan(centres, parts, lists, parts, 4, metric)
        inside.pq.cp.max_points_per_centroid = PER_CODE
        inside.by_residual = True
    elif quantiser == "rabitq":
        before = faiss.RandomRotationMatrix(dim, dim)
        before.init(seed)
        inside = faiss.IndexIVFRaBitQFastScan(faiss.IndexFlatL2(dim), dim, lists)
    elif quantiser == "sq":
        kind = faiss.ScalarQuantizer.QT_8bit
        inside = faiss.IndexIVFScalarQuantizer(faiss.IndexFlatL2(dim), dim, lists, kind)
    else:
        raise InputError(f"quantiser: {quantiser!r} is unknown; use one of {', '.join(QUANTISERS)}")
    inside.cp.niter, inside.cp.seed = ROUNDS, seed
    inside.cp.spherical = False  # a centre's length tells how far from it its members are
    inside.cp.max_points_per_centroid = PER_LIST + 1
    return faiss.IndexPreTransform(before, inside) if before else inside


def _strongest(sample: np.ndarray):
    """Turn vectors onto the strongest components of a sample, the first of them mixed so that all
    have the mean of their variances; and again onto these, for what `code` puts there.
    """
    import faiss
    from scipy.linalg import hadamard

    axes = np.linalg.eigh((sample.T @ sample).astype(np.float64))[1][:, ::-1].T
    axes = axes[: min(COMPONENTS, *sample.shape)]
    again = _power(min(TWICE, len(axes)))
    axes[:again] = hadamard(again) @ axes[:again] / np.sqrt(again)
    rows = np.vstack([axes, axes[:again]]).astype(np.float32)
    turn = faiss.LinearTransform(sample.shape[1], len(rows), False)
    faiss.copy_array_to_vector(rows.ravel(), turn.A)
    turn.is_trained = True
    return turn


def coded_twice(lists) -> int:
    """How many components a product quantiser codes twice."""
    return _power(min(TWICE, ivf(lists).d // 2))


def _power(most: int) -> int:
    """The largest power of two that is no larger."""
    return 1 << (most.bit_length() - 1)


def train(lists, turned: np.ndarray, quantiser: str) -> None:
    """Train lists and codes on turned vectors, float32 [n, dim of the lists]."""
    import faiss

    inside = ivf(lists)
    if quantiser == "pq":
        once = turned.copy()
        once[:, -coded_twice(lists) :] = 0  # there centres are 0: what is there chooses no list
        inside.train_q1(len(once), faiss.swig_ptr(once), False, faiss.METRIC_L2)
        del once
        left = _left(lists, turned[:: -(-len(turned) // (16 * PER_CODE))])
        inside.pq.train(left)  # the first codes of a component, which the second ones hang on
        inside.pq.train(_with_second(lists, left, left))
        inside.is_trained = True
    else:
        inside.train(turned)
    lists.is_trained = True


def turn(lists, unit: np.ndarray) -> np.ndarray:
    """Unit vectors as the lists compare them: float32 [n, dim of the lists].

    Multiplied in float64: by float32 the bits of a row hang, on some processors, on how many rows
    are turned at once, and lists filled in parts would be others than those filled in turn.
    """
    import faiss

    if not isinstance(lists, faiss.IndexPreTransform):
        return unit
    before = faiss.downcast_VectorTransform(lists.chain.at(0))
    rows = faiss.vector_to_array(before.A).reshape(before.d_out, before.d_in).T.astype(np.float64)
    turned = np.empty((len(unit), before.d_out), np.float32)
    for start in range(0, len(unit), ROWS):
        turned[start : start + ROWS] = unit[start : start + ROWS] @ rows
    return turned


def code(lists, turned: np.ndarray, quantiser: str) -> np.ndarray:
    """Turned vectors as they are added to the lists; those of queries stay as they are.

    Of the components that are coded twice, the second time is for what the first code leaves.
    """
    return _with_second(lists, turned, _left(lists, turned)) if quantiser == "pq" else turned


def _left(lists, turned: np.ndarray) -> np.ndarray:
    """What the centres of their lists leave of vectors: float32 [n, dim of the lists].

    faiss takes the centre off once more, of what `code` gives: the same one, for the two differ
    where centres are 0.
    """
    inside = ivf(lists)
    _, number = inside.quantizer.search(turned, 1)
    return turned - inside.quantizer.reconstruct_n(0, inside.nlist)[number[:, 0]]


def _with_second(lists, vectors: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Vectors, their last components as what first codes leave of what centres left."""
    vectors, first = vectors.copy(), vectors.shape[1] - coded_twice(lists)
    for number, value in enumerate(_first_codes(lists)):
        rest = left[:, number]
        vectors[:, first + number] = rest - value[np.abs(rest[:, None] - value).argmin(axis=1)]
    return vectors


def _first_codes(lists) -> np.ndarray:
    """The 16 values of each component that is coded twice: [components, 16]."""
    import faiss

    values = faiss.vector_to_array(ivf(lists).pq.centroids).reshape(-1, 16)
    return values[: coded_twice(lists)]


def ivf(lists):
    """The inverted lists themselves, behind what turns vectors."""
    import faiss

    return faiss.downcast_index(faiss.extract_index_ivf(lists))
