"""The only door to onnx and onnxruntime. Folder `export/` is imported as `dtr.export`."""
