"""Answer -> what a page shows: HTML, figures and files, as text. Nothing here knows what serves the page."""
