"""The progress line says what is done and, once it can, how long the rest takes."""

import io
import os
import time

from seedvar.engine.progress import progress_line, report_progress


def test_the_line_says_how_far_a_study_is():
    assert progress_line(0, 80, 0, 30.0) == "seedvar: 0 of 80 cells done"
    assert progress_line(20, 80, 0, 60.0) == "seedvar: 20 of 80 cells done, about 3 min left"
    assert progress_line(20, 40, 40, 60.0) == "seedvar: 60 of 80 cells done, about 60 s left"
    assert progress_line(1, 1001, 0, 36.0) == "seedvar: 1 of 1001 cells done, about 10.0 h left"
    assert progress_line(60, 60, 20, 60.0) == "seedvar: 80 of 80 cells done"


def test_lines_appear_while_cells_are_finished(tmp_path):
    stream, planned = io.StringIO(), [tmp_path / str(i) for i in range(2)]
    planned[0].touch()
    os.utime(planned[0], (0, 0))  # an invalid result, to be made again
    end = report_progress(planned, 1, stream, interval_s=0.02)
    deadline = time.monotonic() + 10
    for path, expected in ((None, "1 of 3 cells"), (planned[1], "2 of 3 cells done, about")):
        if path:
            path.touch()
        while expected not in stream.getvalue():
            assert time.monotonic() < deadline
            time.sleep(0.01)
    planned[0].touch()
    end()
    assert stream.getvalue().splitlines()[-1] == "seedvar: 3 of 3 cells done"
