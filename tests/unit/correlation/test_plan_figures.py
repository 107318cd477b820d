"""The figure of plans: what its cells say and which are framed."""

from correlation.plan_figures import plan_figure
from correlation.planning import Rates, plans

ERRORS = {(3, 10): 0.05, (3, 100): 0.04, (5, 10): 0.03, (5, 100): None}


def test_cells_tell_error_and_hours_and_chosen_plans_are_framed():
    made = plans(10, 1000, Rates(), ERRORS)
    cells = {(p.m, p.n): p for p in made}
    figure = plan_figure(made, 50, [cells[5, 10], None])
    (heatmap,) = figure.data
    assert (list(heatmap.x), list(heatmap.y)) == (["10", "100"], ["3", "5"])
    assert [list(row) for row in heatmap.z] == [[5, 4], [3, None]]
    hours = {key: f"{plan.hours:.1f} h" for key, plan in cells.items()}
    assert heatmap.text[0][0] == f"5.00 %<br>{hours[3, 10]}"
    assert heatmap.text[0][1] == f"~4.00 %<br>{hours[3, 100]}"
    assert heatmap.text[1][1] == f"?<br>{hours[5, 100]}"
    (frame,) = figure.layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (-0.5, 0.5, 0.5, 1.5)


def test_plans_without_a_point_to_complete_are_not_called_extrapolated():
    made = plans(10, 1000, Rates(), {(10, 10): None, (10, 1000): None})
    (heatmap,) = plan_figure(made, 5).data
    assert {text.split("<br>")[0] for text in heatmap.text[0]} == {"0.00 %"}
