"""Pipeline: declarations"""

import polars as pl

import haute

pipeline = haute.Pipeline("declarations")


@pipeline.api_input(config="config/quote_input/request.json")
def request(): ...


@pipeline.data_input(config="config/data_input/areas.json")
def areas(df: pl.LazyFrame) -> pl.LazyFrame:
    """Rates of the areas, in per mille."""
    df = df.with_columns(area_rate=pl.col("area_rate") * 1000.0)
    return df


@pipeline.edge_join(how="left", on="area", maintain_order="left")
def located(policy, areas): ...


@pipeline.rating_step(config="config/rating_step/factors.json")
def factors(df: pl.LazyFrame) -> pl.LazyFrame:
    """Factor of the term."""
    df = df.with_columns(premium=pl.col("area_rate") * pl.col("term_factor"))
    return df


@pipeline.model_score(config="config/model_scoring/champion.json")
def champion(factors): ...


@pipeline.output(config="config/quote_response/answer.json")
def answer(factors): ...


pipeline.connect("request", "located", source_port="policy", target_port="base")
pipeline.connect("areas", "located", target_port="join")
pipeline.connect("located", "factors")
pipeline.connect("factors", "champion")
pipeline.connect("factors", "answer")
