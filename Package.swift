// swift-tools-version: 6.2
import PackageDescription

/// `CLYMENE_PURE=1` leaves out every target that needs SwiftNIO, so that sanitizers, fuzzing and benchmarks of the
/// block, the log and the parsers build in seconds.
let pureOnly = Context.environment["CLYMENE_PURE"] == "1"

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

func room(_ name: String, _ path: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, path: path, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, path: "Tests/\(name)", exclude: exclude, swiftSettings: strict)
}

func bench(_ name: String, _ path: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, path: path, swiftSettings: strict)
}

// Each C library has one importer beside it.
let systemLibraries: [Target] = [
  .systemLibrary(name: "CLMDB", path: "Sources/WAL/CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
  .systemLibrary(name: "CZstd", path: "Sources/WAL/CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
  .systemLibrary(
    name: "CXXHash", path: "Sources/WAL/CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
  .systemLibrary(
    name: "CCrypto", path: "Sources/WAL/CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
  .systemLibrary(
    name: "CZlib", path: "Sources/Forwarders/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
  .systemLibrary(
    name: "CSnappy", path: "Sources/Forwarders/CSnappy", pkgConfig: "snappy", providers: [.apt(["libsnappy-dev"])]),
]

let pureTargets: [Target] = [
  room("Model", "Sources/WAL/Model", []),
  room("Codec", "Sources/WAL/Codec", ["Model", "CZstd", "CXXHash", "CCrypto"]),
  .target(
    name: "CTreeWalk", dependencies: ["CLMDB"], path: "Sources/WAL/CTreeWalk",
    cSettings: [.treatAllWarnings(as: .error)]),
  room("WAL", "Sources/WAL/Store", ["Model", "Codec", "CLMDB", "CTreeWalk"]),
  room("Parsing", "Sources/Collectors/Parsing", ["Model"]),
  tests("ModelTests", ["Model"]),
  tests("CodecTests", ["Codec", "Model"], exclude: ["Golden"]),
  bench("BlockBench", "Sources/Bin/Bench/Block", ["Codec", "Model", "Parsing"]),
  tests("ParsingTests", ["Parsing", "Model"]),
  bench("ParseBench", "Sources/Bin/Bench/Parse", ["Parsing", "Model"]),
]

// The log's tests, and the program that they start and kill.
let walTests: [Target] = [
  .target(name: "Recorder", path: "Tests/Support/Recorder", cSettings: [.treatAllWarnings(as: .error)]),
  .executableTarget(
    name: "wal-child", dependencies: ["WAL", "Codec", "Model", "CLMDB", "Recorder"], path: "Tests/Support/WALChild",
    swiftSettings: strict),
  bench("LogBench", "Sources/Bin/Bench/Log", ["WAL", "Codec", "Model", "CLMDB"]),
  tests("WALTests", ["WAL", "Codec", "Model", "CLMDB", "CTreeWalk"], exclude: ["DeadLetters/Golden"]),
]

let scrapeTargets: [Target] = [
  room("ScrapeTables", "Sources/Collectors/ScrapeTables", ["Model", "Codec", "Parsing"]),
  tests("ScrapeTablesTests", ["ScrapeTables", "Parsing", "Model", "Codec"]),
  bench("ScrapeBench", "Sources/Bin/Bench/Scrape", ["ScrapeTables", "Model", "Codec"]),
]

let looseTargets: [Target] = [
  room("LooseTables", "Sources/Collectors/LooseTables", ["Model", "Codec", "Wire", "Parsing"]),
  bench("PushBench", "Sources/Bin/Bench/Push", ["LooseTables", "Wire", "Model", "Codec"]),
  tests("LooseTablesTests", ["LooseTables", "Wire", "Parsing", "Model", "Codec"]),
]

let wireTargets: [Target] = [
  room("Wire", "Sources/Forwarders/Wire", ["Model", "Codec", "CSnappy"]),
  tests("WireTests", ["Wire", "Model", "Codec"]),
  bench("RemoteWriteBench", "Sources/Bin/Bench/RemoteWrite", ["Wire", "Model", "Codec"]),
  bench("LokiBench", "Sources/Bin/Bench/Loki", ["Wire", "Model", "Codec"]),
]

let grpc: [Target.Dependency] = [
  .product(name: "GRPCCore", package: "grpc-swift-2"),
  .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
]

let nioTargets: [Target] = [
  room("GatewayRPC", "Sources/Forwarders/GatewayRPC", ["Wire", .product(name: "GRPCCore", package: "grpc-swift-2")]),
  room(
    "HTTP", "Sources/Forwarders/HTTP",
    [
      "Model", "Codec", "CZlib", .product(name: "AsyncHTTPClient", package: "async-http-client"),
      .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
      .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
      .product(name: "NIOTLS", package: "swift-nio"),
    ]),
  room(
    "GatewayCollectors", "Sources/Collectors/Gateway",
    [
      "Model", "Codec", "Wire", "LooseTables", "GatewayRPC", "HTTP",
      .product(name: "Hummingbird", package: "hummingbird"),
      .product(name: "HummingbirdTLS", package: "hummingbird"),
      .product(name: "NIOCertificateReloading", package: "swift-nio-extras"),
      .product(name: "X509", package: "swift-certificates"),
      .product(name: "Logging", package: "swift-log"),
    ] + grpc),
  tests(
    "GatewayCollectorsTests",
    [
      "GatewayCollectors", "GatewayRPC", "LooseTables", "Wire", "WAL", "Codec", "Model",
      .product(name: "NIOEmbedded", package: "swift-nio"),
    ]),
  room("Collectors", "Sources/Collectors/Scrape", ["Model", "Codec", "Parsing", "ScrapeTables", "HTTP"]),
  .target(
    name: "Forwarders",
    dependencies: [
      "Model", "Codec", "Wire", "HTTP", "GatewayRPC", .product(name: "NIOCore", package: "swift-nio"),
      .product(name: "NIOHTTP2", package: "swift-nio-http2"), .product(name: "NIOHPACK", package: "swift-nio-http2"),
    ] + grpc,
    path: "Sources/Forwarders", exclude: ["CSnappy", "CZlib", "HTTP", "Wire", "GatewayRPC"],
    sources: ["File", "Prometheus", "Gateway", "Loki"], swiftSettings: strict),
  tests(
    "ForwardersTests",
    [
      "Forwarders", "GatewayRPC", "HTTP", "Wire", "Model", "Codec", "CZstd",
      .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP2", package: "swift-nio-http2"),
    ] + grpc),
  bench("FileBench", "Sources/Bin/Bench/File", ["Forwarders", "Model", "Codec"]),
  bench("GatewayBench", "Sources/Bin/Bench/Gateway", ["Forwarders", "HTTP", "Model", "Codec"]),
  tests(
    "CollectorsTests",
    [
      "Collectors", "HTTP", "CZlib", "ScrapeTables", "Parsing", "Model", "Codec",
      .product(name: "AsyncHTTPClient", package: "async-http-client"), .product(name: "NIOCore", package: "swift-nio"),
      .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
    ]),
]

let programTargets: [Target] = [
  .systemLibrary(name: "CMalloc", path: "Sources/Bin/CMalloc"),
  room(
    "Runtime", "Sources/Bin/Runtime",
    [
      "Model", "Codec", "WAL", "HTTP", "Collectors", "GatewayCollectors", "Forwarders",
      .product(name: "Hummingbird", package: "hummingbird"),
      .product(name: "Logging", package: "swift-log"),
      .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"), .product(name: "Yams", package: "Yams"),
    ]),
  tests(
    "RuntimeTests",
    ["Runtime", "Forwarders", "HTTP", "Model", "Codec", "WAL", .product(name: "Yams", package: "Yams")]),
  .executableTarget(
    name: "clymene",
    dependencies: [
      "Runtime", "WAL", "Codec", "Model", "CMalloc", .product(name: "Logging", package: "swift-log"),
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ], path: "Sources/Bin/CLI", swiftSettings: strict),
  tests("EndToEndTests", ["clymene", "Forwarders", "Wire", "WAL", "Codec", "Model"]),
]

let nioProducts: [Product] = [
  .executable(name: "bench-file", targets: ["FileBench"]),
  .executable(name: "bench-gateway", targets: ["GatewayBench"]),
]

let package = Package(
  name: "clymene",
  products: [
    .library(name: "Codec", targets: ["Model", "Codec"]),
    .library(name: "WAL", targets: ["WAL", "CTreeWalk"]),
    .library(name: "Parsing", targets: ["Parsing"]),
    .executable(name: "bench-block", targets: ["BlockBench"]),
    .executable(name: "bench-parse", targets: ["ParseBench"]),
    .executable(name: "bench-wal", targets: ["LogBench"]),
    .executable(name: "bench-scrape", targets: ["ScrapeBench"]),
    .executable(name: "bench-remote-write", targets: ["RemoteWriteBench"]),
    .executable(name: "bench-push", targets: ["PushBench"]),
    .executable(name: "bench-loki", targets: ["LokiBench"]),
    .library(name: "Wire", targets: ["Wire"]),
    .library(name: "LooseTables", targets: ["LooseTables"]),
  ] + (pureOnly ? [] : nioProducts),
  dependencies: pureOnly
    ? []
    : [
      .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
      .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
      .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
      .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
      .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
      .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
      .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
      .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
      .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
      .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
      .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
      .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
      .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
  targets: systemLibraries + pureTargets + scrapeTargets + wireTargets + looseTargets + walTests
    + (pureOnly ? [] : nioTargets + programTargets)
)
