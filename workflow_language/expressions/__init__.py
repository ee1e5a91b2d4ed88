"""Conditions: `when` of a step, `where` of a filter. Parsed and evaluated here, never by Python.

    $ships.number > 0 and not ($kind.label == 'harbour')
    label in ['ship', 'boat'] and area_m2 >= $least_m2

The first is of a step, the second of a filter, where bare names are fields of a region.
"""
