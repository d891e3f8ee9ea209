"""Pipeline: van-catboost

Own damage of commercial vans. A gradient boosted model gives the expected
claims cost of a van; driver and payload relativities, the discount for years
without a claim and loadings turn it into the premium.
"""

import polars as pl

import haute
from utility.loadings import discounted, office_premium, to_pence

pipeline = haute.Pipeline("van-catboost", description="Own damage of commercial vans")


@pipeline.api_input(config="config/quote_input/quote_request.json")
def quote_request():
    """One row per van to be priced."""
    ...


@pipeline.banding(config="config/banding/van_bands.json")
def van_bands(van):
    """Bands of driver age, classes of payload, and areas by theft."""
    ...


@pipeline.model_score(config="config/model_scoring/claims_cost.json")
def claims_cost(df: pl.LazyFrame) -> pl.LazyFrame:
    """Expected cost of claims a year, in pounds, to a thousandth of a penny."""
    df = df.with_columns(pl.col("claims_cost").round(5))
    return df


@pipeline.rating_step(config="config/rating_step/relativities.json")
def relativities(claims_cost):
    """What the model was not fitted on: who drives, where, and the load."""
    ...


@pipeline.polars
def priced(relativities: pl.LazyFrame) -> pl.LazyFrame:
    """Risk premium after discount, loaded to the premium."""
    df = relativities.with_columns(
        risk_premium=discounted(
            pl.col("claims_cost") * pl.col("relativity"), pl.col("claim_free_years")
        ),
    )
    df = df.with_columns(office_premium=office_premium(pl.col("risk_premium")))
    df = df.with_columns(premium=to_pence(pl.col("office_premium")))
    return df


@pipeline.output(config="config/quote_response/price.json")
def price(priced):
    """The answer to a quote."""
    ...


pipeline.connect("quote_request", "van_bands", source_port="van")
pipeline.connect("van_bands", "claims_cost")
pipeline.connect("claims_cost", "relativities")
pipeline.connect("priced", "price")
