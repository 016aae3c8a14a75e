"""The formats in which a trained model can be exported."""

FORMATS = {"tf_saved_model": "saved_model", "onnx": "model.onnx", "litert": "model.tflite"}
"""The file or folder that holds the model, by the name that Keras's `Model.export` gives the format."""
