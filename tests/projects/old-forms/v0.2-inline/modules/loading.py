"""Submodel: loading"""

import polars as pl

import haute

submodel = haute.Submodel("loading")


@submodel.node
def loaded(rate: pl.LazyFrame) -> pl.LazyFrame:
    """The rate, loaded."""
    df = rate.with_columns(premium=pl.col("rate") * 120.0)
    return df
