#!/usr/bin/env python3
"""Writes the weights of Silero VAD's 8 kHz branch into one flat file, and reference probabilities for tests.

usage: export.py SILERO_VAD.onnx weights OUT.f32        the file that quietline embeds
       export.py SILERO_VAD.onnx probs OUT.f32 FILE.ulaw   one probability per chunk of 256 samples, for the tests

SILERO_VAD.onnx is silero_vad/data/silero_vad.onnx of the Python package silero-vad 6.2.3 (MIT, see LICENSE beside this
file). Needs numpy and onnx. All numbers are little-endian 32-bit floats. Order in the weights, each row by row:

  stft.forward_basis_buffer        [130][128]   rows 0..65 real part, 65..130 imaginary part of 65 bins
  encoder.0..3.reparam_conv        weight [out][in][3], then bias [out]; out x in: 128x65, 64x128, 64x64, 128x64
  decoder.rnn.weight_ih, weight_hh [512][128] each, gates i f g o
  decoder.rnn.bias_ih, bias_hh     [512] each
  decoder.decoder.2                weight [128], then bias [1]

The arithmetic of `probs` is written out below, plainly, in 64-bit floats where numpy has no reason to do otherwise.
"""
import sys

import numpy as np
import onnx


def weights(path):
    """Constants of the branch for sample rates other than 16 kHz, by their names in the ONNX file."""
    found = {}

    def walk(graph):
        for node in graph.node:
            for attribute in node.attribute:
                if node.op_type == "Constant" and attribute.name == "value":
                    found[node.output[0].split("Inline_0__")[-1]] = onnx.numpy_helper.to_array(attribute.t)
                if attribute.g.node:
                    walk(attribute.g)

    for node in onnx.load(path).graph.node:
        if node.op_type == "If":
            for attribute in node.attribute:
                if attribute.name == "else_branch":
                    walk(attribute.g)
    return found


def flat(w):
    yield w["stft.forward_basis_buffer"].reshape(130, 128)
    for layer, shape in enumerate(((128, 65, 3), (64, 128, 3), (64, 64, 3), (128, 64, 3))):
        yield w[f"encoder.{layer}.reparam_conv.weight"].reshape(shape)
        yield w[f"encoder.{layer}.reparam_conv.bias"].reshape(shape[0])
    yield w["decoder.rnn.weight_ih"].reshape(512, 128)
    yield w["decoder.rnn.weight_hh"].reshape(512, 128)
    yield w["decoder.rnn.bias_ih"].reshape(512)
    yield w["decoder.rnn.bias_hh"].reshape(512)
    yield w["decoder.decoder.2.weight"].reshape(128)
    yield w["decoder.decoder.2.bias"].reshape(1)


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def convolve(x, weight, bias, stride):
    x = np.pad(x, ((0, 0), (1, 1)))
    columns = (x.shape[1] - 3) // stride + 1
    out = [np.tensordot(weight, x[:, t * stride:t * stride + 3], 2) for t in range(columns)]
    return np.stack(out, 1) + bias[:, None]


def probabilities(w, pcm):
    """32 samples of the chunk before and 256 new ones, 32 more by reflection; 4 columns of spectrum, 4 convolutions,
    one LSTM cell, one sum."""
    basis = w["stft.forward_basis_buffer"][:, 0]
    h = c = np.zeros(128)
    context = np.zeros(32, np.float32)
    for start in range(0, len(pcm) - 255, 256):
        chunk = np.concatenate([context, pcm[start:start + 256]])
        context = chunk[-32:]
        x = np.pad(chunk, (0, 32), "reflect")
        spectrum = np.stack([basis @ x[t * 64:t * 64 + 128] for t in range(4)], 1)
        y = np.sqrt(spectrum[:65] ** 2 + spectrum[65:] ** 2)
        for layer, stride in enumerate((1, 2, 2, 1)):
            name = f"encoder.{layer}.reparam_conv"
            y = np.maximum(convolve(y, w[f"{name}.weight"], w[f"{name}.bias"], stride), 0)
        gates = (w["decoder.rnn.weight_ih"] @ y[:, 0] + w["decoder.rnn.bias_ih"]
                 + w["decoder.rnn.weight_hh"] @ h + w["decoder.rnn.bias_hh"])
        i, f, g, o = sigmoid(gates[:128]), sigmoid(gates[128:256]), np.tanh(gates[256:384]), sigmoid(gates[384:])
        c = f * c + i * g
        h = o * np.tanh(c)
        out = (w["decoder.decoder.2.weight"].reshape(128) * np.maximum(h, 0)).sum()
        yield sigmoid(out + w["decoder.decoder.2.bias"].reshape(1)[0])


def read_ulaw(path):
    """G.711 mu-law file -> float samples, -1..1."""
    b = ~np.fromfile(path, np.uint8).astype(np.int64) & 255
    t = (((b & 15) << 3) + 132) << ((b & 112) >> 4)
    return (np.where(b & 128, 132 - t, t - 132) / 32768).astype(np.float32)


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    w = weights(sys.argv[1])
    with open(sys.argv[3], "wb") as out:
        if sys.argv[2] == "weights":
            for tensor in flat(w):
                out.write(tensor.astype("<f4").tobytes())
        else:
            out.write(np.array(list(probabilities(w, read_ulaw(sys.argv[4]))), "<f4").tobytes())


if __name__ == "__main__":
    main()
