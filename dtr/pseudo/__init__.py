"""Pseudo-fakes: camera clips passed through small decoders that were trained here, to learn from what decoders leave.

A pseudo-fake shows what its camera clip shows, came from the same file and is fake everywhere: neither content nor
source can tell the two apart, only the marks of a decoder can. `train_autoencoders` (`dtr.pseudo.run`) makes a
folder of networks, `load_faker` and `pseudo_frames` (`dtr.pseudo.frames`) apply them.

Importing this package, or `dtr.pseudo.frames`, does not import torch.
"""
