"""The detectors that ship with DTR: one ONNX file each, with its model card."""
