"""The figures of a comparison computed a second time: by pandas, scipy and the equations, not by what computed them."""

from typing import TYPE_CHECKING, Any

import numpy as np

from job.evaluation.metrics import Labels
from job.evaluation.paired_comparison import N_SHOWN
from job.recomputation import Z, share_interval
from job.results.run import Predictions

if TYPE_CHECKING:
    import pandas as pd


def recompute(predictions: Predictions, n_classes: int) -> dict[str, Any]:
    """All that follows from the predictions of both models, in the structure of metrics.json."""
    import pandas as pd
    from scipy.stats import binomtest

    images = pd.DataFrame(
        {
            "true": predictions.y_true,
            "before": predictions.y_earlier == predictions.y_true,
            "now": predictions.y_pred == predictions.y_true,
            "confidence": predictions.confidence.astype(np.float64),
        }
    )
    whole = _pairs(images)
    n_discordant = whole["n_won"] + whole["n_lost"]
    return {
        "earlier": {
            "accuracy": images["before"].mean(),
            "accuracy_interval": share_interval(int(images["before"].sum()), len(images)),
        },
        "pairs": whole,
        "p_value": binomtest(whole["n_won"], n_discordant).pvalue if n_discordant else 1.0,
        "per_class": [_pairs(images[images["true"] == label]) for label in range(n_classes)],
        "won": _surest(images[images["now"] > images["before"]]),
        "lost": _surest(images[images["now"] < images["before"]]),
    }


def _surest(images: "pd.DataFrame") -> list[int]:
    indices: list[int] = images["confidence"].nlargest(N_SHOWN).index.tolist()
    return indices


def _pairs(images: "pd.DataFrame") -> dict[str, Any]:
    groups = images.groupby(["before", "now"]).size()
    change = images["now"].astype(int) - images["before"].astype(int)
    return {
        "n": len(images),
        "n_both_right": int(groups.get((True, True), 0)),
        "n_won": int(groups.get((False, True), 0)),
        "n_lost": int(groups.get((True, False), 0)),
        "n_both_wrong": int(groups.get((False, False), 0)),
        "earlier": images["before"].mean(),
        "now": images["now"].mean(),
        "difference": change.mean(),
        "interval": _interval(change.to_numpy()),
    }


def _interval(changes: Labels) -> dict[str, float]:
    """The mean change, ± 1.96 standard errors, with two images more: half a one won, half a one lost, one as before."""
    values = np.append(changes, [1, -1, 0])
    weights = np.append(np.ones(len(changes)), [0.5, 0.5, 1])
    mean = np.average(values, weights=weights)
    error = np.sqrt(np.average((values - mean) ** 2, weights=weights) / weights.sum())
    return {"lower": max(mean - Z * error, -1), "upper": min(mean + Z * error, 1)}
