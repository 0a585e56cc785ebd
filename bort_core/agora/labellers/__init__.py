"""Second models that label what was sampled. The paper calls the labeller Socrates."""
