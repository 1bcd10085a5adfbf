"""ONNX Runtime on the network with random weights, written as ONNX without any framework."""
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from clock import latency
from networks import RECURRENT, weights

VERSION = ort.__version__

def model(w):
    nodes, tensors, x = [], [], "x"
    def tensor(value):
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(value), f"w{len(tensors)}"))
        return tensors[-1].name
    def add(op, *operands, last=False, **attributes):
        nonlocal x
        y = "y" if last else f"h{len(nodes)}"
        # Of a recurrent layer the second result, the last state.
        nodes.append(helper.make_node(op, [x, *operands], ["", y] if "hidden_size" in attributes else [y], **attributes))
        x = y
    all_layers = list(zip(w.layers, weights(w)))
    for (kind, *how), p in all_layers:
        if kind == "dense":
            add("Gemm", tensor(p["w"]), tensor(p["b"]), last=w.regression and p is all_layers[-1][1])
        elif kind == "conv":
            pads = [int(how[1] == "same")] * 4
            add("Conv", tensor(p["w"].transpose(3, 2, 0, 1)), tensor(p["b"]), kernel_shape=[3, 3], pads=pads)
        elif kind == "pool":
            add("MaxPool", kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER" if how[0] == "same" else "VALID")
        elif kind in RECURRENT:
            add("Transpose", perm=[1, 0, 2])
            add(*last_state(kind, p, tensor), hidden_size=how[0], **(dict(linear_before_reset=1) if kind == "gru" else {}))
            add("Squeeze", tensor(np.array([0])))
        elif kind == "norm":
            add("BatchNormalization", *(tensor(p[k]) for k in "gbmv"), epsilon=1e-3)
        elif kind == "relu":
            add("Relu")
        elif kind == "flatten":
            add("Flatten")
    if not w.regression:
        add("Softmax", last=True, axis=-1)
    info = lambda name, row: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", *row])
    outputs = [how[0] for kind, *how in w.layers if kind == "dense"][-1]
    graph = helper.make_graph(nodes, w.base, [info("x", first(w.row))], [info("y", (outputs,))], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()

# ONNX' order of gates, as places in Keras'.
GATES = dict(lstm=[0, 3, 1, 2], gru=[0, 1, 2], simplernn=[0])

def last_state(kind, p, tensor):
    """The operation, and its weights in ONNX' order and shape."""
    def sorted_gates(v):
        parts = np.split(v, len(GATES[kind]), -1)
        return np.concatenate([parts[i] for i in GATES[kind]], -1)
    both = np.concatenate([sorted_gates(p["b"]), sorted_gates(p.get("c", np.zeros_like(p["b"])))])
    kernels = [tensor(sorted_gates(p[k]).T[None]) for k in "wr"]
    return (dict(lstm="LSTM", gru="GRU", simplernn="RNN")[kind], *kernels, tensor(both[None]))

def first(row):
    """Channels first, which is ONNX' order."""
    return (row[2], row[0], row[1]) if len(row) == 3 else row

def inference(w, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(model(w), options, providers=["CPUExecutionProvider"])
    w.x = np.ascontiguousarray(np.moveaxis(w.x, -1, 1)) if len(w.row) == 3 else w.x
    return latency(w, lambda x: session.run(None, {"x": x}))
