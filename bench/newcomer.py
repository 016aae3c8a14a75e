"""A typical script for the baseline with plain Keras: it trains, evaluates and draws three plots.

Its only argument is the folder of the plots. It reads the installed Fashion-MNIST instead of downloading it with Keras.
"""

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import seaborn as sns
from sklearn.metrics import classification_report, confusion_matrix
from tensorflow import keras

from bench.peers import load_fashion_mnist

CLASSES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
folder = Path(sys.argv[1])

dataset = load_fashion_mnist()
x_train, x_test = dataset.train_images / 255.0, dataset.test_images / 255.0
y_train = keras.utils.to_categorical(dataset.train_labels, 10)
y_test = keras.utils.to_categorical(dataset.test_labels, 10)

model = keras.Sequential(
    [
        keras.layers.Input((28, 28)),
        keras.layers.Flatten(),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=5, batch_size=32, validation_split=0.1, verbose=2)

loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
predicted = model.predict(x_test, verbose=0).argmax(axis=1)
print(f"test accuracy {accuracy:.4f}, loss {loss:.4f}")
print(classification_report(dataset.test_labels, predicted, target_names=CLASSES))

matrix = confusion_matrix(dataset.test_labels, predicted)
plt.figure(figsize=(10, 5))
plt.bar(CLASSES, matrix.diagonal() / matrix.sum(axis=1))
plt.xticks(rotation=45)
plt.savefig(folder / "recall.png")

plt.figure(figsize=(10, 8))
sns.heatmap(matrix, annot=True, fmt="d", xticklabels=CLASSES, yticklabels=CLASSES)
plt.savefig(folder / "confusion.png")

figure, axes = plt.subplots(2, 5, figsize=(12, 5))
for index, axis in enumerate(axes.flat):
    axis.imshow(x_test[index], cmap="gray")
    axis.set_title(CLASSES[predicted[index]])
    axis.axis("off")
figure.savefig(folder / "samples.png")
