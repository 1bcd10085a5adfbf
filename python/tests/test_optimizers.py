"""Updates by hand and what optimizers keep, against real Keras where it is installed."""

import pickle

import numpy as np
import pytest

import adaline
from adaline import optimizers

RULES = [
    lambda k: k.optimizers.SGD(0.1, momentum=0.9, nesterov=True), lambda k: k.optimizers.Adam(0.1, amsgrad=True),
    lambda k: k.optimizers.AdamW(0.1, weight_decay=0.05), lambda k: k.optimizers.RMSprop(0.1, momentum=0.5, centered=True),
    lambda k: k.optimizers.Adagrad(0.1), lambda k: k.optimizers.Adadelta(1.0), lambda k: k.optimizers.Adamax(0.1), lambda k: k.optimizers.Nadam(0.1),
    lambda k: k.optimizers.Ftrl(0.1), lambda k: k.optimizers.Lion(0.01), lambda k: k.optimizers.Adafactor(0.1), lambda k: k.optimizers.Lamb(0.1),
    lambda k: k.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=2),
    lambda k: k.optimizers.SGD(0.1, gradient_accumulation_steps=2, clipnorm=0.5),
    lambda k: k.optimizers.Adam(k.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)), lambda k: k.optimizers.SGD(lambda: 0.25),
    lambda k: k.optimizers.SGD(0.0, momentum=0.5),
]


def _weights(k, rng):
    return [k.Variable(rng.normal(size=shape).astype(np.float32), name=name) for name, shape in (("kernel", (3, 2)), ("bias", (2,)))]


def _gradients(steps):
    rng = np.random.default_rng(3)
    return [[rng.normal(size=(3, 2)).astype(np.float32), rng.normal(size=2).astype(np.float32)] for _ in range(steps)]


@pytest.mark.parametrize("at", range(len(RULES)))
def test_updates_and_variables(keras, at):
    told = []
    for k in (keras, adaline):
        weights, optimizer = _weights(k, np.random.default_rng(2)), RULES[at](k)
        before = len(optimizer.variables)
        for gradients in _gradients(5):
            optimizer.apply(gradients, weights)
        told.append((before, [np.asarray(w) for w in weights], [np.asarray(v) for v in optimizer.variables], int(optimizer.iterations)))
    (_, _, theirs, _), (_, _, mine, _) = told
    assert told[0][0] == told[1][0] and told[0][3] == told[1][3]
    assert [v.shape for v in mine] == [v.shape for v in theirs]
    for a, b in zip([*told[1][1], *mine], [*told[0][1], *theirs]):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


def test_variables_are_taken_over(rng):
    first, second = optimizers.Adam(0.1), optimizers.Adam(0.3)
    weights = _weights(adaline, rng)
    with pytest.raises(ValueError, match="not built.*build"):
        second.set_weights(first.variables)
    for gradients in _gradients(3):
        first.apply(gradients, weights)
    copies = [adaline.Variable(w.numpy(), name=w.name) for w in weights]
    second.build(copies)
    second.set_weights(first.variables)
    assert int(second.iterations) == 3 and second.learning_rate == np.float32(0.1)
    for optimizer, own in ((first, weights), (second, copies)):
        optimizer.apply(_gradients(1)[0], own)
    for a, b in zip(weights, copies):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    store = {}
    first.save_own_variables(store)
    second.load_own_variables(store)
    assert len(store) == len(first.variables) == 6
    with pytest.warns(UserWarning, match="Skipping"):
        optimizers.Adam().load_own_variables(store)


