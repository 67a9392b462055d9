"""Keyed hashes: the same value gives the same pseudonym, and without the key nobody gets back to the value.

A case number has so few possible values that a plain hash of it is undone by trying them all. BLAKE3 with a secret
prefix has no such shortcut, and unlike SHA-256 no extension of a known hash either.
"""

import polars as pl
import polars_hash

DIGITS = 32
"""Hexadecimal digits kept: 128 bits, so that two of a billion values share one with a chance of 10⁻²¹."""


def keyed_hash(values: pl.Series, key: bytes, *, label: str = "") -> pl.Series:
    """Pseudonym of each text; missing stays missing.

    Parameters
    ----------
    values : text series of shape (n_rows,)
    key : the installation's secret
    label : tells kinds of values apart, so that equal texts of two kinds have different pseudonyms

    Returns
    -------
    series of shape (n_rows,)
        `DIGITS` hexadecimal digits each, named as the values.
    """
    if values.is_empty():
        return values.cast(pl.String)
    # 128 bits of the key: with them most values still fit into one block of the hash.
    secret = pl.lit(f"{key[:16].hex()}{label}\x1f")
    hashed = polars_hash.concat_str(secret, pl.col("value")).chash.blake3().str.slice(0, DIGITS)
    return pl.DataFrame({"value": values.cast(pl.String)}).select(hashed).to_series().alias(values.name)
