"""No price where an underwriter must decide: the premium is null."""

import polars as pl

import haute

pipeline = haute.Pipeline("null-price")


@pipeline.api_input(config="config/quote_input/request.json")
def request(): ...


@pipeline.polars
def priced(policy: pl.LazyFrame) -> pl.LazyFrame:
    referred = pl.col("sum_insured") > 250_000
    df = policy.with_columns(
        decision=pl.when(referred).then(pl.lit("refer")).otherwise(pl.lit("accept")),
        premium=pl.when(referred).then(None).otherwise(pl.col("sum_insured") * 0.00217),
    )
    return df


@pipeline.output(config="config/quote_response/answer.json")
def answer(priced): ...


pipeline.connect("request", "priced", source_port="policy")
pipeline.connect("priced", "answer")
