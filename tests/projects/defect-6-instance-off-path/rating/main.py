"""Two instances on the scoring path; their originals work on the training data."""

import polars as pl

import haute

pipeline = haute.Pipeline("defect-6-instance-off-path")


@pipeline.api_input(config="config/quote_input/request.json")
def request(): ...


@pipeline.data_input(config="config/data_input/history.json")
def history(): ...


@pipeline.banding(config="config/banding/history_bands.json")
def history_bands(history): ...


@pipeline.polars
def history_factors(history_bands: pl.LazyFrame) -> pl.LazyFrame:
    df = history_bands.with_columns(
        age_factor=pl.when(pl.col("age_band") == "young").then(1.8731).otherwise(0.9173)
    )
    return df


@pipeline.instance(of="history_bands", inputMapping={"history": "policy"})
def quote_bands(policy): ...


@pipeline.instance(of="history_factors", inputMapping={"history_bands": "quote_bands"})
def quote_factors(quote_bands): ...


@pipeline.polars
def priced(quote_factors: pl.LazyFrame) -> pl.LazyFrame:
    df = quote_factors.with_columns(premium=pl.col("base") * pl.col("age_factor"))
    return df


@pipeline.output(config="config/quote_response/answer.json")
def answer(priced): ...


pipeline.connect("request", "quote_bands", source_port="policy")
pipeline.connect("history", "history_bands")
pipeline.connect("history_bands", "history_factors")
pipeline.connect("quote_bands", "quote_factors")
pipeline.connect("quote_factors", "priced")
pipeline.connect("priced", "answer")
