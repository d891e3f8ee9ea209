"""A left join with default settings: Polars may return the rows in another order."""

import polars as pl

import haute

pipeline = haute.Pipeline("defect-2-batch-reordered")


@pipeline.api_input(config="config/quote_input/request.json")
def request(): ...


@pipeline.data_input(config="config/data_input/areas.json")
def areas(): ...


@pipeline.edge_join(how="left", on="area")
def located(policy, areas): ...


@pipeline.polars
def priced(located: pl.LazyFrame) -> pl.LazyFrame:
    df = located.with_columns(
        premium=pl.col("sum_insured") * pl.col("area_rate").fill_null(0.00413),
    )
    return df


@pipeline.output(config="config/quote_response/answer.json")
def answer(priced): ...


pipeline.connect("request", "located", source_port="policy", target_port="base")
pipeline.connect("areas", "located", target_port="join")
pipeline.connect("located", "priced")
pipeline.connect("priced", "answer")
