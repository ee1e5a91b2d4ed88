"""Scene types: each layout fills a site with surroundings and labelled things."""
