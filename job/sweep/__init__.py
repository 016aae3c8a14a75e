"""Many runs: planned, run side by side or on a cluster, and collected."""
