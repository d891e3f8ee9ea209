"""A division by a number: Polars rounds the last digit differently for one row and for many."""

import polars as pl

import haute

pipeline = haute.Pipeline("last-digit")


@pipeline.api_input(config="config/quote_input/request.json")
def request(): ...


@pipeline.polars
def priced(policy: pl.LazyFrame) -> pl.LazyFrame:
    df = policy.with_columns(premium=pl.col("cost") / 0.822)
    return df


@pipeline.output(config="config/quote_response/answer.json")
def answer(priced): ...


pipeline.connect("request", "priced", source_port="policy")
pipeline.connect("priced", "answer")
