"""Pipeline: parameter-edges

Parameter names make the edges, and two of them are drawn.
"""

import polars as pl

import haute

pipeline = haute.Pipeline("parameter-edges")


@pipeline.node(path="data/policies.csv", deploy_input=True)
def policies() -> pl.LazyFrame:
    """Policies to be priced."""
    return pl.scan_csv("data/policies.csv")


@pipeline.node(path="data/areas.csv")
def areas() -> pl.LazyFrame:
    """Rate of each area."""
    return pl.scan_csv("data/areas.csv")


@pipeline.node
def located(policies: pl.LazyFrame, areas: pl.LazyFrame) -> pl.LazyFrame:
    """Policies with their rate."""
    df = policies.join(areas, on="area", how="left")
    return df


@pipeline.node
def priced(located: pl.LazyFrame) -> pl.LazyFrame:
    """Rate times a hundred."""
    df = located.with_columns(premium=pl.col("rate") * 100.0)
    return df


@pipeline.node(output=True, fields=["policy_id", "premium"])
def price(priced: pl.LazyFrame) -> pl.LazyFrame:
    """The answer."""
    return priced


@pipeline.node(sink="data/priced.parquet", format="parquet")
def archive(priced: pl.LazyFrame) -> pl.LazyFrame:
    """Keeps what was priced."""
    return priced


pipeline.connect("policies", "located")
pipeline.connect("areas", "located")
