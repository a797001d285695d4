"""A task: series to quantiles of what comes next."""
