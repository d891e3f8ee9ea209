"""Pipeline: inline"""

import polars as pl

import haute

pipeline = haute.Pipeline("inline")


@pipeline.node(path="data/quotes.csv", api_input=True)
def quotes() -> pl.LazyFrame:
    """Live quotes."""
    return pl.scan_csv("data/quotes.csv")


@pipeline.node(
    banding="categorical",
    column="area",
    output_column="zone",
    rules=[{"value": "A", "assignment": "inner"}, {"value": "B", "assignment": "outer"}],
    default="outer",
)
def zones(quotes: pl.LazyFrame) -> pl.LazyFrame:
    """Areas in zones."""
    return quotes


@pipeline.node
def rate(zones: pl.LazyFrame) -> pl.LazyFrame:
    """A rate for each zone."""
    df = zones.with_columns(rate=pl.when(pl.col("zone") == "inner").then(2.5).otherwise(1.5))
    return df


@pipeline.node(instance_of="rate")
def second_rate(zones: pl.LazyFrame) -> pl.LazyFrame:
    """The same rate again."""
    return rate(zones)


@pipeline.node(output=True, fields=["policy_id", "premium"])
def price(loaded: pl.LazyFrame) -> pl.LazyFrame:
    """The answer."""
    return loaded


pipeline.submodel("modules/loading.py")

pipeline.connect("quotes", "zones").connect("zones", "rate")
pipeline.connect("rate", "loaded")
pipeline.connect("loaded", "price")
