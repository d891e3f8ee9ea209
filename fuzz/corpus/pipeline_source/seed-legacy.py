"""Pipeline: legacy-motor

The first pricing pipeline of the motor team: one file, every step a function.
"""

import polars as pl

import haute

pipeline = haute.Pipeline("legacy-motor", description="Motor third party, one file")


@pipeline.node(path="data/quotes.parquet", api_input=True)
def policies() -> pl.LazyFrame:
    """Policies to be priced."""
    return pl.scan_parquet("data/quotes.parquet")


@pipeline.node
def relativities(policies: pl.LazyFrame) -> pl.LazyFrame:
    """A relativity for each rating factor."""
    areas = {"A": 0.8427, "B": 0.9113, "C": 1.0, "D": 1.0619, "E": 1.1387, "F": 1.2753}
    brands = {"B1": 0.9731, "B2": 1.0, "B3": 1.0213, "B12": 0.9259}
    age = pl.col("DrivAge")
    df = policies.with_columns(
        area_factor=pl.col("Area").replace_strict(areas, default=1.0),
        brand_factor=pl.col("VehBrand").replace_strict(brands, default=1.0),
        power_factor=1.0 + 0.0371 * (pl.col("VehPower") - 6),
        age_factor=pl.when(age < 22)
        .then(1.7129)
        .when(age < 26)
        .then(1.3171)
        .when(age < 71)
        .then(1.0)
        .otherwise(1.1933),
    )
    return df


@pipeline.node
def technical_price(relativities: pl.LazyFrame) -> pl.LazyFrame:
    """Base cost times every relativity."""
    df = relativities.with_columns(
        technical_premium=161.37
        * pl.col("area_factor")
        * pl.col("brand_factor")
        * pl.col("power_factor")
        * pl.col("age_factor")
    )
    return df


@pipeline.node
def office_price(technical_price: pl.LazyFrame) -> pl.LazyFrame:
    """Technical premium with expenses, in cents."""
    df = technical_price.with_columns(
        premium=((pl.col("technical_premium") + 24.5) * 1.2195).round(2),
    )
    return df


@pipeline.node(output=True, fields=["IDpol", "technical_premium", "premium"])
def price(office_price: pl.LazyFrame) -> pl.LazyFrame:
    """The answer to a quote."""
    return office_price.select("IDpol", "technical_premium", "premium")


pipeline.connect("policies", "relativities")
pipeline.connect("relativities", "technical_price")
pipeline.connect("technical_price", "office_price")
pipeline.connect("office_price", "price")
