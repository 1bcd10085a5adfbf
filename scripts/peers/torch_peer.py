"""PyTorch by hand: an eager loop over shuffled rows of tensors in memory."""
import time
import torch
from torch import nn
import numpy as np
from clock import latency
from networks import RECURRENT

VERSION = torch.__version__

class LastState(nn.Module):
    """A recurrent layer, of which the last state goes on."""
    def __init__(self, kind, inputs, units):
        super().__init__()
        self.layer = dict(lstm=nn.LSTM, gru=nn.GRU, simplernn=nn.RNN)[kind](inputs, units, batch_first=True)
    def forward(self, x):
        return self.layer(x)[0][:, -1]

def model(w):
    layers, shape = [], w.row
    for kind, *how in w.layers:
        channels = shape[-1]
        if kind == "dense":
            layers.append(nn.Linear(channels, how[0]))
            shape = (how[0],)
        elif kind in RECURRENT:
            layers.append(LastState(kind, channels, how[0]))
            shape = (how[0],)
        elif kind == "conv":
            same = how[1] == "same"
            layers.append(nn.Conv2d(channels, how[0], 3, padding=int(same)))
            shape = tuple(n - 2 * (not same) for n in shape[:2]) + (how[0],)
        elif kind == "pool":
            same = how[0] == "same"
            layers.append(nn.MaxPool2d(2, ceil_mode=same))
            shape = tuple((n + same) // 2 for n in shape[:2]) + (channels,)
        elif kind == "norm":
            layers.append(nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01))
        elif kind == "flatten":
            layers.append(nn.Flatten())
            shape = (int(np.prod(shape)),)
        else:
            layers.append(nn.ReLU() if kind == "relu" else nn.Dropout(how[0]))
    return nn.Sequential(*layers)

def pictures(x):
    """Channels first, which is PyTorch's order; rows of numbers as they are."""
    x = torch.from_numpy(x)
    return x.permute(0, 3, 1, 2).contiguous() if x.ndim == 4 else x

def training(w):
    m, x, y = model(w).train(), pictures(w.x), torch.from_numpy(w.y)
    y = y if w.regression else y.long()
    loss = nn.MSELoss() if w.regression else nn.CrossEntropyLoss()
    optimizer = dict(
        adam=lambda p: torch.optim.Adam(p, 1e-3, eps=1e-7), rmsprop=lambda p: torch.optim.RMSprop(p, 1e-3, alpha=0.9, eps=1e-7),
        sgd=lambda p: torch.optim.SGD(p, 0.1))[w.optimizer](m.parameters())
    times = []
    for _ in range(w.steps + 10):
        t = time.perf_counter()
        if w.whole:
            bx, by = x, y
        else:
            pick = torch.randint(0, w.rows, (w.batch,))
            bx, by = x[pick], y[pick]
        optimizer.zero_grad(set_to_none=True)
        l = loss(m(bx), by)
        l.backward()
        optimizer.step()
        times.append(time.perf_counter() - t)
    return np.array(times[10:]), l.item()

def inference(w):
    m = model(w).eval()
    def predict(x):
        with torch.inference_mode():
            return m(pictures(x)) if w.regression else torch.softmax(m(pictures(x)), 1)
    return latency(w, predict)