def test_state_handed_in_and_out(rng):
    optimizer, weights = optimizers.Nadam(0.1), _weights(adaline, rng)
    optimizer.build(weights)
    trained, kept = [w.numpy() for w in weights], [v.numpy() for v in optimizer.variables]
    for gradients in _gradients(3):
        trained, kept = optimizer.stateless_apply(kept, gradients, trained)
    assert int(optimizer.iterations) == 0 and int(kept[0]) == 3
    for gradients in _gradients(3):
        optimizer.apply(gradients)
    for a, b in zip([*trained, *kept], [*weights, *optimizer.variables]):
        np.testing.assert_array_equal(a, b.numpy())
    with pytest.raises(ValueError, match="optimizer_variables.*7 variables"):
        optimizer.stateless_apply(kept[:2], gradients, trained)


def test_gradients_that_are_missing_leave_variables_alone(rng):
    optimizer, weights = optimizers.Adam(0.1), _weights(adaline, rng)
    optimizer.apply(_gradients(1)[0], weights)
    before = [weights[0].numpy(), *[v.numpy() for v in optimizer.variables[2:4]]]
    with pytest.warns(UserWarning, match="kernel"):
        optimizer.apply([None, _gradients(1)[0][1]], weights)
    for a, b in zip(before, [weights[0], *optimizer.variables[2:4]]):
        np.testing.assert_array_equal(a, b.numpy())
    assert int(optimizer.iterations) == 2


