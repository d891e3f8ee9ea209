"""Makes the synthetic claims history and fits the claim frequency model on it.

Run from the project folder: ``python train/claim_frequency.py``. The data are
drawn from a fixed seed, so the same versions of the libraries give the same
two files again.
"""

from __future__ import annotations

import math
import random
from pathlib import Path

import polars as pl
import rustystats

POLICIES = 4_000
SEED = 20_240_611
BRANDS = ("B1", "B2", "B3", "B4", "B5", "B6", "B10", "B11", "B12", "B13", "B14")
RATING = Path(__file__).resolve().parent.parent / "rating"


def true_frequency(power: int, age: int, brand: str) -> float:
    """The claims a year that the synthetic portfolio is drawn from."""
    youth = 0.95 * math.exp(-(age - 18) / 7.0)
    seniority = 0.00021 * max(0, age - 62) ** 2
    brand_effect = 0.035 * (BRANDS.index(brand) % 4 - 1.5)
    return math.exp(-2.31 + 0.034 * (power - 6) + youth + seniority + brand_effect)


def poisson(rate: float, draw: random.Random) -> int:
    """One Poisson draw by multiplying uniforms."""
    limit, product, count = math.exp(-rate), draw.random(), 0
    while product > limit:
        product *= draw.random()
        count += 1
    return count


def claims_history() -> pl.DataFrame:
    """Policies of one year and their claim counts."""
    draw = random.Random(SEED)
    rows = []
    for policy in range(1, POLICIES + 1):
        power = min(15, max(4, round(draw.gauss(6.8, 2.1))))
        age = min(90, max(18, round(draw.gauss(45, 15))))
        brand = draw.choice(BRANDS)
        rows.append(
            {
                "IDpol": policy,
                "VehPower": power,
                "DrivAge": age,
                "Area": draw.choice("ABCDEF"),
                "VehBrand": brand,
                "ClaimNb": poisson(true_frequency(power, age, brand), draw),
            }
        )
    return pl.DataFrame(rows)


def main() -> None:
    """Writes the data file and the model file."""
    history = claims_history()
    (RATING / "data").mkdir(exist_ok=True)
    (RATING / "models").mkdir(exist_ok=True)
    history.write_parquet(RATING / "data" / "claims_history.parquet")
    model = rustystats.glm_dict(
        response="ClaimNb",
        terms={
            "DrivAge": {"type": "ns", "df": 4},
            "VehBrand": {"type": "categorical"},
        },
        data=history,
        family="poisson",
        link="log",
    ).fit()
    (RATING / "models" / "claim_frequency.rsglm").write_bytes(model.to_bytes())


if __name__ == "__main__":
    main()
