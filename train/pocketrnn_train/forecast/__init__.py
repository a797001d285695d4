"""What training a forecaster adds: windows, synthetic series, naive forecasts, the width."""
