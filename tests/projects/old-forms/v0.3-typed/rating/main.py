"""Pipeline: typed"""

import polars as pl

import haute

pipeline = haute.Pipeline("typed", description="Typed decorators, sidecars and inline keywords")


@pipeline.api_input(config="config/quote_input/quotes.json")
def quotes() -> pl.LazyFrame:
    """Live quotes."""
    return pl.scan_parquet("data/quotes.parquet")


@pipeline.data_source(path="data/quotes.parquet")
def renewals() -> pl.LazyFrame:
    """Renewals for a batch."""
    return pl.scan_parquet("data/quotes.parquet")


@pipeline.live_switch(config="config/source_switch/policies.json")
def policies(quotes: pl.LazyFrame, renewals: pl.LazyFrame) -> pl.LazyFrame:
    """Quotes when served."""
    return quotes


@pipeline.banding(
    factors=[
        {
            "banding": "categorical",
            "column": "area",
            "outputColumn": "zone",
            "rules": [
                {"value": "A", "assignment": "inner"},
                {"value": "B", "assignment": "outer"},
            ],
            "default": "outer",
        }
    ]
)
def zones(policies: pl.LazyFrame) -> pl.LazyFrame:
    """Areas in zones."""
    return policies


@pipeline.rating_step(config="config/rating_step/rates.json")
def rates(zones: pl.LazyFrame) -> pl.LazyFrame:
    """A rate for each zone."""
    return zones


@pipeline.constant(values=[{"name": "loading", "value": "1.25"}])
def loadings() -> pl.LazyFrame:
    """One loading for all."""
    return pl.LazyFrame({"loading": [1.25]})


@pipeline.polars
def loaded(rates: pl.LazyFrame, loadings: pl.LazyFrame) -> pl.LazyFrame:
    """The rate, loaded."""
    df = rates.join(loadings, how="cross")
    df = df.with_columns(premium=pl.col("rate") * pl.col("loading"))
    return df


@pipeline.output(fields=["policy_id", "premium"])
def price(loaded: pl.LazyFrame) -> pl.LazyFrame:
    """The answer."""
    return loaded


@pipeline.data_sink(path="data/priced.parquet", format="parquet")
def archive(loaded: pl.LazyFrame) -> pl.LazyFrame:
    """Keeps what was priced."""
    return loaded


@pipeline.instance(of="loaded")
def loaded_again(rates: pl.LazyFrame, loadings: pl.LazyFrame) -> pl.LazyFrame:
    """The same loading for the renewals."""
    return loaded(rates, loadings)


pipeline.connect("quotes", "policies").connect("renewals", "policies")
pipeline.connect("policies", "zones")
pipeline.connect("zones", "rates")
pipeline.connect("rates", "loaded")
pipeline.connect("loadings", "loaded")
pipeline.connect("loaded", "price")
pipeline.connect("loaded", "archive")
pipeline.connect("rates", "loaded_again")
pipeline.connect("loadings", "loaded_again")
