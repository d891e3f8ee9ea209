"""The answer is the premium alone, and four of five quotes cost the same."""

import polars as pl

import haute

pipeline = haute.Pipeline("defect-3-equal-answers-merged")


@pipeline.api_input(config="config/quote_input/request.json")
def request(): ...


@pipeline.polars
def priced(policy: pl.LazyFrame) -> pl.LazyFrame:
    df = policy.with_columns(
        premium=pl.when(pl.col("cover") == "full").then(412.37).otherwise(187.21)
        * pl.when(pl.col("term_years") > 5).then(1.0933).otherwise(1.0)
    )
    return df


@pipeline.output(config="config/quote_response/answer.json")
def answer(priced): ...


pipeline.connect("request", "priced", source_port="policy")
pipeline.connect("priced", "answer")
