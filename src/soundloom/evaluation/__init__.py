"""The verdict: a model, or several, judged on sounds that they have not seen, in one report."""
