"""What training a generator adds: texts and lines, truncated back-propagation, its report."""
