import pytest

from datasets.errors import FileFormatError, TrainingError
from weaksup.experiments.grid import Cell, Grid

GRID = Grid("faces.csv", m=(2, 3), ratios=(0.1, 0.25), presets=("recommended", "quick"), seeds=2)


def test_every_combination_is_a_cell_once():
    cells = GRID.changed(baselines=("clicked", "full", "mean-shape")).cells(
        {"k-center": None, "aflw-19": 3}
    )
    assert len(set(cells)) == len(cells) == len({cell.key for cell in cells})
    of_format = 3 * 2  # methods and ratios; k-center has two sizes, the other format one
    assert len(cells) == 2 * (3 * of_format + 1 + 2)
    assert Cell("full", 1.0, 1) in cells
    assert Cell("quick", 0.25, 1, "aflw-19", 3) in cells
    assert not any(cell.format == "aflw-19" and cell.m == 2 for cell in cells)


def test_a_grid_comes_back_from_its_file_with_paths_beside_it(tmp_path):
    grid = GRID.changed(epochs={"thesis": (20, 60, 60)}, width=0.5)
    grid.save(tmp_path / "grid.toml")
    assert Grid.load(tmp_path / "grid.toml") == grid.changed(data=str(tmp_path / "faces.csv"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('data = "x"\nsizes = [1]', "unknown key"),
        ("m = [2]", "missing"),
        ('data = "x"\nm = ["2"]', "m: expected a list of whole numbers, got"),
        ('data = "x"\nm = 2', "m: expected a list of whole numbers, got 2"),
        ('data = "x"\nwidth = "wide"', "width: expected a number, got"),
        ('data = "x"\n[epochs]\nthesis = 20', "a table, and for each name a list of whole numbers"),
        ('data = "x"\nratios = [2]', r"shares of the images in \(0, 1\]"),
        ('data = "x"\nratios = []', "needs a ratio"),
        ('data = "x"\nseeds = 0', "count from 1"),
        ('data = "x"\nm = [2, 2]', "twice"),
        ('data = "x"\nratios = [0.3333331, 0.3333333]', "twice"),
        ('data = "x"\nbaselines = ["luck"]', "unknown baseline 'luck'"),
    ],
)
def test_a_file_that_is_no_grid_is_refused_with_its_name(tmp_path, text, told):
    path = tmp_path / "grid.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileFormatError, match=told) as caught:
        Grid.load(path)
    assert str(path) in str(caught.value)


def test_a_grid_may_grow():
    GRID.changed(
        m=(2, 3, 4), ratios=(0.1, 0.25, 0.5), presets=("thesis", *GRID.presets), seeds=3
    ).require_grown(GRID)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"m": (3,)}, "m had 2"),
        ({"seeds": 1}, "there were 2 seeds"),
        ({"ratios": (0.05, 0.1, 0.25)}, "searched at the ratio 0.1"),
        ({"width": 0.5}, "width was 0.25, now 0.5"),
    ],
)
def test_what_changes_cells_is_refused(values, told):
    with pytest.raises(TrainingError, match=told):
        GRID.changed(**values).require_grown(GRID)


def test_files_of_presets_and_formats_are_beside_the_grid(tmp_path):
    text = 'data = "x"\npresets = ["quick", "mine.toml"]\nformats = ["../m5.toml", "random"]'
    (tmp_path / "grid.toml").write_text(text, encoding="utf-8")
    grid = Grid.load(tmp_path / "grid.toml")
    assert grid.presets == ("quick", str(tmp_path / "mine.toml"))
    assert grid.formats == (str(tmp_path / "../m5.toml"), "random")
