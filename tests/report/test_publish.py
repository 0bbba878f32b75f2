"""What the repository shows of a study."""

import sys

import pytest
from helpers import REPOSITORY

from seedvar.cli.main import main
from seedvar.errors import UserError
from seedvar.report.publish import publish

FILES = ["runs.csv", "summary.csv", "findings.json", "predictions.parquet", "diagnostics.parquet", "report.html"]
FILES += ["notebook.html", "notebook.ipynb"]
NOT_PUBLISHED = {"report.html", "notebook.html", "tables/scores.html"}
FILES += [
    "figures/overview.png",
    "figures/overview.svg",
    "figures/overview.csv",
    "tables/scores.md",
    "tables/scores.html",
]


@pytest.fixture
def results(tmp_path):
    for name in FILES:
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_text(name)
    return tmp_path


def published(results) -> set[str]:
    folder = results / "published" / "mine"
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_tables_figures_and_findings_are_published_and_pages_are_not(results):
    written = publish("mine", results, is_table=False)
    assert published(results) == {str(path.relative_to(results / "published/mine")) for path in written}
    assert published(results) == set(FILES) - NOT_PUBLISHED


def test_of_other_peoples_runs_no_file_says_what_one_scored(results):
    publish("mine", results, is_table=True)
    assert published(results) == {"summary.csv", "findings.json", "figures/overview.png", "tables/scores.md"}


def test_what_is_no_longer_there_goes(results):
    publish("mine", results, is_table=False)
    (results / "mine/runs.csv").unlink()
    publish("mine", results, is_table=False)
    assert "runs.csv" not in published(results)


def test_a_study_that_has_not_been_run_is_refused(results):
    with pytest.raises(UserError, match="findings.json: is missing; accepted: a study that has been run: snakemake"):
        publish("other", results, is_table=False)


def test_links_and_large_files_are_refused_before_anything_is_written(results):
    (results / "mine/secret.csv").symlink_to("/etc/passwd")
    with pytest.raises(UserError, match="secret.csv: is a link"):
        publish("mine", results, is_table=False)
    (results / "mine/secret.csv").unlink()
    (results / "mine/large.csv").write_bytes(b"0" * 6_000_000)
    with pytest.raises(UserError, match="large.csv: has 6.0 MB; accepted: files of up to 5 MB"):
        publish("mine", results, is_table=False)
    assert not (results / "published").exists()


def test_nothing_is_published_through_a_link(results, monkeypatch, capsys):
    """Else files of a folder that a results folder from elsewhere points to would be replaced and deleted."""
    monkeypatch.chdir(results)
    (results / "precious").mkdir()
    (results / "precious/thesis.csv").write_text("mine")
    (results / "results").mkdir()
    (results / "mine").rename(results / "results/mine")
    (results / "results/published").mkdir()
    (results / "results/published/mine").symlink_to(results / "precious")
    (results / "mine.yaml").write_text("model: syn-bert\ntasks: [syn-rte]\nseeds: 2\narms: {plain: {}}\n")
    with pytest.raises(SystemExit) as ended:
        sys.exit(main(["publish", "mine.yaml"]))
    assert ended.value.code == 2
    assert "published/mine: is a symbolic link that leads out of results" in capsys.readouterr().err
    assert [path.name for path in (results / "precious").iterdir()] == ["thesis.csv"]


def test_no_run_of_anybody_else_is_in_the_repository():
    for folder in (REPOSITORY / "results/published").iterdir():
        text = (REPOSITORY / f"config/studies/{folder.name}.yaml").read_text()
        if "\nruns:\n" in text:
            of_runs = ("runs.csv", "curves.csv", "notebook.ipynb")
            assert not [path for path in folder.rglob("*") if path.name in of_runs], folder
            assert not list(folder.glob("figures/*.csv")) + list(folder.glob("figures/*.svg")), folder
            assert not list(folder.glob("figures/*.pdf")), folder
