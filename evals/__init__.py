"""Answer -> Score: whether answers are good, and whether a change made them better."""
