"""A list of URLs on the Collect page: its preview, the job, what was rejected, and another attempt."""

from peakid.jobs import queue
from peakid.store.collecting import collections
from peakid.store.collecting.collections import Ended, NewCandidate


def entered(open_page, file, **fields):
    app = open_page("collect")
    app.segmented_control(key="source").set_value("web").run()
    app.text_input(key="urls_path").set_value(str(file))
    for label, value in fields.items():
        next(each for each in [*app.text_input, *app.number_input] if each.label == label).set_value(value)
    return next(each for each in app.button if each.label == "Preview").click().run()


def texts(app):
    return " ".join(each.value for each in [*app.markdown, *app.caption])


def test_a_list_is_previewed_and_collected_in_a_job(open_page, workspace, no_worker, tmp_path):
    file = tmp_path / "urls_otter.txt"
    file.write_text("https://example.org/1.jpg\nhttps://example.org/2.jpg\nhttps://example.org/1.jpg\nno\n")
    app = entered(open_page, file)
    assert "4 lines with 2 different URLs, 1 listed twice in a class, 1 that cannot be fetched" in texts(app)
    assert app.dataframe[0].value.to_dict("list") == {"Class": ["otter"], "URLs": [2]}
    app.button(key="collect").click().run()
    assert not app.exception
    [job] = queue.list_jobs(workspace)
    assert (job.kind, job.state, job.lane) == ("collect", "queued", "net")
    shown = collections.show(workspace, "urls")
    assert (shown.n_waiting, shown.n_rejected) == (2, 1)


def test_a_class_and_a_limit_can_be_given(open_page, workspace, no_worker, tmp_path):
    file = tmp_path / "found.txt"
    file.write_text("\n".join(f"https://example.org/{n}.jpg" for n in range(9)))
    app = entered(open_page, file, **{"Class": "sea otter", "At most for each class": 3})
    assert app.button(key="collect").label == "Collect 3 photos"
    app.button(key="collect").click().run()
    waiting = collections.waiting(workspace, 1)
    assert [each.label for each in waiting] == ["sea otter"] * 3


def test_the_columns_of_a_table_can_be_chosen(open_page, workspace, no_worker, tmp_path):
    file = tmp_path / "found.csv"
    rows = "".join(
        f"https://example.org/{n}.jpg,https://example.org/big/{n}.jpg,otter,sea\n" for n in range(3)
    )
    file.write_text("url,full,label,habitat\n" + rows)
    app = entered(open_page, file)
    urls, labels = (
        next(each for each in app.selectbox if each.label == label)
        for label in ("Column of URLs", "Column of classes")
    )
    assert (urls.value, labels.value) == ("url", "label")
    urls.set_value("full")
    labels.set_value("habitat").run()
    assert app.dataframe[0].value.to_dict("list") == {"Class": ["sea"], "URLs": [3]}
    next(each for each in app.selectbox if each.label == "Column of classes").set_value("").run()
    assert app.dataframe[0].value.to_dict("list") == {"Class": ["found"], "URLs": [3]}
    app.button(key="collect").click().run()
    assert not app.exception
    assert collections.waiting(workspace, 1)[0].url == "https://example.org/big/0.jpg"


def test_bad_lists_are_explained_where_they_were_entered(open_page, workspace, tmp_path):
    file = tmp_path / "names.txt"
    file.write_text("a.jpg\nb.jpg\n")
    assert "no line that begins with http" in entered(open_page, file).error[0].value
    assert "No file was given" in entered(open_page, "").error[0].value


def test_what_was_rejected_is_listed_and_tried_again(open_page, workspace, no_worker):
    collection_id = collections.create(workspace, "lakes", actor="human:anna")
    found = [NewCandidate(f"https://example.org/{n}", "lake", "urls") for n in range(3)]
    collections.add(workspace, collection_id, found)
    with workspace.transaction() as connection:
        collections.end(connection, Ended(1, None, "gone", "The server answered with status 404."))
        collections.end(connection, Ended(2, None, "unreachable", "It did not answer in time."))
    app = open_page("collect")
    rows = app.dataframe[0].value.to_dict("records")
    assert (rows[0]["Collection"], rows[0]["Rejected"], rows[0]["Waiting"]) == ("lakes", 2, 1)
    assert "No longer on the web 1" in app.pills[0].options
    assert app.button(key=f"continue:{collection_id}").label == "Continue lakes (1 waiting)"
    app.button(key=f"retry:{collection_id}").click().run()
    assert collections.show(workspace, "lakes").n_waiting == 2
    assert [job.kind for job in queue.list_jobs(workspace)] == ["collect"]
    assert not [each for each in app.button if each.key == f"retry:{collection_id}"]
