"""What a run is asked to do: options, recipes and the settings file, checked."""
