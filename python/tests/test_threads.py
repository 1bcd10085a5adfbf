"""Many threads ask one model at a time."""

import threading

import numpy as np

import adaline


class Doubled(adaline.layers.Layer):
    def call(self, inputs):
        return inputs * 2.0


def network():
    return adaline.Sequential([adaline.layers.Input((5,)), adaline.layers.Dense(16, activation="relu"), Doubled(), adaline.layers.Dense(2)])


def together(functions):
    """What each function gives, all called at once."""
    found, failed = [None] * len(functions), []

    def work(at):
        try:
            found[at] = functions[at]()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(at,)) for at in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed
    return found


def test_predictions_of_many_threads_are_those_of_one(rng):
    model = network()
    rows = [rng.normal(size=(n, 5)).astype(np.float32) for n in (1, 3, 8, 40)]
    wanted = [model.predict(x, verbose=0) for x in rows]
    jobs = [lambda x=x: [model.predict(x, verbose=0) for _ in range(20)] for x in rows]
    jobs += [lambda x=x: [model(x) for _ in range(20)] for x in rows]
    for at, results in enumerate(together(jobs)):
        for result in results:
            np.testing.assert_allclose(result, wanted[at % len(rows)], rtol=1e-5, atol=1e-6)


def test_threads_see_what_was_learned(rng):
    model = network()
    model.compile("sgd", "mse")
    x, y = rng.normal(size=(32, 5)).astype(np.float32), np.ones((32, 2), np.float32)
    for _ in range(3):
        before = together([lambda: model.predict(x, verbose=0) for _ in range(4)])
        assert all((b == before[0]).all() for b in before)
        model.train_on_batch(x, y)
        after = together([lambda: model.predict(x, verbose=0) for _ in range(4)])
        assert all((a == after[0]).all() for a in after) and (after[0] != before[0]).any()
        model.layers[-1].bias.assign(np.zeros(2))
        assert (model.predict(x, verbose=0) != after[0]).any()


def test_predictions_during_training_wait_or_see_whole_steps(rng):
    model = network()
    model.compile("sgd", "mse")
    x, y = rng.normal(size=(64, 5)).astype(np.float32), np.ones((64, 2), np.float32)
    found = together([lambda: model.fit(x, y, epochs=30, verbose=0).history["loss"]] + [
        lambda: [model.predict(x, verbose=0) for _ in range(10)] for _ in range(3)])
    assert np.isfinite(found[0]).all() and all(np.isfinite(p).all() for results in found[1:] for p in results)
    together([lambda: model.predict(x, verbose=0) for _ in range(4)])
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), np.mean((model.predict(x, verbose=0) - y) ** 2), rtol=1e-4)
