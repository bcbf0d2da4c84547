"""Tokens of vamps, held against those that an earlier run made with the same weights.

Draws are made in double precision, so that the same weights make the same tokens on any processor.
Here is what says whether they did.
"""

import hashlib

import pandas as pd

COLUMNS = ["generator", "fingerprint", "setting", "output_id", "tokens_digest"]


def listed(vamps: pd.DataFrame) -> pd.DataFrame:
    """Of a list of vamps what another run is held against: `COLUMNS`, by generator and output_id.

    Fingerprints are without the digest of the code, which is none of weights or version.
    """
    told = vamps[COLUMNS].assign(fingerprint=vamps.fingerprint.str.partition("+")[0])
    return told.sort_values(["generator", "output_id"], ignore_index=True)


def digest(vamps: pd.DataFrame) -> str:
    """One digest of all tokens of a list of vamps, whatever its order."""
    told = "".join(sorted(vamps.output_id + vamps.tokens_digest))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def difference(vamps: pd.DataFrame, earlier: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Vamps that an earlier run made with the same weights and settings, and those made otherwise.

    Parameters
    ----------
    vamps : DataFrame
        A list of vamps.
    earlier : DataFrame
        `listed` of another run.

    Returns
    -------
    both, other : DataFrame
        `COLUMNS` of `vamps` that are in both runs, and of those whose tokens differ.
    """
    both = listed(vamps).merge(earlier, on=COLUMNS[:-1], suffixes=("", "_earlier"))
    return both[COLUMNS], both.loc[both.tokens_digest != both.tokens_digest_earlier, COLUMNS]


def told(vamps: pd.DataFrame, earlier: pd.DataFrame | None) -> str:
    """What a model's card says of its vamps; None where there is no earlier run to tell of.

    Parameters
    ----------
    vamps, earlier
        As of `difference`.
    """
    said = f"{len(vamps)}, digest of their tokens {digest(vamps)}"
    if earlier is None:
        return said
    both, other = difference(vamps, earlier)
    if both.empty:
        return (
            f"{said}; none of them came with the repository: weights that are trained here follow "
            "the rounding of the processor, and other weights make other vamps"
        )
    if other.empty:
        return f"{said}; {len(both)} of them came with the repository, and have the same tokens"
    return f"{said}; {apart(both, other)}"


def apart(both: pd.DataFrame, other: pd.DataFrame) -> str:
    """How many of `difference` have other tokens, and which."""
    settings = other.groupby(["generator", "setting"]).size().items()
    where = ", ".join(f"{generator} {name} ({count})" for (generator, name), count in settings)
    return (
        f"{len(other)} of the {len(both)} that came with the repository have other tokens here: "
        f"{where}; such as output {other.output_id.iloc[0]}"
    )
