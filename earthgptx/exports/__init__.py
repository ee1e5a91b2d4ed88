"""What was found in a scene, as files: GeoJSON, GeoPackage, mask, overlay, STAC item, report."""
