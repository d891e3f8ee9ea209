"""Makes the two data files of the project from a fixed seed.

Run from the project folder: ``python tools/make_data.py``.
"""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl

AREAS = ("AB", "B", "BS", "CF", "E", "EH", "G", "L", "LS", "M", "N", "NE", "NW", "S", "SE", "SW")
DATA = Path(__file__).resolve().parent.parent / "rating" / "data"


def postcode_risk(draw: random.Random) -> pl.DataFrame:
    """Claims experience of each area against the country's average of one."""
    return pl.DataFrame(
        {
            "postcode_area": AREAS,
            "theft_index": [round(draw.uniform(0.71, 1.64), 4) for _ in AREAS],
            "water_index": [round(draw.uniform(0.83, 1.29), 4) for _ in AREAS],
        }
    )


def renewal_book(draw: random.Random) -> pl.DataFrame:
    """Homes due for renewal."""
    types = ("flat", "maisonette", "terraced", "semi-detached", "detached", "bungalow")
    return pl.DataFrame(
        [
            {
                "quote_id": f"R-{number:05d}",
                "postcode_area": draw.choice(AREAS),
                "property_type": draw.choice(types),
                "bedrooms": draw.randint(1, 6),
                "sum_insured": round(draw.uniform(9_000, 120_000), 2),
                "claims_free_years": draw.randint(0, 15),
            }
            for number in range(1, 301)
        ]
    )


def main() -> None:
    """Writes both files."""
    draw = random.Random(7_301)
    DATA.mkdir(exist_ok=True)
    postcode_risk(draw).write_parquet(DATA / "postcode_risk.parquet")
    renewal_book(draw).write_parquet(DATA / "renewal_book.parquet")


if __name__ == "__main__":
    main()
