"""From the expected cost of claims to what the customer pays."""

from __future__ import annotations

import polars as pl

DISCOUNT_A_YEAR = 0.055
"""Taken off for each year without a claim."""

DISCOUNT_YEARS = 6
"""Years that count at most."""

FIXED_EXPENSE = 46.4
"""Cost of writing one policy, in pounds."""

OFFICE_LOADING = 1.2875
"""What a cost is multiplied by to leave room for expenses and profit."""

MINIMUM_PREMIUM = 145.0
"""Lowest premium the company sells, in pounds."""


def discounted(cost: pl.Expr, claim_free_years: pl.Expr) -> pl.Expr:
    """The cost after the discount for years without a claim."""
    years = claim_free_years.clip(0, DISCOUNT_YEARS).cast(pl.Float64)
    return cost * (1.0 - DISCOUNT_A_YEAR * years)


def office_premium(risk_premium: pl.Expr) -> pl.Expr:
    """Risk premium with expenses and margin, never below the minimum."""
    return ((risk_premium + FIXED_EXPENSE) * OFFICE_LOADING).clip(lower_bound=MINIMUM_PREMIUM)


def to_pence(amount: pl.Expr) -> pl.Expr:
    """Amount rounded to two decimals."""
    return amount.round(2)
