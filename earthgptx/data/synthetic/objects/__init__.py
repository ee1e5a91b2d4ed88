"""How single things (airplanes, tanks, courts) are drawn, one module per family."""
