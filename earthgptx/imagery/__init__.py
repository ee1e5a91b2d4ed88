"""Read, normalise, window, draw and georeference imagery. No torch in here."""
