"""Pipeline: chain

No edges anywhere: each node takes what the node above it made.
"""

import polars as pl

import haute

pipeline = haute.Pipeline("chain", description="A chain in definition order")


@pipeline.node(path="data/policies.csv", deploy_input=True)
def policies() -> pl.LazyFrame:
    """Policies to be priced."""
    return pl.scan_csv("data/policies.csv")


@pipeline.node
def age_factor(df: pl.LazyFrame) -> pl.LazyFrame:
    """A factor for age."""
    df = df.with_columns(factor=pl.when(pl.col("age") < 25).then(1.7).otherwise(1.0))
    return df


@pipeline.node(external="models/base_rates.json", file_type="json")
def base_rate(df: pl.LazyFrame) -> pl.LazyFrame:
    """Base rate from a file."""
    df = df.with_columns(base=pl.lit(obj["base"]))
    return df


@pipeline.node
def premium(df: pl.LazyFrame) -> pl.LazyFrame:
    """Base rate times the factor."""
    df = df.with_columns(premium=pl.col("base") * pl.col("factor"))
    return df


@pipeline.node(output=True)
def price(df: pl.LazyFrame) -> pl.LazyFrame:
    """The answer."""
    return df
