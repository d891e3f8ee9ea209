"""A model with its feature contract beside it."""

import polars as pl

import haute

pipeline = haute.Pipeline("defect-4-feature-contract")


@pipeline.api_input(config="config/quote_input/request.json")
def request(): ...


@pipeline.model_score(config="config/model_scoring/cost.json")
def cost(df: pl.LazyFrame) -> pl.LazyFrame:
    df = df.with_columns(pl.col("cost").round(7))
    return df


@pipeline.polars
def priced(cost: pl.LazyFrame) -> pl.LazyFrame:
    df = cost.with_columns(premium=pl.col("cost") * 1.2347 + 11.5)
    return df


@pipeline.output(config="config/quote_response/answer.json")
def answer(priced): ...


pipeline.connect("request", "cost", source_port="policy")
pipeline.connect("cost", "priced")
pipeline.connect("priced", "answer")
