"""From samples as they arrive to windows on the model's grid, and checks of both."""
