// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that the fuzzer's runtime instruments the parsers and nothing else is built with it. `run.sh` builds and
// runs every target; a new one is a folder `Sources/Fuzz<Name>`, a line here, and seeds in `corpus/<name in lower case>`.

func target(_ name: String, _ products: [String]) -> Target {
  .executableTarget(
    name: "Fuzz\(name)", dependencies: products.map { .product(name: $0, package: "clymene") },
    path: "Sources/Fuzz\(name)", swiftSettings: [.swiftLanguageMode(.v6)])
}

let package = Package(
  name: "clymene-fuzz",
  dependencies: [.package(name: "clymene", path: "..")],
  targets: [
    target("Text", ["Parsing"]),
    target("Block", ["Codec"]),
    target("Table", ["Codec"]),
    target("Envelope", ["Codec"]),
    target("Zstd", ["Codec"]),
    target("Salvage", ["WAL", "Codec"]),
    target("Tree", ["WAL"]),
    target("Letter", ["WAL", "Codec"]),
    target("RemoteWrite", ["Wire"]),
    target("Snappy", ["Wire"]),
    target("GRPCServices", ["Wire"]),
    target("Push", ["LooseTables", "Wire", "Codec"]),
    target("LokiPush", ["Wire"]),
    target("LokiLabels", ["Wire"]),
    target("Gateway", ["Wire"]),
  ])
