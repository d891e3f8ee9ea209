"""Items in, a price for each item out, inside the answer of their policy."""

import polars as pl

import haute

pipeline = haute.Pipeline("nested-answer")


@pipeline.api_input(config="config/quote_input/request.json")
def request(): ...


@pipeline.polars
def item_prices(items: pl.LazyFrame) -> pl.LazyFrame:
    df = items.with_columns(
        item_premium=pl.col("value") * pl.when(pl.col("portable")).then(0.0317).otherwise(0.0093)
    )
    return df


@pipeline.polars
def item_totals(item_prices: pl.LazyFrame) -> pl.LazyFrame:
    df = item_prices.group_by("policy_id").agg(items_premium=pl.col("item_premium").sum())
    return df


@pipeline.edge_join(how="left", on="policy_id", validate="1:1")
def with_totals(policy, item_totals): ...


@pipeline.polars
def totals(with_totals: pl.LazyFrame) -> pl.LazyFrame:
    df = with_totals.with_columns(
        premium=19.5 + pl.col("items_premium").fill_null(0.0) - pl.col("excess") * 0.011
    )
    return df


@pipeline.output(config="config/quote_response/answer.json")
def answer(totals, item_prices): ...


pipeline.connect("request", "item_prices", source_port="items")
pipeline.connect("item_prices", "item_totals")
pipeline.connect("request", "with_totals", source_port="policy", target_port="base")
pipeline.connect("item_totals", "with_totals", target_port="join")
pipeline.connect("with_totals", "totals")
pipeline.connect("totals", "answer")
pipeline.connect("item_prices", "answer")
