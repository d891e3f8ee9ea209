"""A submodel holds the only loading: a deploy that leaves it out sells at base cost."""

import polars as pl

import haute

pipeline = haute.Pipeline("defect-1-submodel-skipped")


@pipeline.api_input(config="config/quote_input/request.json")
def request(): ...


@pipeline.polars
def base_cost(policy: pl.LazyFrame) -> pl.LazyFrame:
    df = policy.with_columns(premium=pl.col("vehicle_value") * 0.0213)
    return df


@pipeline.output(config="config/quote_response/answer.json")
def answer(loaded): ...


pipeline.submodel("modules/loading.py", "loading")

pipeline.connect("request", "base_cost", source_port="policy")
pipeline.connect("base_cost", "loading", target_port="costs")
pipeline.connect("loading", "answer", source_port="loaded")
