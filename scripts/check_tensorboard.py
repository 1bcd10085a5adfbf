"""Reads what `adaline fit --tensorboard` wrote with TensorFlow, and compares it with the history beside it.

    adaline fit datasets/iris.csv --target species --epochs 12 --out out/iris --tensorboard out/iris/logs
    python scripts/check_tensorboard.py out/iris/logs out/iris/history.csv

Needs tensorflow; where tensorboard is installed, too, its own reader must find the same.
"""

import csv
import glob
import json
import sys

import numpy as np
import tensorflow as tf


def events(folder):
    files = glob.glob(f"{folder}/events.out.tfevents.*")
    assert len(files) == 1, files
    for event in tf.compat.v1.train.summary_iterator(files[0]):
        for value in event.summary.value:
            yield event.step, value.tag, value.metadata, tf.make_ndarray(value.tensor)


def main(logs, history):
    with open(history, newline="") as f:
        rows = list(csv.DictReader(f))
    checked = 0
    for part, prefix in [("train", ""), ("validation", "val_")]:
        found = {}
        for step, tag, metadata, value in events(f"{logs}/{part}"):
            plugin = metadata.plugin_data.plugin_name
            if plugin == "scalars":
                found[tag, step] = value.item()
            elif plugin == "histograms":
                assert value.ndim == 2 and value.shape[1] == 3 and value[:, 2].sum() >= 1, (tag, value)
                assert (value[:, 0] <= value[:, 1]).all(), (tag, value)
            elif plugin == "graph_keras_model":
                config = json.loads(value.item())
                names = [layer["config"]["name"] for layer in config["config"]["layers"]]
                print("graph of", ", ".join(names))
            elif plugin == "text":
                assert b"Total params" in value.item(), value
            else:
                raise AssertionError(f"plugin {plugin}")
        for epoch, row in enumerate(rows):
            for name, value in row.items():
                own = name.startswith("val_") if prefix else not name.startswith("val_") and name not in ("epoch", "learning_rate")
                if own:
                    assert found[f"epoch_{name[len(prefix):]}", epoch] == np.float32(value), (name, epoch)
                    checked += 1
    print(f"{checked} values of {len(rows)} epochs agree")
    try:
        from tensorboard.backend.event_processing import event_accumulator
    except ImportError:
        print("tensorboard is not installed; TensorFlow's reader alone was asked")
        return
    accumulator = event_accumulator.EventAccumulator(f"{logs}/train", size_guidance={"tensors": 0})
    accumulator.Reload()
    tags = accumulator.Tags()["tensors"]
    assert "epoch_loss" in tags and "keras" in tags, tags
    assert len(accumulator.Tensors("epoch_loss")) == len(rows)
    print("tensorboard's reader finds", ", ".join(tags))


main(*sys.argv[1:])
