from core.figures.training import training_curves


def epochs(*accuracies: float) -> list[dict[str, float]]:
    return [
        {"epoch": n, "loss": 2 / n, "validation_loss": 3 / n, "accuracy": accuracy}
        for n, accuracy in enumerate(accuracies, start=1)
    ]


def test_loss_on_the_left_and_accuracy_on_the_right() -> None:
    figure = training_curves(epochs(0.5, 0.75, 0.75), epochs=20)
    learned, held, accuracy, best = figure.data
    assert (list(learned.y), list(held.y)) == ([2, 1, 2 / 3], [3, 1.5, 1])
    assert (learned.xaxis, held.yaxis) == ("x", "y")
    assert list(accuracy.x) == [1, 2, 3]
    assert list(accuracy.y) == [0.5, 0.75, 0.75]
    assert (accuracy.xaxis, accuracy.yaxis) == ("x2", "y2")
    # Of equally accurate epochs the one of the lowest loss, as in training.
    assert (best.x[0], best.y[0]) == (3, 0.75)
    assert figure.layout.xaxis.range[1] == figure.layout.xaxis2.range[1] == 20.3


def test_other_repeats_lie_behind() -> None:
    figure = training_curves(epochs(0.5), others=[epochs(0.1, 0.2)])
    assert [trace.name for trace in figure.data[:2]] == ["another repeat"] * 2
    assert list(figure.data[1].y) == [0.1, 0.2]
    assert figure.data[2].mode == "lines+markers"  # a single epoch would be no line


def test_nothing_yet() -> None:
    assert [len(trace.x) for trace in training_curves([]).data] == [0, 0, 0]
