"""Draws synthetic claims of commercial vans and fits the claims cost model on them.

Run from the project folder: ``python train/claims_cost.py``. Data and model are
drawn from fixed seeds in one thread, so the same version of CatBoost gives the
same file again.
"""

from __future__ import annotations

import math
import random
from pathlib import Path

from catboost import CatBoostRegressor, Pool

VANS = 6_000
SEED = 20_250_318
FUELS = ("diesel", "electric", "hybrid", "petrol")
USES = ("carriage of own goods", "courier", "haulage", "social")
NUMBERS = ("van_age", "van_value", "payload_kg", "annual_mileage")
FEATURES = (*NUMBERS, "fuel", "use")
MODEL = Path(__file__).resolve().parent.parent / "rating" / "models" / "claims_cost.cbm"


def true_cost(van: dict[str, object]) -> float:
    """The claims cost a year, in pounds, that the synthetic claims are drawn around."""
    age, value = int(str(van["van_age"])), float(str(van["van_value"]))
    mileage = int(str(van["annual_mileage"]))
    wear = 1.0 + 0.02 * abs(age - 6)
    exposure = 0.55 + 0.9 * (1.0 - math.exp(-mileage / 21_000))
    use = {"courier": 1.62, "haulage": 1.24, "social": 0.81}.get(str(van["use"]), 1.0)
    fuel = {"electric": 1.17, "hybrid": 1.06, "petrol": 0.98}.get(str(van["fuel"]), 1.0)
    crowding = 1.35 if van["use"] == "courier" and mileage > 30_000 else 1.0
    return (95.0 + 0.0115 * value) * wear * exposure * use * fuel * crowding


def drawn_van(draw: random.Random) -> dict[str, object]:
    """One van of the portfolio."""
    age = min(20, int(draw.expovariate(1 / 6)))
    return {
        "van_age": age,
        "van_value": round(max(1_500.0, draw.gauss(34_000, 9_000) * 0.88**age), 2),
        "payload_kg": draw.choice((550, 620, 750, 900, 1_050, 1_200, 1_400, 1_600)),
        "annual_mileage": 500 * draw.randint(4, 90),
        "fuel": draw.choices(FUELS, (70, 14, 6, 10))[0],
        "use": draw.choices(USES, (55, 20, 15, 10))[0],
    }


def main() -> None:
    """Writes the model file."""
    draw = random.Random(SEED)
    vans = [drawn_van(draw) for _ in range(VANS)]
    costs = [true_cost(van) * draw.gammavariate(2.2, 1 / 2.2) for van in vans]
    pool = Pool(
        [[van[feature] for feature in FEATURES] for van in vans],
        costs,
        cat_features=["fuel", "use"],
        feature_names=list(FEATURES),
    )
    model = CatBoostRegressor(
        iterations=320,
        depth=6,
        learning_rate=0.06,
        loss_function="RMSE",
        random_seed=SEED % 10_000,
        thread_count=1,
        verbose=False,
        allow_writing_files=False,
    )
    model.fit(pool)
    metadata = model.get_metadata()
    # Haute asks every CatBoost model which column holds its offset: this one has none.
    metadata["haute_offset_column"] = ""
    # What CatBoost draws and reads off the clock would make each fit another file.
    metadata["model_guid"] = "00000000-0000-0000-0000-000000000000"
    metadata["train_finish_time"] = "2025-03-18T00:00:00Z"
    MODEL.parent.mkdir(exist_ok=True)
    model.save_model(str(MODEL))


if __name__ == "__main__":
    main()
