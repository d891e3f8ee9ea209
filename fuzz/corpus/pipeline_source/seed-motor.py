"""Pipeline: motor-pricing

Private car, third party liability. A fitted claim frequency, rated severity
factors and loadings give the premium of one policy.
"""

import polars as pl

import haute
from utility.loadings import office_premium, to_cents

pipeline = haute.Pipeline("motor-pricing", description="Private car third party liability")


@pipeline.api_input(config="config/quote_input/quote_request.json")
def quote_request():
    """One row per policy to be priced."""
    ...


@pipeline.banding(config="config/banding/policy_bands.json")
def policy_bands(policy):
    """Age and power bands, and areas grouped by claims density."""
    ...


@pipeline.model_score(config="config/model_scoring/claim_frequency.json")
def claim_frequency(df: pl.LazyFrame) -> pl.LazyFrame:
    """Expected third party claims a year.

    Rounded, because the last digit of a prediction depends on how many rows
    are predicted together, and one policy must cost the same alone and in a
    batch.
    """
    df = df.with_columns(pl.col("claim_frequency").round(9))
    return df


@pipeline.rating_step(config="config/rating_step/severity_factors.json")
def severity_factors(claim_frequency):
    """Severity relativities by age and area, power and brand."""
    ...


@pipeline.polars
def priced(severity_factors: pl.LazyFrame) -> pl.LazyFrame:
    """Risk premium, loaded to the office premium."""
    df = severity_factors.with_columns(
        risk_premium=pl.col("claim_frequency") * pl.col("severity"),
    )
    df = df.with_columns(office_premium=office_premium(pl.col("risk_premium")))
    df = df.with_columns(premium=to_cents(pl.col("office_premium")))
    return df


@pipeline.output(config="config/quote_response/price.json")
def price(priced):
    """The answer to a quote."""
    ...


@pipeline.data_input(config="config/data_input/claims_history.json")
def claims_history():
    """Policies and their claim counts, for training only."""
    ...


@pipeline.modelling(config="config/model_training/frequency_model.json")
def frequency_model(claims_history):
    """Refits the claim frequency model."""
    ...


pipeline.connect("quote_request", "policy_bands", source_port="policy")
pipeline.connect("policy_bands", "claim_frequency")
pipeline.connect("claim_frequency", "severity_factors")
pipeline.connect("claims_history", "frequency_model")
pipeline.connect("priced", "price")
