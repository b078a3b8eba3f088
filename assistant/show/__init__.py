"""Answer -> what a page shows: HTML, figures and files, as text; only `layout` and `wire` know what serves the page."""
