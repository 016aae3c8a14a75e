"""How a network is built and trained: the values that make a run, and the named sets of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

ModelName = Literal["mlp", "cnn"]
OptimizerName = Literal["adam", "adamw", "sgd", "muon"]
Schedule = Literal["constant", "cosine", "plateau"]
RecipeName = Literal["baseline", "mlp", "cnn"]

MODELS: tuple[ModelName, ...] = get_args(ModelName)
OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)
SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)
AUGMENTATIONS = ("flip", "shift", "erase")
NO_AUGMENTATION = "none"
TestTime = Literal["none", "flip", "flip-shift"]
TEST_TIMES: tuple[TestTime, ...] = get_args(TestTime)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that decides what a training makes of a data set; the defaults are the baseline.

    Attributes:
        model: the network, a multi-layer perceptron or a convolutional one.
        epochs: how often training sees each image, at least 1.
        batch_size: images per step of the optimizer, at least 1.
        optimizer: `adamw` is Adam with decoupled weight decay, `sgd` has Nesterov momentum of 0.9, `muon` makes the
            update of each hidden kernel orthogonal, and leaves the rest to `adamw` at a quarter of the rate.
        learning_rate: the highest, above 0.
        weight_decay: of all but `adam`, times the learning rate, per step; kernels decay, nothing else does.
        schedule: of the learning rate. `cosine` falls to 0 along half a wave, step by step; `plateau` halves it where
            the validation loss has not fallen for 2 epochs.
        warm_up: the share of all steps in which the learning rate first rises in a straight line from 0.
        early_stopping: after so many epochs without a lower validation loss training ends, and takes back the weights
            of the lowest; 0 for never.
        dropout: the share of the units before the last layer that are left out of each step.
        label_smoothing: the share of each label that is spread over all classes, in the training's loss.
        augment: how training images are changed anew in each epoch: `none`, or names of `AUGMENTATIONS` with commas.
        average: the momentum of the moving average of the weights that is taken at the end; 0 for the last weights.
        test_time: `flip` judges each image together with its mirror image, by the mean of both answers; `flip-shift`
            also both moved by a pixel in each of four directions, which together count as much as the unmoved two.
    """

    model: ModelName = "mlp"
    epochs: int = 5
    batch_size: int = 32
    optimizer: OptimizerName = "adam"
    learning_rate: float = 0.001
    weight_decay: float = 0.0
    schedule: Schedule = "constant"
    warm_up: float = 0.0
    early_stopping: int = 0
    dropout: float = 0.0
    label_smoothing: float = 0.0
    augment: str = NO_AUGMENTATION
    average: float = 0.0
    test_time: TestTime = "none"

    def augmentations(self) -> tuple[str, ...]:
        """The names in `augment`."""
        return () if self.augment == NO_AUGMENTATION else tuple(self.augment.split(","))


RECIPES: Mapping[RecipeName, Recipe] = {
    "baseline": Recipe(),
    "mlp": Recipe(
        epochs=50,
        batch_size=128,
        optimizer="adamw",
        learning_rate=0.002,
        weight_decay=0.1,
        schedule="cosine",
        warm_up=0.05,
        label_smoothing=0.1,
        augment="flip",
        test_time="flip",
    ),
    "cnn": Recipe(
        model="cnn",
        epochs=10,
        batch_size=128,
        optimizer="muon",
        learning_rate=0.02,
        weight_decay=0.05,
        schedule="cosine",
        warm_up=0.1,
        label_smoothing=0.1,
        augment="flip,erase",
        test_time="flip-shift",
    ),
}
