"""A price that depends on the other rows of the batch: each cost against the average cost."""

import polars as pl

import haute

pipeline = haute.Pipeline("row-dependent")


@pipeline.api_input(config="config/quote_input/request.json")
def request(): ...


@pipeline.polars
def priced(policy: pl.LazyFrame) -> pl.LazyFrame:
    df = policy.with_columns(premium=pl.col("cost") * 0.9 + pl.col("cost").mean() * 0.1)
    return df


@pipeline.output(config="config/quote_response/answer.json")
def answer(priced): ...


pipeline.connect("request", "priced", source_port="policy")
pipeline.connect("priced", "answer")
