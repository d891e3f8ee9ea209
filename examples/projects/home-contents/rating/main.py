"""Pipeline: home-contents

Household contents: theft and escape of water by postcode area, property and
sum insured, less the discount for years without a claim.
"""

import polars as pl

import haute
from utility.sums import rate_on_line, with_tax

pipeline = haute.Pipeline(
    "home-contents",
    description="Household contents",
    global_constants="config/global_constants.json",
)
global_constants = pipeline.global_constants


@pipeline.api_input(config="config/quote_input/quote_request.json")
def quote_request():
    """One row per home to be priced."""
    ...


@pipeline.data_input(config="config/data_input/renewal_book.json")
def renewal_book():
    """Policies due for renewal, priced by the team in batches."""
    ...


@pipeline.live_switch(config="config/source_switch/homes.json")
def homes(quote, renewal_book):
    """Live quotes when served, the renewal book in a batch run."""
    ...


@pipeline.data_input(config="config/data_input/postcode_risk.json")
def postcode_risk():
    """Claims experience of each postcode area."""
    ...


@pipeline.edge_join(how="left", on="postcode_area", validate="m:1")
def located(homes, postcode_risk):
    """Homes with the experience of their area."""
    ...


@pipeline.constant(config="config/constant/market.json")
def market():
    """What a home costs to insure where nothing is known about the area."""
    ...


@pipeline.edge_join(how="cross")
def with_market(located, market):
    """The market's figures beside every home."""
    ...


@pipeline.polars
def exposure(with_market: pl.LazyFrame) -> pl.LazyFrame:
    """Costs of both perils in the home's area, before what the home itself is."""
    df = with_market.with_columns(
        theft_index=pl.col("theft_index").fill_null(pl.col("default_theft_index")),
        water_index=pl.col("water_index").fill_null(pl.col("default_water_index")),
        indexed_sum=pl.col("sum_insured") * global_constants.inflation,
    )
    df = df.with_columns(
        theft_cost=pl.col("indexed_sum") * pl.col("theft_rate") * pl.col("theft_index"),
        water_cost=pl.col("water_base") * pl.col("water_index"),
    )
    return df


@pipeline.polars
def loaded(peril_costs: pl.LazyFrame) -> pl.LazyFrame:
    """Both perils and the expenses of the policy."""
    df = peril_costs.with_columns(
        net_cost=pl.col("theft_cost") + pl.col("water_cost") + global_constants.policy_fee,
    )
    return df


@pipeline.external_file(config="config/load_file/claims_free_scale.json")
def discounted(loaded: pl.LazyFrame, *, obj) -> pl.LazyFrame:
    """Net premium after the discount for claim-free years."""
    df = loaded
    steps = obj["discount_by_years"]
    years = pl.col("claims_free_years").clip(upper_bound=len(steps) - 1)
    df = df.with_columns(
        discount=years.replace_strict(list(range(len(steps))), steps, return_dtype=pl.Float64),
    )
    df = df.with_columns(net_premium=pl.col("net_cost") * (1.0 - pl.col("discount")))
    return df


@pipeline.polars
def taxed(discounted: pl.LazyFrame) -> pl.LazyFrame:
    """Premium with tax, and the rate it makes on the sum insured."""
    df = discounted.with_columns(
        gross_premium=with_tax(pl.col("net_premium"), global_constants.premium_tax),
    )
    df = df.with_columns(
        premium=pl.col("gross_premium").round(2),
        rate=rate_on_line(pl.col("gross_premium"), pl.col("sum_insured")),
    )
    return df


@pipeline.output(config="config/quote_response/price.json")
def price(taxed):
    """The answer to a quote."""
    ...


pipeline.submodel("modules/perils.py", "perils")

pipeline.connect("quote_request", "homes", source_port="quote")
pipeline.connect("renewal_book", "homes")
pipeline.connect("homes", "located", target_port="base")
pipeline.connect("postcode_risk", "located", target_port="join")
pipeline.connect("located", "with_market", target_port="base")
pipeline.connect("market", "with_market", target_port="join")
pipeline.connect("with_market", "exposure")
pipeline.connect("exposure", "perils", target_port="exposure")
pipeline.connect("perils", "loaded", source_port="peril_costs")
pipeline.connect("discounted", "taxed")
pipeline.connect("taxed", "price")
