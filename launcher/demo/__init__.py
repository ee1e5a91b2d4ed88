"""`earthgptx demo`: questions over sample scenes (or one's own image), answers, truth, pictures."""
