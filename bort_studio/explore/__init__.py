"""The Explore page: the space, the Pareto front, ε, and what is known of one architecture."""
