"""Submodel: what the home itself adds to theft and to escape of water."""

import polars as pl

import haute

submodel = haute.Submodel(
    "perils",
    definition_id="perils",
    input_ports=[
        {"name": "exposure", "targets": [{"nodeId": "home_bands", "handleId": None}]},
    ],
    output_ports=[
        {"name": "peril_costs", "source": {"nodeId": "costs", "handleId": None}},
    ],
    pipeline_dir="..",
)


@submodel.banding(config="config/banding/home_bands.json")
def home_bands(exposure):
    """Size bands and groups of property types."""
    ...


@submodel.rating_step(config="config/rating_step/peril_factors.json")
def peril_factors(home_bands):
    """Relativities of both perils."""
    ...


@submodel.polars
def costs(peril_factors: pl.LazyFrame) -> pl.LazyFrame:
    """Cost of each peril for a year in this home."""
    df = peril_factors.with_columns(
        theft_cost=pl.col("theft_cost") * pl.col("theft_factor"),
        water_cost=pl.col("water_cost") * pl.col("water_factor"),
    )
    return df


submodel.connect("home_bands", "peril_factors")
submodel.connect("peril_factors", "costs")
