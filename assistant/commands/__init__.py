"""Arguments -> calls: the commands of `whichpapers`, by what they are about; `assistant.cli` puts them in order."""
