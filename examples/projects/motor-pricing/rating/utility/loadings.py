"""Loadings between the risk premium and what the customer pays."""

from __future__ import annotations

import polars as pl

FIXED_EXPENSE = 31.75
"""Cost of writing one policy, in euros."""

VARIABLE_EXPENSE = 0.137
"""Share of the office premium spent on claims handling and commission."""

PROFIT_MARGIN = 0.041
"""Share of the office premium kept as profit."""

OFFICE_LOADING = 1.0 / (1.0 - VARIABLE_EXPENSE - PROFIT_MARGIN)
"""What a cost is multiplied by to leave room for expenses and profit.

A factor rather than a divisor: Polars divides one row and many rows by a
number in two ways that may differ in the last digit.
"""

MINIMUM_PREMIUM = 89.0
"""Lowest premium the company sells, in euros."""


def office_premium(risk_premium: pl.Expr) -> pl.Expr:
    """Risk premium with expenses and margin, never below the minimum."""
    loaded = (risk_premium + FIXED_EXPENSE) * OFFICE_LOADING
    return loaded.clip(lower_bound=MINIMUM_PREMIUM)


def to_cents(amount: pl.Expr) -> pl.Expr:
    """Amount rounded to two decimals."""
    return amount.round(2)
