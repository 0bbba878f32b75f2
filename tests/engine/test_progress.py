"""The progress line says what is done, what failed and, once it can, how long the rest takes."""

import contextlib
import io
import json
import os
import pty
import re
import time

import pytest

from seedvar.engine.progress import Cells, Jobs, progress_line, report_progress
from seedvar.engine.terminal import LiveLine


def line(done, planned, valid, elapsed_s, jobs=Jobs(), **more):  # noqa: B008
    cells = Cells(list(range(planned)), list(range(valid)))
    cells.waiting = list(range(done, planned))
    for name in ("degenerate", "device"):
        setattr(cells, name, more.pop(name, getattr(cells, name)))
    return progress_line(cells, jobs, elapsed_s, **more)


def test_the_line_says_how_far_a_study_is():
    assert line(0, 80, 0, 30.0) == "seedvar: 0 of 80 cells done"
    assert line(20, 80, 0, 60.0) == "seedvar: 20 of 80 cells done, about 3 min left"
    assert line(20, 40, 40, 60.0) == "seedvar: 60 of 80 cells done, about 60 s left"
    assert line(1, 1001, 0, 36.0) == "seedvar: 1 of 1,001 cells done, about 10.0 h left"
    assert line(20, 80, 0, 60.0, at_most=True) == "seedvar: 20 of at most 80 cells done, about 3 min left"
    assert line(20, 80, 0, 60.0, last=True) == "seedvar: 20 of 80 cells done"


def test_the_line_says_what_failed_runs_and_crashed_and_where():
    jobs = Jobs(frozenset("789"), frozenset("6"), (9, 40))
    said = line(8, 10, 0, 8.0, jobs, degenerate=3, device="cpu")
    assert said == "seedvar: 8 of 10 cells done, 3 degenerate, 2 running, 1 crashed, about 10 s left, CPU"
    submitted = line(8, 10, 0, 8.0, Jobs(frozenset("89"), remote=True), device="NVIDIA H100 80GB HBM3")
    assert submitted == "seedvar: 8 of 10 cells done, 2 submitted, about 10 s left, NVIDIA H100 80GB HBM3"
    assert (
        line(10, 10, 0, 8.0, Jobs(steps=(12, 40))) == "seedvar: 10 of 10 cells done, tables and figures: step 12 of 40"
    )
    assert line(0, 0, 0, 8.0, Jobs(steps=(2, 7))) == "seedvar: step 2 of 7"


def finish_cell(path, degenerate=False):
    path.write_text(json.dumps({"degenerate": degenerate, "device": "cpu"}))


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_lines_appear_while_cells_are_finished(tmp_path):
    stream, planned, valid = io.StringIO(), [tmp_path / str(i) for i in range(2)], tmp_path / "valid"
    finish_cell(valid, degenerate=True)
    planned[0].touch()
    os.utime(planned[0], (0, 0))  # an invalid result, to be made again
    end = report_progress(planned, [valid], stream=stream, interval_s=0.02)
    wait_for(lambda: "1 of 3 cells done, 1 degenerate" in stream.getvalue())
    finish_cell(planned[1])
    wait_for(lambda: re.search("2 of 3 cells done, 1 degenerate, about .* left, CPU\n", stream.getvalue()))
    finish_cell(planned[0], degenerate=True)
    end()
    assert stream.getvalue().splitlines()[-1] == "seedvar: 3 of 3 cells done, 2 degenerate, CPU"


def test_a_log_of_many_cells_has_a_line_each_tenth_and_no_control_characters(tmp_path):
    stream, planned = io.StringIO(), [tmp_path / str(i) for i in range(100)]
    end = report_progress(planned, [], stream=stream, interval_s=0.001)
    for path in planned:
        finish_cell(path)
        time.sleep(0.005)
    end()
    lines = stream.getvalue().splitlines()
    assert 3 <= len(lines) <= 12
    assert lines[-1].startswith("seedvar: 100 of 100 cells done")
    assert all(each.isprintable() for each in lines)


@pytest.fixture
def terminal():
    """A terminal, and what has been written to it so far."""
    outer, inner = pty.openpty()
    os.set_blocking(outer, False)
    seen = []

    def read():
        with contextlib.suppress(BlockingIOError):
            seen.append(os.read(outer, 100_000).decode())
        return "".join(seen)

    with open(inner, "w") as stream:
        yield stream, read
    os.close(outer)


def test_a_terminal_has_one_line_below_what_others_write(tmp_path, terminal):
    stream, read = terminal
    live, planned = LiveLine(stream), [tmp_path / "0", tmp_path / "1"]
    end = report_progress(planned, [], stream=live, interval_s=0.02)
    wait_for(lambda: "0 of 2 cells done" in read())
    print("a warning", file=live)
    finish_cell(planned[0])
    wait_for(lambda: "1 of 2 cells done, about" in read())
    finish_cell(planned[1])
    end()
    wait_for(lambda: on_screen(read()) == ["a warning", "seedvar: 2 of 2 cells done, CPU"])


def test_what_another_process_writes_covers_the_line(terminal):
    stream, read = terminal
    live = LiveLine(stream)
    live.draw("a long line of progress")
    stream.write("\r\x1b[Ka child failed\n")  # as a `seedvar train` does
    stream.flush()
    live.draw("next")
    wait_for(lambda: on_screen(read()) == ["a child failed", "next"])


def test_a_line_is_cut_where_the_terminal_ends(terminal):
    stream, read = terminal
    LiveLine(stream).draw("x" * 500)
    wait_for(lambda: read().endswith("x\r"))
    assert len(on_screen(read())[0]) < 500


def on_screen(written):
    """Returns what a terminal shows: a return goes to the line's beginning, ESC [ K forgets the rest of the line."""
    lines, column = [""], 0
    for token in re.findall(r"\x1b\[K|.|\n", written, re.DOTALL):
        if token == "\n":
            lines.append("")
            column = 0
        elif token == "\r":
            column = 0
        elif token == "\x1b[K":
            lines[-1] = lines[-1][:column]
        else:
            lines[-1] = lines[-1][:column] + token + lines[-1][column + 1 :]
            column += 1
    return lines if lines[-1] else lines[:-1]