def test_weights_without_decay(keras, rng):
    told = []
    for k in (keras, adaline):
        weights, optimizer = _weights(k, np.random.default_rng(2)), k.optimizers.AdamW(0.1, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        optimizer.apply(_gradients(1)[0], weights)
        told.append([np.asarray(w) for w in weights])
    for a, b in zip(*told):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    with pytest.raises(ValueError, match="before the optimizer is built"):
        optimizer.exclude_from_weight_decay(var_names=["kernel"])


def _net(k):
    return k.Sequential([k.layers.Input((4,)), k.layers.Dense(5, activation="tanh", name="dense_1"), k.layers.Dense(1, name="dense_2")])


def _trained(k, first, make, epochs=3):
    """Weights after a training of a network that begins with those of `first`."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(32, 4)).astype(np.float32), rng.normal(size=(32, 1)).astype(np.float32)
    model = _net(k)
    model.set_weights(first)
    optimizer = make(k)
    model.compile(optimizer, "mse")
    model.fit(x, y, epochs=epochs, batch_size=8, shuffle=False, verbose=0)
    return model.get_weights(), optimizer


def _without_decay(k):
    optimizer = k.optimizers.SGD(0.05, weight_decay=0.3)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def _by_function(k):
    one, other = k.optimizers.SGD(0.1, global_clipnorm=0.1), k.optimizers.Adam(0.01)
    return k.optimizers.MultiOptimizer(lambda v: one if "dense_1" in v.path else other)


def _by_texts(k):
    chosen = k.optimizers.OptimizerMap(k.optimizers.Adam(0.01))
    chosen[".*dense_1/.*"] = k.optimizers.SGD(0.1, momentum=0.9)
    return k.optimizers.MultiOptimizer(chosen)


def _by_choice_of_texts(k):
    return k.optimizers.MultiOptimizer(k.optimizers.OptimizerMap(k.optimizers.Adam(0.01), {".*(dense_1|dense_3)/(kernel|bias)": k.optimizers.SGD(0.1)}))


@pytest.mark.parametrize("make", [_without_decay, _by_function, _by_texts, _by_choice_of_texts, lambda k: k.optimizers.SGD(lambda: 0.05)])
def test_trainings(keras, make):
    first = _net(keras).get_weights()
    theirs, _ = _trained(keras, first, make)
    mine, optimizer = _trained(adaline, first, make)
    for a, b in zip(mine, theirs):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6)
    assert int(optimizer.iterations) == 12


def test_several_optimizers_keep_their_own(tmp_path):
    one, other = optimizers.SGD(0.1, momentum=0.9), optimizers.SGD(0.2)
    chosen = optimizers.OptimizerMap(other, {".*dense_1/.*": one})
    several = optimizers.MultiOptimizer(chosen)
    model = _net(adaline)
    model.compile(several, "mse")
    x, y = np.ones((8, 4), np.float32), np.ones((8, 1), np.float32)
    model.fit(x, y, verbose=0)
    assert several.optimizers == [one, other] and [int(o.iterations) for o in several.optimizers] == [1, 1]
    assert len(one.variables) == 4 and len(several.variables) == 2 + 4 + 2
    one.learning_rate = 0.0
    before = model.layers[0].kernel.numpy()
    one.variables[2].assign(np.zeros((4, 5)))
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), before)
    with pytest.raises(AttributeError, match="each of its `optimizers`"):
        several.learning_rate
    model.save(tmp_path / "model.keras")
    again = adaline.saving.load_model(tmp_path / "model.keras")
    assert isinstance(again.optimizer, optimizers.MultiOptimizer) and [int(o.iterations) for o in again.optimizer.optimizers] == [2, 2]
    assert [float(o.learning_rate) for o in again.optimizer.optimizers] == pytest.approx([0.0, 0.2])
    np.testing.assert_array_equal(again.optimizer.optimizers[0].variables[2].numpy(), one.variables[2].numpy())
    for wrong, text in (((3, one), "texts"), (("a", 3), "optimizers as values"), ((".*dense_1/.*", one), "delete it first"),
                        (("a", several), "cannot be MultiOptimizer")):
        with pytest.raises(ValueError, match=text):
            chosen.__setitem__(*wrong)
    by_function = _by_function(adaline)
    model.compile(by_function, "mse")
    model.fit(x, y, verbose=0)
    with pytest.raises(ValueError):
        model.save(tmp_path / "other.keras")


def test_scale_of_the_loss(rng):
    optimizer = optimizers.LossScaleOptimizer(optimizers.SGD(0.5), initial_scale=4.0, dynamic_growth_steps=2)
    weight = adaline.Variable([1.0, 2.0])
    for gradient, scale, value in (([4.0, 8.0], 4.0, [0.5, 1.0]), ([np.inf, 0.0], 2.0, [0.5, 1.0]), ([2.0, 2.0], 2.0, [0.0, 0.5]), ([0.0, 0.0], 4.0, [0.0, 0.5])):
        optimizer.apply([np.asarray(gradient)], [weight])
        assert optimizer.scale_loss(1.0) == scale
        np.testing.assert_allclose(weight.numpy(), value)
    assert int(optimizer.iterations) == 3
    for arguments, text in ((dict(dynamic=False), "loss_scale_factor"), (dict(clipnorm=1.0), "on the `inner_optimizer`"), (dict(foo=1), "`foo`")):
        with pytest.raises(ValueError, match=text):
            optimizers.LossScaleOptimizer(optimizers.SGD(), **arguments)


def test_names_and_copies():
    adaline.utils.set_random_seed(1)
    a, b = optimizers.Adam(), optimizers.Adam()
    assert (a.name, b.name) == ("adam", "adam_1")
    assert optimizers.deserialize(optimizers.serialize(b)).name == "adam_1"
    assert pickle.loads(pickle.dumps(a)).get_config() == a.get_config()


def test_errors_say_what_to_do():
    for make, text in (
        (lambda: optimizers.SGD(clipnorm=1.0, clipvalue=1.0), "Only one of"), (lambda: optimizers.SGD(momentum=2.0), "between"),
        (lambda: optimizers.AdamW(weight_decay=None), "For no decay use Adam"), (lambda: optimizers.SGD(-0.1), "at least 0"),
        (lambda: optimizers.SGD("fast"), "learning_rate"),
    ):
        with pytest.raises(ValueError, match=text):
            make()
    schedule = optimizers.Adam(optimizers.schedules.ExponentialDecay(0.1, 1, 0.5))
    with pytest.raises(TypeError, match="schedule"):
        schedule.learning_rate = 0.1
    schedule.learning_rate = optimizers.schedules.ExponentialDecay(0.2, 1, 0.5)
    assert schedule.learning_rate == np.float32(0.2)
