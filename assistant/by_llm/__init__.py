"""The chain's stages that need judgement, done by a language model: understand, judge, write, verify."""
