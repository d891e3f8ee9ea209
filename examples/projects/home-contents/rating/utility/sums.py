"""Sums that several nodes need."""

from __future__ import annotations

import polars as pl


def with_tax(amount: pl.Expr, tax: float) -> pl.Expr:
    """Amount with insurance premium tax added."""
    return amount * (1.0 + tax)


def rate_on_line(premium: pl.Expr, sum_insured: pl.Expr) -> pl.Expr:
    """Premium per unit of sum insured."""
    return premium / sum_insured
