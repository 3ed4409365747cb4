#!/bin/sh
# Writes the descriptors that gRPC reflection hands out: docs/proto/*.proto as protoc compiles them, into a Swift file.
#
#   scripts/descriptors.sh        needs protoc (apt-get install protobuf-compiler) and python3
set -eu
cd "$(dirname "$0")/.."
out=Sources/Collectors/Gateway/GRPC/DescriptorBytes.swift
set=$(mktemp)
trap 'rm -f "$set"' EXIT
${PROTOC:-protoc} --proto_path=docs/proto --descriptor_set_out="$set" docs/proto/*.proto
python3 - "$set" "$out" << 'PYTHON'
import base64, sys

def fields(data):
    at = 0
    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
    while at < len(data):
        key = varint()
        assert key & 7 == 2, "only length-delimited fields are looked at"
        length = varint()
        yield key >> 3, data[at:at + length]
        at += length

with open(sys.argv[1], "rb") as file:
    files = [value for number, value in fields(file.read()) if number == 1]
with open(sys.argv[2], "w") as out:
    out.write("// Written by scripts/descriptors.sh from docs/proto; not to be edited.\n\n")
    out.write("/// A FileDescriptorProto for each file of docs/proto, in base64.\nenum DescriptorBytes {\n")
    out.write("  static let files: [String] = [\n")
    for value in files:
        text = base64.b64encode(value).decode()
        lines = [text[i:i + 100] for i in range(0, len(text), 100)]
        out.write('    """\n' + "\\\n".join("    " + line for line in lines) + '\n    """,\n')
    out.write("  ]\n}\n")
PYTHON
