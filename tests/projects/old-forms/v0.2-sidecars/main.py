"""Pipeline: sidecars"""

import polars as pl

import haute

pipeline = haute.Pipeline("sidecars", description="Every setting in a sidecar")


@pipeline.node(config="config/api_input/quotes.json")
def quotes() -> pl.LazyFrame:
    """Live quotes."""
    return pl.scan_parquet("data/quotes.parquet")


@pipeline.node(config="config/datasource/renewals.json")
def renewals() -> pl.LazyFrame:
    """Renewals for a batch."""
    return pl.scan_parquet("data/quotes.parquet")


@pipeline.node(config="config/live_switch/policies.json")
def policies(quotes: pl.LazyFrame, renewals: pl.LazyFrame) -> pl.LazyFrame:
    """Quotes when served."""
    return quotes


@pipeline.node(config="config/factors/age_bands.json")
def age_bands(policies: pl.LazyFrame) -> pl.LazyFrame:
    """Age in bands."""
    return policies


@pipeline.node(config="config/tables/factors.json")
def factors(age_bands: pl.LazyFrame) -> pl.LazyFrame:
    """Factors by band."""
    return age_bands


@pipeline.node(config="config/output/price.json")
def price(factors: pl.LazyFrame) -> pl.LazyFrame:
    """The answer."""
    return factors


pipeline.connect("quotes", "policies")
pipeline.connect("renewals", "policies")
pipeline.connect("policies", "age_bands")
pipeline.connect("age_bands", "factors")
pipeline.connect("factors", "price")
