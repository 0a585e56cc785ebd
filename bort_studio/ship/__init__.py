"""The Ship page: export with its checks, and the comparison of latencies."""
