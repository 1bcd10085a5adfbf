"""ONNX Runtime on the network with random weights, written as ONNX without any framework."""
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from clock import latency
from networks import weights

VERSION = ort.__version__

def model(w):
    nodes, tensors, x = [], [], "x"
    def tensor(value):
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(value), f"w{len(tensors)}"))
        return tensors[-1].name
    def add(op, *operands, last=False, **attributes):
        nonlocal x
        nodes.append(helper.make_node(op, [x, *operands], [y := "y" if last else f"h{len(nodes)}"], **attributes))
        x = y
    for (kind, *how), p in zip(w.layers, weights(w)):
        if kind == "dense":
            add("Gemm", tensor(p["w"]), tensor(p["b"]))
        elif kind == "conv":
            pads = [int(how[1] == "same")] * 4
            add("Conv", tensor(p["w"].transpose(3, 2, 0, 1)), tensor(p["b"]), kernel_shape=[3, 3], pads=pads)
        elif kind == "pool":
            add("MaxPool", kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER" if how[0] == "same" else "VALID")
        elif kind == "norm":
            add("BatchNormalization", *(tensor(p[k]) for k in "gbmv"), epsilon=1e-3)
        elif kind == "relu":
            add("Relu")
        elif kind == "flatten":
            add("Flatten")
    add("Softmax", last=True, axis=-1)
    info = lambda name, row: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", *row])
    outputs = [how[0] for kind, *how in w.layers if kind == "dense"][-1]
    graph = helper.make_graph(nodes, w.base, [info("x", first(w.row))], [info("y", (outputs,))], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()

def first(row):
    """Channels first, which is ONNX' order."""
    return (row[2], row[0], row[1]) if len(row) == 3 else row

def inference(w, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(model(w), options, providers=["CPUExecutionProvider"])
    w.x = np.ascontiguousarray(np.moveaxis(w.x, -1, 1)) if len(w.row) == 3 else w.x
    return latency(w, lambda x: session.run(None, {"x": x}))
