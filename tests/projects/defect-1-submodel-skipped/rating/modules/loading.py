"""The loading for age, in two steps."""

import polars as pl

import haute

submodel = haute.Submodel(
    "loading",
    definition_id="loading",
    input_ports=[{"name": "costs", "targets": [{"nodeId": "age_factor", "handleId": None}]}],
    output_ports=[{"name": "loaded", "source": {"nodeId": "apply_factor", "handleId": None}}],
    pipeline_dir="..",
)


@submodel.polars
def age_factor(costs: pl.LazyFrame) -> pl.LazyFrame:
    df = costs.with_columns(
        factor=pl.when(pl.col("driver_age") < 25).then(3.0173).otherwise(1.3371)
    )
    return df


@submodel.polars
def apply_factor(age_factor: pl.LazyFrame) -> pl.LazyFrame:
    df = age_factor.with_columns(premium=pl.col("premium") * pl.col("factor"))
    return df


submodel.connect("age_factor", "apply_factor")
