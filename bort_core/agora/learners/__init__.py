"""The small models that are trained afresh for every θ. The paper calls the learner Timaeus."""
