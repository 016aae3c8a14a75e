"""Other ways to serve the baseline, as their documentation shows them: `POST /predict` with TensorFlow Serving's JSON.

All but that of the newcomer compute with the same forward pass as the job, so that they compare servers, not networks.
"""
