"""Request -> Response: a library over HTTP, by `whichpapers serve`. Calls of `Assistant`, put into JSON and back."""
