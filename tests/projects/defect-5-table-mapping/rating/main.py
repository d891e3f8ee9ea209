"""Nested drivers, renamed columns and dates, all named by the quote input's tables."""

import polars as pl

import haute

pipeline = haute.Pipeline("defect-5-table-mapping")


@pipeline.api_input(config="config/quote_input/request.json")
def request(): ...


@pipeline.polars
def worst_driver(drivers: pl.LazyFrame) -> pl.LazyFrame:
    df = drivers.group_by("policy_id").agg(
        youngest_born=pl.col("born").max(),
        total_points=pl.col("points").sum(),
        driver_count=pl.len(),
    )
    return df


@pipeline.edge_join(how="left", on="policy_id", validate="1:1")
def with_drivers(policy, worst_driver): ...


@pipeline.polars
def priced(with_drivers: pl.LazyFrame) -> pl.LazyFrame:
    age_days = (pl.col("starts") - pl.col("youngest_born")).dt.total_days()
    df = with_drivers.with_columns(
        age_factor=pl.when(age_days < 9131).then(2.1137).otherwise(1.0),
        points_factor=1.0 + 0.0713 * pl.col("total_points"),
    )
    df = df.with_columns(
        premium=pl.col("vehicle_value")
        * 0.01937
        * pl.col("age_factor")
        * pl.col("points_factor"),
    )
    return df


@pipeline.output(config="config/quote_response/answer.json")
def answer(priced): ...


pipeline.connect("request", "worst_driver", source_port="drivers")
pipeline.connect("request", "with_drivers", source_port="policy", target_port="base")
pipeline.connect("worst_driver", "with_drivers", target_port="join")
pipeline.connect("with_drivers", "priced")
pipeline.connect("priced", "answer")
