"""One reader per format: `recognises(page)` says whether it is theirs, `read(page)` yields its papers."""
